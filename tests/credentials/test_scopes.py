"""A key that may do only some things is made in two calls at the vendor: nothing of one that broke off stays there."""

import pytest

from controlkit import ADMIN
from credentials.kit import an_organisation, attach, minted, ours, project_of, run, run_all, slot, states, told_of
from stationmaster.credentials import services as credentials
from stationmaster.sandbox.admin import Organisation
from stationmaster.sandbox.server import SandboxServer

SCOPES = ["api.model.request", "api.model.read"]


def key_of(org: Organisation) -> tuple[str, ...]:
    """What the vendor lets the live key do."""
    row = org.keys.get(slot().generations.get(state="live").vendor_key)
    assert row is not None
    return row.scopes


def test_scopes_reach_the_vendor_and_follow(database: str, sandbox: SandboxServer) -> None:
    """A minted key may do what was asked for, and ends when it was asked to; so does the one after it."""
    org = an_organisation(sandbox)
    minted(sandbox, org, scopes=SCOPES, lifetime_days=30)
    assert key_of(org) == tuple(SCOPES)
    first = slot().expires_at
    assert first is not None
    run(credentials.rotate_credential(ADMIN, "slot", {})["id"])
    run_all()
    assert states() == {1: "revoked", 2: "live"}
    assert key_of(org) == tuple(SCOPES)
    assert slot().expires_at is not None


@pytest.mark.parametrize("fault", ["500", "500-after", "close-after", "cut-after"])
@pytest.mark.parametrize("call", ["POST */service_accounts", "POST */api_keys"])
def test_no_orphan_of_either_call(database: str, sandbox: SandboxServer, call: str, fault: str) -> None:
    """Whichever of the two calls fails, before or after it was done: in the end the vendor holds one account and one key."""
    org = an_organisation(sandbox)
    attach(sandbox, org)
    org.faults.set(fault, on=call, times=1)
    job = credentials.mint_credential(ADMIN, "slot", {
        "workspace": org.name, "project": project_of(org), "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True,
        "scopes": SCOPES,
    })  # fmt: skip
    assert run(job["id"])["state"] == "succeeded", told_of(job["id"])
    credentials.tend()
    run_all()
    live = slot().generations.get(state="live")
    assert ours(org) == [live.name, live.name]
    assert key_of(org) == tuple(SCOPES)
