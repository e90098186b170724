"""What somebody tried: a leak undone by what was under way, a secret sent to another address, an end that nobody brings about."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controlkit import ADMIN, OPERATOR
from credentials.kit import QUICK, an_organisation, attach, minted, ours, project_of, run, run_all, run_once, slot, states
from stationmaster.credentials import generations, policy
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.credentials.sources import clock
from stationmaster.credentials.work import identifying, minting, opening, rotate
from stationmaster.errors import Conflict, Forbidden, Invalid, Overtaken
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import QUEUED
from stationmaster.sandbox.server import SandboxServer
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.vendors._base import Key, Probe

FIRST, SECOND, THIRD = (f"sk-proj-{name}000000000001" for name in ("FIRST", "SECOND", "THIRD"))
MINE = "https://mine.example.com/v1"


def pasted(**more: Any) -> Credential:
    """A credential that somebody pasted."""
    credentials.create_credential(ADMIN, {"name": "slot", "vendor": "openai", "secret": FIRST, **more})
    return slot()


def revoke() -> str:
    """It leaked; the job."""
    return str(credentials.revoke_credential(ADMIN, "slot", {"reason": "leaked"})["id"])


def once(act: Callable[[], object], then: Callable[..., Any]) -> tuple[Callable[..., Any], list[int]]:
    """`then`, before whose first call `act` is done; what says that it was."""
    done: list[int] = []

    def wrapped(*args: Any, **named: Any) -> Any:
        if not done:
            done.append(1)
            act()
        return then(*args, **named)

    return wrapped, done


def out_of_use() -> None:
    """No secret of it is anywhere, and no gateway has it."""
    row = slot()
    assert row.disabled
    assert not row.secret
    assert not any(each.secret for each in row.generations.all())


# a whole row that was read before

def test_a_row_that_was_read_before_is_not_saved_over_a_later_one(database: str) -> None:
    """Who read a row outside of their change, and is overtaken by another, changes nothing; who reads it anew does."""
    early = pasted()
    credentials.update_credential(ADMIN, "slot", {"disabled": True})
    with pytest.raises(Overtaken) as told, change(ADMIN) as edit, edit.updating(early):
        early.organisation = "other"
    assert told.value.retryable
    assert slot().disabled
    assert slot().organisation == ""
    with change(ADMIN) as edit, edit.updating(row := slot()):
        row.organisation = "other"
    assert (slot().disabled, slot().organisation) == (True, "other")


def test_what_was_seen_meanwhile_is_not_written_back(database: str) -> None:
    """A gateway's report that comes while a row is being changed stands: the change saves what people decide, and no more."""
    row = pasted()
    with change(ADMIN) as edit, edit.updating(row):
        Credential.objects.filter(id=row.id).observe(health="disabled", health_cause="invalid_key")
        row.organisation = "other"
    assert (slot().health, slot().health_cause, slot().organisation) == ("disabled", "invalid_key", "other")


# a leak, while something is under way

