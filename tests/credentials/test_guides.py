"""Credentials that people get by hand: the steps say exactly what to enter, and what is pasted is proved before it serves."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlkit import ADMIN
from credentials.kit import an_organisation, attach, run, slot, states, told_of
from stationmaster.credentials import services as credentials
from stationmaster.credentials.records import credentials as records
from stationmaster.credentials.sources import policy
from stationmaster.credentials.sources.policy import SourcePolicy
from stationmaster.errors import Conflict, Forbidden, Invalid, NotFound
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS

KEY = "sk-ant-api03-of-a-service-account"


def token(**claims: Any) -> str:
    """An identity token as an identity provider would sign one; nobody checks the signature here."""
    head = {"alg": claims.pop("alg", "RS256"), "kid": claims.pop("kid", "key-1"), "typ": "JWT"}
    body = {"iss": "https://login.example.com/tenant", "sub": "system:serviceaccount:ops:stationmaster",
            "aud": ["https://api.anthropic.com"], "iat": 1_790_000_000, "exp": 1_790_003_600, **claims}  # fmt: skip
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (head, body)]
    return ".".join((*parts, "c2lnbmF0dXJl"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of identity tokens."""
    policy.use(lambda: SourcePolicy(folder=tmp_path))
    yield tmp_path
    policy.use(SourcePolicy)


def way(found: Any, which: str) -> list[Any]:
    """The steps of one way."""
    return next(each["steps"] for each in found["ways"] if each["way"] == which)


def values(steps: list[Any]) -> dict[str, str]:
    """All that is to be entered."""
    return {name: value for step in steps for name, value in step["values"].items()}


@pytest.mark.parametrize("vendor", [name for name, each in VENDORS.items() if each.inference])
def test_every_vendor_has_a_way(database: str, vendor: str) -> None:
    """Pasting always works: there are steps for each vendor whose credentials gateways use."""
    assert len(way(credentials.guide(ADMIN, vendor, {}), "paste")) >= 2


def test_the_name_of_the_key(database: str, sandbox: SandboxServer) -> None:
    """The steps say where to go, and what to call the key: by the credential and the number that its next secret has, so that
    the vendor's list can be read."""
    steps = way(credentials.guide(ADMIN, "anthropic", {"name": "claude"}), "paste")
    assert steps[0]["link"].startswith("https://platform.claude.com/")
    assert values(steps)["name"] == "stationmaster claude 1"
    paste(sandbox)
    assert values(way(credentials.guide(ADMIN, "anthropic", {"name": "claude"}), "paste"))["name"] == "stationmaster claude 2"


def test_federation_letter_by_letter(database: str, folder: Path) -> None:
    """With the identity token that will be presented, the steps give issuer, subject and audience as they stand in it; the token
    itself is nowhere."""
    text = token()
    (folder / "anthropic").write_text(text)
    found = credentials.guide(ADMIN, "anthropic", {"name": "Claude EU", "identity": "file:anthropic"})
    entered = values(way(found, "federation"))
    assert entered["issuer URL"] == "https://login.example.com/tenant"
    assert entered["subject"] == "system:serviceaccount:ops:stationmaster"
    assert entered["audience"] == "https://api.anthropic.com"
    assert entered["name"] == "stationmaster-claude-eu"
    assert entered["scope"] == "workspace:inference"
    assert found["problems"] == []
    told = json.dumps(found)
    assert not any(part in told for part in text.split("."))


@pytest.mark.parametrize(("claims", "words"), [
    ({"alg": "HS256"}, "key pair"), ({"kid": ""}, "key pair"), ({"sub": ""}, "iss, sub"), ({"exp": 1_790_010_000}, "longer"),
])  # fmt: skip
def test_what_the_vendor_would_refuse_is_said_before(database: str, folder: Path, claims: dict[str, Any], words: str) -> None:
    """All refusals of the vendor's look the same: what would be one is said here."""
    (folder / "anthropic").write_text(token(**claims))
    (problem,) = credentials.guide(ADMIN, "anthropic", {"identity": "file:anthropic"})["problems"]
    assert words in problem


def test_a_guide_that_cannot_be_given(database: str, folder: Path) -> None:
    """No such vendor, a file that is no token, a source that there is not: each is said; and not every role sees guides."""
    (folder / "broken").write_text("a.b.c")
    with pytest.raises(Invalid):
        credentials.guide(ADMIN, "nobody", {})
    with pytest.raises(Invalid):
        credentials.guide(ADMIN, "anthropic", {"identity": "file:broken"})
    with pytest.raises(NotFound):
        credentials.guide(ADMIN, "anthropic", {"identity": "credential:none"})
    with pytest.raises(Forbidden):
        credentials.guide(Actor("operator", "op_1", "viewer"), "anthropic", {})


