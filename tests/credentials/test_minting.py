"""Keys are made at the vendor, proved, and nothing of a mint that broke off stays there."""

import pytest

from controlkit import ADMIN
from credentials.kit import an_organisation, attach, minted, ours, project_of, run, slot, states, told_of
from stationmaster.credentials import services as credentials
from stationmaster.credentials.records import credentials as records
from stationmaster.errors import Conflict
from stationmaster.sandbox.server import SandboxServer


def test_a_minted_key_serves(database: str, sandbox: SandboxServer) -> None:
    """A new credential is made with a key of its own service account, which was probed, has the asked end, and is what gateways
    get; its name at the vendor says whose it is."""
    org = an_organisation(sandbox)
    row = minted(sandbox, org, lifetime_days=30)
    assert states() == {1: "live"}
    one = row.generations.get()
    assert ours(org) == [one.name, one.name]
    assert one.vendor_key in {key.id for key in org.keys.all()}
    assert row.expires_at is not None
    assert row.expires_at == one.expires_at
    record = dict(records())["slot"]
    assert record.secret.startswith("sk-svcacct-")
    assert not record.disabled
    assert record.generation == 1


def test_where_nobody_says_where(database: str, sandbox: SandboxServer) -> None:
    """Keys of a workspace at an address of its own serve there, not at the vendor's public one, where nobody would know them."""
    org = an_organisation(sandbox)
    attach(sandbox, org)
    job = credentials.mint_credential(ADMIN, "slot", {"workspace": org.name, "project": project_of(org)})
    assert run(job["id"])["state"] == "succeeded", told_of(job["id"])
    assert slot().base_url == org.base_url(sandbox.url)
    assert slot().allow_insecure_http
    assert states() == {1: "live"}


@pytest.mark.parametrize("fault", ["500-after", "close-after", "cut-after"])
def test_an_answer_that_is_lost(database: str, sandbox: SandboxServer, fault: str) -> None:
    """The vendor makes the key, and its answer never comes: the next try deletes what nobody holds, and makes another."""
    org = an_organisation(sandbox)
    attach(sandbox, org)
    org.faults.set(fault, on="POST */service_accounts", times=1)
    job = credentials.mint_credential(ADMIN, "slot", {
        "workspace": org.name, "project": project_of(org), "base_url": f"{sandbox.url}/v1",
        "allow_insecure_http": True,
    })  # fmt: skip
    assert run(job["id"])["state"] == "succeeded", told_of(job["id"])
    made = [write for write in org.writes() if write.operation.startswith("POST") and write.done]
    assert len(made) == 2
    live = slot().generations.get(state="live")
    credentials.tend()
    from credentials.kit import run_all

    run_all()
    assert ours(org) == [live.name, live.name]


def test_a_vendor_that_mints_nothing(database: str, sandbox: SandboxServer) -> None:
    """Where keys are made by hand, minting says step by step how."""
    org = an_organisation(sandbox, "anthropic")
    attach(sandbox, org)
    with pytest.raises(Conflict) as caught:
        credentials.mint_credential(ADMIN, "slot", {"workspace": org.name, "project": "wrkspc_1"})
    assert caught.value.code == "error.credential.paste_needed"
    assert "credential guide" in caught.value.hint
