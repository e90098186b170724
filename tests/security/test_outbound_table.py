"""Every stored address, by every entrance: where it may lead is one table (T2), whoever saves it."""

import io
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import requests
import typer.main
from django.test import override_settings

import rig
from api.kit import Callers, code
from cli.nouns.kit import made
from controlkit import CLI
from gateway import plain
from gateway.upstream import Request, Upstream
from internal.kit import Control
from stationmaster import cli, outbound
from stationmaster.audit.models import AuditEvent
from stationmaster.cli import session
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import create_credential
from stationmaster.entrances import live
from stationmaster.entrances.console.adapters import SsoAdapter
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.records import Records, snapshot_of
from stationmaster.operators import policy
from stationmaster.settings import Settings
from stationmaster.workspaces.models import Workspace
from store.test_outbound import PRIVATE, PUBLIC

# What is no URL at all is refused by its form; an empty text means the vendor's own address. Neither is this table's matter.
TABLE = [url for url in PRIVATE if url]
SECRET = "sk-proj-of-the-outbound-table"
ANY = {"if-match": "*"}
FIELDS = ["credentials", "workspaces"]


def body(noun: str, number: int, url: str) -> dict[str, Any]:
    """What makes a row with this address."""
    return {"name": f"{noun}-{number}", "vendor": "openai", "secret": SECRET, "base_url": url, "allow_insecure_http": False}


def rows(noun: str) -> int:
    """How many are stored."""
    return (Credential if noun == "credentials" else Workspace).objects.count()


@pytest.mark.parametrize("noun", FIELDS)
def test_rest_refuses_them_all(callers: Callers, noun: str) -> None:
    """No spelling of a private address is stored by REST: not with a new row, and not by changing one that is there."""
    admin = callers["admin"]
    assert admin.post(f"/{noun}", json=body(noun, 0, "https://api.example.com/v1")).status_code == 201
    given = [body(noun, number, url) for number, url in enumerate(TABLE, 1)]
    taken = [each["base_url"] for each in given if admin.post(f"/{noun}", json=each).status_code != 422]
    changes = [{"base_url": url, "secret": SECRET} for url in TABLE]
    taken += [each["base_url"] for each in changes if admin.patch(f"/{noun}/{noun}-0", json=each, headers=ANY).status_code != 422]
    assert (taken, rows(noun)) == ([], 1)
    assert admin.get(f"/{noun}/{noun}-0").json()["base_url"] == "https://api.example.com/v1"


def test_rest_takes_public_ones(callers: Callers) -> None:
    """What leads to the public internet is stored."""
    admin = callers["admin"]
    for number, url in enumerate(PUBLIC):
        assert admin.post("/credentials", json=body("c", number, url)).status_code == 201, url