@pytest.mark.parametrize("share", [0, 50, 100])
def test_a_leak_while_a_rotation_is_under_way(
    database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch, share: int
) -> None:
    """Whatever the rotation is about to write, the revocation stands: nothing serves, nothing is left at the vendor."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    real = rotate._facts
    done: list[Any] = []

    def facts(row: Credential, mine: CredentialSecret | None) -> Any:
        found = real(row, mine)
        if mine is not None and mine.state == "probed" and row.share == share and not done:
            done.append(1)
            revoke()
        return found

    monkeypatch.setattr(rotate, "_facts", facts)
    job = credentials.rotate_credential(ADMIN, "slot", {})["id"]
    run_once(job)
    run_all()
    assert done
    out_of_use()
    assert set(states().values()) <= {"revoked", "failed"}
    assert ours(org) == []


def test_a_leak_while_a_workspace_is_rotated(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is about other credentials too and goes on; it makes no key for the one that leaked."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    wrapped, done = once(revoke, minting.prove)
    monkeypatch.setattr(minting, "prove", wrapped)
    run(credentials.rotate_workspace(ADMIN, org.name, {})["id"])
    run_all()
    assert done
    out_of_use()
    assert ours(org) == []


def test_a_leak_while_the_vendor_makes_a_key(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key that the vendor just made goes away there, and is not brought in."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    real = opening.minting
    done: list[Any] = []

    class Slow:
        def __init__(self, adapter: Any) -> None:
            self._adapter = adapter

        def mint_key(self, *args: Any, **named: Any) -> Any:
            made = self._adapter.mint_key(*args, **named)
            if not done:
                done.append(1)
                revoke()
            return made

        def __getattr__(self, name: str) -> Any:
            return getattr(self._adapter, name)

    monkeypatch.setattr(minting, "minting", lambda run, place: Slow(real(run, place)))
    run_once(credentials.rotate_credential(ADMIN, "slot", {})["id"])
    run_all()
    assert done
    out_of_use()
    assert ours(org) == []


def test_a_leak_while_it_is_probed(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that finds out whose key it is takes nothing back of what a person did meanwhile."""
    place = attach(sandbox, an_organisation(sandbox))
    pasted(workspace=place.name, base_url=f"{sandbox.url}/v1", allow_insecure_http=True)

    class Listing:
        def keys(self) -> Iterator[Key]:
            revoke()
            yield Key("key_1", "n", hint=f"sk-proj-...{FIRST[-4:]}", project="proj_1", status="active")

        def revoke_key(self, key: Key) -> None: ...

    monkeypatch.setattr(identifying, "HasKeys", Listing)
    monkeypatch.setattr(identifying, "admin", lambda run, place: Listing())
    monkeypatch.setattr(opening, "probe", lambda run, row, secret: Probe(True))
    run(credentials.probe_credential(ADMIN, "slot", {})["id"])
    out_of_use()