def test_the_workspace_to_choose(database: str, sandbox: SandboxServer) -> None:
    """For an attached organisation the steps name it."""
    org = an_organisation(sandbox, "anthropic")
    attach(sandbox, org)
    entered = values(way(credentials.guide(ADMIN, "anthropic", {"workspace": org.name}), "paste"))
    assert entered["organisation"] == org.name


def paste(sandbox: SandboxServer, name: str = "claude", secret: str = KEY, **more: Any) -> str:
    """Paste one that works; its job."""
    given = {"secret": secret, "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True, **more}
    job = credentials.paste_credential(ADMIN, name, given)["id"]
    assert run(job)["state"] == "succeeded", told_of(job)
    return str(job)


def test_pasted_is_proved_before_it_serves(database: str, sandbox: SandboxServer) -> None:
    """The vendor is taken from the secret's shape; no gateway has the secret until the vendor said that it works; whose it is, as
    the vendor says, stands beside it."""
    given = {"secret": KEY, "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True}
    job = credentials.paste_credential(ADMIN, "claude", given)["id"]
    before = dict(records()).get("claude")
    assert before is None or before.disabled or not before.secret
    assert states("claude") == {1: "minted"}
    assert run(job)["state"] == "succeeded", told_of(job)
    assert states("claude") == {1: "live"}
    assert dict(records())["claude"].secret == KEY
    row = slot("claude")
    assert (row.vendor, row.probe_ok) == ("anthropic", True)
    assert row.organisation_seen


def test_pasted_and_refused(database: str, sandbox: SandboxServer) -> None:
    """What the vendor refuses never serves; its place stays free for another, which may be pasted right away."""
    sandbox.spoil("sk-ant-api03-wrong", "sandbox-401")
    given = {"secret": "sk-ant-api03-wrong", "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True}
    job = credentials.paste_credential(ADMIN, "claude", given)["id"]
    assert run(job)["state"] == "failed"
    assert states("claude") == {1: "failed"}
    record = dict(records()).get("claude")
    assert record is None or record.disabled or not record.secret
    job = credentials.paste_credential(ADMIN, "claude", {"secret": KEY})["id"]
    assert run(job)["state"] == "succeeded", told_of(job)
    assert states("claude") == {1: "failed", 2: "live"}


def test_the_next_one_is_a_rotation(database: str, sandbox: SandboxServer) -> None:
    """Pasting over one that serves brings the new one in beside it, and is refused for another vendor's."""
    paste(sandbox, keep_hours=0)
    job = credentials.paste_credential(ADMIN, "claude", {"secret": KEY + "-next"})["id"]
    run(job)
    assert slot("claude").generation == 2
    with pytest.raises(Conflict):
        credentials.paste_credential(ADMIN, "claude", {"secret": "sk-proj-x", "vendor": "openai"})


@pytest.mark.parametrize(("secret", "code"), [
    ("sk-ant-oat01-of-a-subscription", "error.credential.not_for_api_use"),
    ("sk-ant-admin01-of-the-organisation", "error.credential."), ("something", "error.credential.unknown_kind"),
])  # fmt: skip
def test_what_is_no_key_is_refused(database: str, secret: str, code: str) -> None:
    """Tokens of subscriptions, admin keys and what nobody can tell the vendor of are refused, and nothing is stored."""
    with pytest.raises(Invalid) as caught:
        credentials.paste_credential(ADMIN, "claude", {"secret": secret})
    assert caught.value.code.startswith(code)
    assert secret not in str(caught.value)
    with pytest.raises(NotFound):
        credentials.get_credential(ADMIN, "claude")


@pytest.mark.parametrize("parts", [
    ({}, {"iat": 0, "exp": float("inf")}), ({}, {"exp": [1]}), ([], {}), ({}, []), ({}, '{"exp": 1e999}'), ({}, "[" * 9000),
])  # fmt: skip
def test_an_odd_identity_token_is_refused_with_words(database: str, folder: Path, parts: tuple[Any, Any]) -> None:
    """Whatever its parts are, it is told that the token cannot be read."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in parts]
    whole = ".".join([*(base64.urlsafe_b64encode(each.encode()).rstrip(b"=").decode() for each in texts), "c2ln"])
    (folder / "odd").write_text(whole)
    with pytest.raises(Invalid) as told:
        credentials.guide(ADMIN, "anthropic", {"identity": "file:odd"})
    assert told.value.code == "error.source.bad_identity"