def test_the_issuer_is_guarded_too(callers: Callers) -> None:
    """The address of single sign-on, a saved setting, keeps to the same table."""
    admin = callers["admin"]
    taken = [url for url in TABLE if admin.put("/settings/oidc.issuer", json={"value": url}, headers=ANY).status_code != 422]
    assert taken == []
    assert admin.get("/settings/oidc.issuer").json()["value"] == ""
    assert admin.put("/settings/oidc.issuer", json={"value": "https://login.example.com"}, headers=ANY).status_code == 200


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run the command line at this machine's own desk; its exit code."""
    with monkeypatch.context() as patch:
        patch.setattr(session, "_set_up", lambda *_: session._with_saved(Settings()))
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(sys, "argv", ["stationmaster", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SECRET.encode())))
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.mark.parametrize("noun", FIELDS)
def test_the_command_line_refuses_them_all(
    database: Path, noun: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the terminal the table is the same, though whoever sits there is an admin."""
    live.use(Settings())
    words = [noun.removesuffix("s"), "create", "x", "--vendor", "openai", "--secret", "-", "--base-url"]
    assert [url for url in TABLE if run(monkeypatch, *words, url) == 0] == []
    assert rows(noun) == 0
    assert SECRET not in "".join(capsys.readouterr())
    assert run(monkeypatch, *words, "https://api.example.com/v1") == 0


@contextmanager
def an_entry(admin: httpx.Client, name: str) -> Iterator[str]:
    """An entry for as long as the block lasts; its id."""
    made = admin.post("/addresses", json={"name": name, "reason": "our own inference"})
    assert made.status_code == 201, made.text
    yield made.json()["id"]
    assert admin.delete(f"/addresses/{made.json()['id']}", headers=ANY).status_code in (204, 404)


OPENINGS = [
    ("10.1.2.3", "https://10.1.2.3/v1", ["https://10.1.2.4/v1", "https://10.1.2.3.internal/", "https://[::ffff:10.1.2.4]/"]),
    ("10.1.2.0/30", "https://10.1.2.3/v1", ["https://10.1.2.4/v1", "https://10.1.3.1/", "https://169.254.169.254/"]),
    ("gpu.internal", "https://gpu.internal/v1", ["https://x.gpu.internal/", "https://gpu.internal.lan/", "https://gpu/"]),
    ("fd12::/64", "https://[fd12::9]/v1", ["https://[fd12:0:0:1::9]/", "https://[fd00:ec2::254]/", "https://[::1]/"]),
]


def test_an_entry_opens_what_it_names(callers: Callers) -> None:
    """One entry, one opening: its neighbours stay closed, and so does it again without the entry."""
    admin = callers["admin"]
    for row, (entry, opened, closed) in enumerate(OPENINGS):
        with an_entry(admin, entry):
            assert admin.post("/credentials", json=body(f"c{row}", 1, opened)).status_code == 201
            for number, url in enumerate(closed, 2):
                assert admin.post("/credentials", json=body(f"c{row}", number, url)).status_code == 422, url
        assert admin.post("/credentials", json=body(f"c{row}", 99, opened)).status_code == 422


def test_entries_are_audited(callers: Callers) -> None:
    """Who opened what, why, and who closed it again stands in the trail."""
    with an_entry(callers["admin"], "10.9.8.7") as made:
        pass
    events = [(event.action, event.actor, f"{event.before}{event.after}") for event in AuditEvent.objects.filter(subject=made)]
    assert [(action, who) for action, who, _ in events] == [("create", events[0][1]), ("delete", events[0][1])]
    assert events[0][1].startswith("tok_") or events[0][1].startswith("op_")
    assert all("10.9.8.7" in what and "our own inference" in what for _, _, what in events)


def test_only_admins_open_addresses(callers: Callers) -> None:
    """Nobody else makes an entry."""
    for role in ("viewer", "operator", "auditor", "member", "anonymous"):
        answer = callers[role].post("/addresses", json={"name": "10.9.8.7", "reason": "I would like to"})
        assert answer.status_code in (401, 403), role
    assert callers["admin"].get("/addresses").json()["items"] == []


def test_entries_that_would_open_too_much(callers: Callers) -> None:
    """What is more than one private address, network or name is no entry."""
    for entry in ("0.0.0.0/0", "::/0", "169.254.169.254", "fe80::1", "10.0.0.0/7", "8.8.8.8", "*.internal", "fd00:ec2::254"):
        answer = callers["admin"].post("/addresses", json={"name": entry, "reason": "x"})
        assert (answer.status_code, code(answer)) == (422, "error.outbound.bad_entry"), entry


def tell(request: Request) -> None:
    """Answer a request."""
    request.answer(b'{"id":"r","object":"response","status":"completed","model":"gpt-4o","output":[]}')


def serve(records: Records, revision: int) -> Any:
    """A snapshot of what a gateway was sent, with the rig's key and pool."""
    return snapshot_of(records, revision)


def test_the_list_reaches_the_gateways(control: Control, callers: Callers) -> None:
    """An entry travels to the gateways at once, and so does its end: from then on a credential that was stored while it was
    there is sent nowhere."""
    admin = callers["admin"]
    with Upstream(tell) as upstream, an_entry(admin, "localhost"):
        made = body("c", 1, f"http://localhost:{upstream.port}/v1")
        assert admin.post("/credentials", json={**made, "allow_insecure_http": True}).status_code == 201
        assert admin.post("/pools", json={"name": "p", "members": [{"credential": "c-1"}]}).status_code == 201
        assert admin.post("/routes", json={"models": ["*"], "pool": "p"}).status_code == 201
        key = {"name": "k", "secret_sha256": rig.sha256(rig.KEY)}
        assert admin.post("/keys", json=key).status_code == 201
        revision, records = control.records()
        assert records.settings[""].private == ("localhost",)
        with rig.running_gateway(calm(serve(records, revision))) as gateway:
            assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
            seen = upstream.requests
            assert admin.delete("/addresses/localhost", headers=ANY).status_code == 204
            revision, records = control.records()
            assert records.settings[""].private == ()
            gateway.apply(calm(serve(records, revision)))
            assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 502
            assert upstream.requests == seen


def calm(snapshot: Any) -> Any:
    """The same, with nobody asking vendors about credentials but the test."""
    return msgspec.structs.replace(snapshot, settings=msgspec.structs.replace(snapshot.settings, health_check_enabled=False))


def test_a_saved_list_counts_at_once(callers: Callers) -> None:
    """What an admin saves as `outbound.allowed_private` holds without a restart, for what is stored and for the gateways."""
    admin = callers["admin"]
    assert admin.post("/credentials", json=body("c", 1, "https://10.1.2.3/v1")).status_code == 422
    live.use(Settings())
    with override_settings(STATIONMASTER_ALLOWED=()):
        saved = admin.put("/settings/outbound.allowed_private", json={"value": ["10.1.2.0/24"]}, headers=ANY)
        assert saved.status_code == 200, saved.text
        assert live.of_gateways().private == ("10.1.2.0/24",)
        assert admin.post("/credentials", json=body("c", 1, "https://10.1.2.3/v1")).status_code == 201


# Single sign-on: this process itself connects.


@pytest.fixture
def issuer() -> Iterator[Upstream]:
    """Somebody who listens on this machine, and sends whoever asks elsewhere."""
    elsewhere = "location: http://127.0.0.1:9/inside"
    with Upstream(lambda request: request.answer(b"{}", "application/json", 302, elsewhere)) as upstream:
        yield upstream
    policy.use(policy.LoginPolicy)


def allow(*entries: str) -> None:
    """Private addresses that the issuer may have."""
    policy.use(lambda: policy.LoginPolicy(allowed_private=entries))


def resolver(*answers: str) -> Callable[..., Any]:
    """Gives these addresses, one a question."""
    left = list(answers)

    def resolve(host: str, port: int, *_: Any, **__: Any) -> Any:
        address = left.pop(0) if len(left) > 1 else left[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(kind, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


def test_the_issuers_name_changes_its_mind(issuer: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is checked and private when it is connected to: the check decides where to."""
    allow("::1")
    real = socket.getaddrinfo
    asked: list[str] = []
    rebinding = resolver("::1", "127.0.0.1")

    def resolve(host: str, port: int, *more: Any, **named: Any) -> Any:
        asked.append(host)
        return rebinding(host, port) if host == "login.example" else real(host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(outbound.resolve_and_check, "__kwdefaults__", {"resolve": resolve})
    with pytest.raises(requests.ConnectionError):      # nobody listens on ::1, where it was led by what was checked
        SsoAdapter().get_requests_session().get(f"http://login.example:{issuer.port}/")
    assert asked.count("login.example") == 1
    assert issuer.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_an_issuer_inside_is_not_reached(issuer: Upstream, host: str) -> None:
    """Without an entry there is no connection; with one there is, and its redirect is not followed."""
    session = SsoAdapter().get_requests_session()
    with pytest.raises(StationmasterError) as caught:
        session.get(f"http://{host}:{issuer.port}/")
    assert (caught.value.code, issuer.connections) == ("error.outbound.private", 0)
    allow(host)
    assert session.get(f"http://{host}:{issuer.port}/").status_code == 302
    assert issuer.requests == 1


def test_the_operators_own_file_opens_what_it_names(database: Path) -> None:
    """gateway.toml is the operator's own: served by itself it may name any address; carried into the control plane it may
    name those that were allowed there."""
    with pytest.raises(StationmasterError) as caught:
        create_credential(CLI, body("c", 1, "https://10.1.2.3/v1"))
    assert "base_url" in str(caught.value.fields) or "base_url" in caught.value.message
    assert rig.snapshot_for("http://10.1.2.3").settings.private is None