def test_an_edit_while_a_rotation_is_under_way(database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person says of a credential meanwhile stays said, and the rotation goes on."""
    minted(sandbox, an_organisation(sandbox))
    wrapped, done = once(lambda: credentials.update_credential(ADMIN, "slot", {"disabled": True}), rotate._facts)
    monkeypatch.setattr(rotate, "_facts", wrapped)
    assert run(credentials.rotate_credential(ADMIN, "slot", {})["id"])["state"] == "succeeded"
    assert done
    assert slot().disabled
    assert states() == {1: "revoked", 2: "live"}


# the end that was asked for

def test_a_leak_whose_job_was_cancelled(database: str, sandbox: SandboxServer) -> None:
    """Who may cancel jobs, and not revoke, cancels no revocation; whatever ended the job, tending begins it anew."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    job = revoke()
    only = Actor("token", "t", "operator", "r", frozenset({"jobs:cancel"}))
    with pytest.raises(Forbidden):
        jobs.cancel(only, job)
    jobs.cancel(OPERATOR, job)
    run_all()
    assert ours(org)
    credentials.tend()
    run_all()
    assert ours(org) == []
    assert states() == {1: "revoked"}
    assert not credentials.tend(), "it is over, and nothing more is queued"


def test_a_leak_that_the_vendor_would_not_hear_of(database: str, sandbox: SandboxServer) -> None:
    """A vendor that was down for longer than the job tries is asked again, until it does not know the key."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    org.faults.set("500", on="DELETE *", times=None)
    assert run(revoke(), most=60)["state"] == "failed"
    org.faults.clear()
    credentials.tend()
    run_all()
    assert ours(org) == []
    assert states() == {1: "revoked"}


def test_a_new_key_does_not_end_with_the_one_that_leaked(database: str, sandbox: SandboxServer) -> None:
    """What was pasted after the leak serves on, however late the vendor is asked to revoke the one before."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    job = revoke()
    credentials.update_credential(ADMIN, "slot", {"secret": SECOND, "disabled": False})
    run(job)
    run_all()
    assert slot().secret.holds(SECOND)
    assert not slot().disabled
    assert ours(org) == []
    credentials.tend()
    run_all()
    assert slot().secret.holds(SECOND)


def test_going_back_while_the_one_before_is_revoked(
    database: str, sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the vendor is asked to revoke it there is no way back to it: gateways never get a key that is gone."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    refused: list[str] = []

    def back() -> None:
        try:
            credentials.roll_back(ADMIN, "slot", {})
        except Conflict as error:
            refused.append(error.code)

    wrapped, done = once(back, minting.revoke_at_vendor)
    monkeypatch.setattr(minting, "revoke_at_vendor", wrapped)
    assert run(credentials.rotate_credential(ADMIN, "slot", {})["id"])["state"] == "succeeded"
    assert refused == ["error.credential.no_way_back"]
    assert done
    assert states() == {1: "revoked", 2: "live"}
    live = slot().generations.get(state="live")
    assert ours(org) == [live.name, live.name]


# other addresses

def junk(**more: Any) -> None:
    """An operator gives it an address of theirs, with a secret of theirs."""
    credentials.update_credential(OPERATOR, "slot", {"base_url": MINE, "secret": THIRD, **more})


def test_no_way_back_at_another_address(database: str) -> None:
    """A secret that is held as the way back keeps the address; one that the edit itself replaces is no way back."""
    pasted()
    credentials.rotate_credential(ADMIN, "slot", {"secret": SECOND})
    with pytest.raises(Conflict) as told:
        junk()
    assert told.value.code == "error.credential.not_movable"
    with change(ADMIN) as edit:
        generations.promote(edit, row := slot(), generations.coming(row))      # type: ignore[arg-type]
    with pytest.raises(Conflict):
        junk()
    with change(ADMIN) as edit:
        generations.end(edit, row := slot(), generations.before(row))      # type: ignore[arg-type]
    junk()
    with pytest.raises(Conflict) as none:
        credentials.roll_back(OPERATOR, "slot", {})
    assert none.value.code == "error.credential.no_way_back"
    assert slot().secret.holds(THIRD)
    assert not any(each.secret for each in slot().generations.all())


def test_no_minting_at_another_address(database: str, sandbox: SandboxServer) -> None:
    """Keys that the vendor makes for us go to its own address, or the workspace's; an admin may say otherwise."""
    org = an_organisation(sandbox)
    given = {"workspace": attach(sandbox, org).name, "project": project_of(org)}
    with pytest.raises(Forbidden) as told:
        credentials.mint_credential(OPERATOR, "slot", {**given, "base_url": MINE})
    assert told.value.code == "error.credential.elsewhere"
    assert not Credential.objects.exists()
    pasted(base_url=MINE)
    with pytest.raises(Forbidden):
        credentials.update_credential(OPERATOR, "slot", given)
    with pytest.raises(Forbidden):
        credentials.create_credential(OPERATOR, {"name": "b", "vendor": "openai", "secret": FIRST, "base_url": MINE, **given})
    assert credentials.update_credential(ADMIN, "slot", given)["project"] == given["project"]
    credentials.update_credential(OPERATOR, "slot", {"keep_hours": 3})
    with pytest.raises(Conflict):
        credentials.update_credential(ADMIN, "slot", {"base_url": "https://other.example.com/v1", "secret": THIRD})
    job = credentials.mint_credential(OPERATOR, "own", {**given, "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True})
    assert job["state"] == QUEUED
    credentials.mint_credential(OPERATOR, "vendors", {**given, "base_url": "https://api.openai.com/v1"})


def test_a_secret_beside_one_that_is_on_its_way(database: str, sandbox: SandboxServer) -> None:
    """While a rotation brings a secret in, another one is refused: the later of them would put the first away."""
    org = an_organisation(sandbox)
    minted(sandbox, org)
    policy.use(lambda: replace(QUICK, hold=timedelta(seconds=30)))
    job = credentials.rotate_credential(ADMIN, "slot", {})["id"]
    run_once(job)
    assert states() == {1: "live", 2: "probed"}
    with pytest.raises(Conflict) as told:
        credentials.update_credential(ADMIN, "slot", {"secret": THIRD})
    assert told.value.code == "error.credential.rotating"
    policy.use(lambda: QUICK)
    run(job)
    assert slot().generation == 2


SOURCE = {
    "kind": "oauth2_client_credentials", "secret": "the-client-and-its-secret",
    "options": {"token_url": "https://127.0.0.1/token", "client_id": "stationmaster"},
}  # fmt: skip


def test_a_source_and_a_secret_of_another_kind(database: str) -> None:
    """A source is not put over a key that the vendor still knows; nor a key over what a source gives."""
    pasted(vendor="openai_compatible", base_url="https://models.example.com/v1")
    with pytest.raises(Conflict) as told:
        credentials.put_source(OPERATOR, "slot", SOURCE)
    assert told.value.code == "error.credential.has_secret"
    slot_of = {"vendor": "openai_compatible", "base_url": "https://models.example.com/v1"}
    credentials.put_source(OPERATOR, "other", {**SOURCE, **slot_of})
    with change(ADMIN) as edit:
        generations.refresh(edit, slot("other"), SECOND, None)
    acts: tuple[Callable[[], object], ...] = (
        lambda: credentials.rotate_credential(OPERATOR, "other", {"secret": THIRD}),
        lambda: credentials.paste_credential(OPERATOR, "other", {"secret": THIRD}),
        lambda: credentials.update_credential(OPERATOR, "other", {"secret": THIRD}),
    )
    for act in acts:
        with pytest.raises(Conflict) as told:
            act()
        assert told.value.code == "error.credential.has_source"
    assert slot("other").secret.holds(SECOND)


def test_a_source_follows_to_no_other_address(database: str) -> None:
    """A credential that a source feeds gets no other address, whatever secret comes with it."""
    credentials.put_source(ADMIN, "slot", {**SOURCE, "vendor": "openai_compatible", "base_url": "https://models.example.com/v1"})
    with pytest.raises(Conflict) as told:
        junk()
    assert told.value.code == "error.credential.not_movable"


@pytest.mark.parametrize("until", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 5, "soon"])
def test_times_that_cannot_be(database: str, until: object) -> None:
    """A time that no calendar or no wait reaches is refused, with the field's name."""
    pasted()
    with pytest.raises(Invalid) as told:
        credentials.override_credential(OPERATOR, "slot", {"state": "out", "until": until})
    assert set(told.value.fields) == {"until"}


def test_an_override_ends_by_the_databases_clock(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job that ends it goes by the clock that it was queued by: a host whose own is behind does not leave it standing."""
    pasted()
    now = clock.now()
    credentials.override_credential(OPERATOR, "slot", {"state": "in", "until": (now + timedelta(hours=1)).isoformat()})
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=2))
    run_all()
    assert slot().override == ""


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300])
def test_names_that_cannot_be(database: str, name: str) -> None:
    """Pasting for a name that no row can have is the asker's mistake."""
    with pytest.raises(Invalid):
        credentials.paste_credential(OPERATOR, name, {"secret": FIRST, "vendor": "openai"})


def test_what_a_consumer_product_gave_is_refused_in_any_wrapping(database: str) -> None:
    """Tokens of consumer products' log-ins are refused for every vendor, whatever stands before them."""
    for number, secret in enumerate(_consumers()):
        with pytest.raises(Invalid) as told:
            credentials.create_credential(ADMIN, {
                "name": f"c{number}", "vendor": "openai_compatible", "base_url": "https://x.example.com/v1", "secret": secret,
            })  # fmt: skip
        assert "error.credential.not_for_api_use" in (told.value.code, *map(str, told.value.fields.values())) or (
            "not issued for API use" in str(told.value.fields)
        ), secret[:12]
    for text in ("eyJ" * 350_000, "eyJ" * 2_000 + "." + "a" * 1_000_000, "a" * 1_000_000):      # a megabyte holds nobody up
        assert shape_of(text).use == "api"
    credentials.create_credential(ADMIN, {
        "name": "own", "vendor": "openai_compatible", "base_url": "https://x.example.com/v1",
        "secret": _jwt("https://login.microsoftonline.com/t/v2.0"),
    })  # fmt: skip


def _jwt(issuer: str) -> str:
    import base64
    import json

    parts = ({"alg": "RS256"}, {"iss": issuer})
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts) + ".c2ln"


def _consumers() -> list[str]:
    chat, cursor = _jwt("https://auth.openai.com"), _jwt("https://authentication.cursor.sh")
    return [
        _jwt("https://claude.ai"), cursor, _jwt("https://auth.x.ai"), _jwt("https://AUTH.openai.com/"), _jwt("auth.openai.com"),
        _jwt("https://chatgpt.com:443/x"), f"user_01ABC%3A%3A{cursor}", f"Bearer{chat}", f'"{chat}"', f"eyJx.{chat}",
        "rt_abcdefghijklmnopqrstuvwxyz",
    ]  # fmt: skip
