"""Sources over REST: set, seen, refreshed, taken away; nothing of their secrets comes back, in answers, rows, files or logs."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.kit import Callers, calling, code
from controlkit import ADMIN
from credentials.test_canaries import everything_stored
from gateway.test_secrets import hits
from internal.kit import Control, serving, until
from sources.sourcekit import client_credentials, provider, refresh_token
from stationmaster.audit.models import AuditEvent
from stationmaster.entrances.api.caller import rates
from stationmaster.sandbox.server import SandboxServer
from stationmaster.workspaces import addresses

ANY = {"if-match": "*"}


@pytest.fixture
def control(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """A control plane, which refreshes as it does."""
    monkeypatch.setattr(rates, "_per_second", 1e9)
    with serving() as running:
        yield running


@pytest.fixture
def callers(control: Control) -> Iterator[Callers]:
    """Somebody of each role."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the sandbox"})
    with calling(control.url) as everyone:
        yield everyone


def slot(sandbox: SandboxServer) -> dict[str, Any]:
    """What makes a credential with its source."""
    return {"vendor": "openai_compatible", "base_url": f"{sandbox.url}/v1", "allow_insecure_http": True}


def state_of(client: httpx.Client, name: str = "models") -> str:
    """How its refreshing stands."""
    return str(client.get(f"/credentials/{name}/source").json()["refresh"])


def test_a_source_over_rest(callers: Callers, sandbox: SandboxServer) -> None:
    """Set with its credential, refreshed within seconds, seen, refreshed when asked, edited by its version, listed, removed."""
    client, issuer = callers["operator"], provider(sandbox)
    given = {**client_credentials(sandbox, issuer), **slot(sandbox)}
    assert client.put("/credentials/models/source", json=given).status_code == 428
    made = client.put("/credentials/models/source", json=given, headers=ANY)
    assert made.status_code == 200, made.text
    until(lambda: state_of(client) == "ok")
    shown = client.get("/credentials/models/source")
    assert shown.headers["etag"] == f'"{shown.json()["revision"]}"'
    assert client.get("/credentials/models").json()["secret_set"]
    assert client.post("/credentials/models/refresh", json={}).status_code == 200
    until(lambda: len(issuer.asked()) == 2)
    again = {"kind": given["kind"], "options": {**given["options"], "scope": "models"}}
    assert client.put("/credentials/models/source", json=again, headers={"if-match": '"1"'}).status_code == 412
    kept = client.put("/credentials/models/source", json=again, headers={"if-match": shown.headers["etag"]})
    assert kept.json()["options"]["scope"] == "models"
    until(lambda: len(issuer.asked()) == 3)
    listed = client.get("/sources", params={"filter": "credential:eq:models"}).json()
    assert [each["credential"] for each in listed["items"]] == ["models"]
    assert "oauth2_client_credentials" in client.get("/sources", params={"format": "csv"}).text
    assert client.delete("/credentials/models/source", headers=ANY).status_code == 204
    assert code(client.get("/credentials/models/source")) == "error.source.not_found"


@pytest.mark.parametrize(("change", "told"), [
    ({"kind": "chatgpt"}, "error.config.bad_value"), ({"kind": "entra", "options": {}}, "error.config.bad_value"),
    ({"options": {"token_ur": "x"}}, "token_url"), ({"options": None}, "error"), ({"secret": ""}, "error.secret.needed"),
    ({"refresh_token": "sk-ant-ort01-0123456789"}, "error.credential.not_for_api_use"),
    ({"secret": "sk-ant-oat01-0123456789abcdef"}, "error.credential.not_for_api_use"),
    ({"options": {"token_url": "https://auth.openai.com/oauth/token", "client_id": "x"}}, "error.credential.not_for_api_use"),
    ({"options": {"token_url": "https://console.anthropic.com/v1/oauth/token", "client_id": "x"}},
     "error.credential.not_for_api_use"),
    ({"options": {"token_url": "https://idp.example.com/token", "client_id": "app_EMoamEEZ73f0CkXaXp7hrann"}},
     "error.credential.not_for_api_use"),
    ({"options": {"token_url": "http://169.254.169.254/token", "client_id": "x"}}, "link-local"),
    ({"options": {"token_url": "http://10.1.2.3/token", "client_id": "x", "allow_insecure_http": True}}, "private"),
    ({"unknown": 1}, "error.config.unknown_key"),
])  # fmt: skip
def test_what_is_refused(callers: Callers, sandbox: SandboxServer, change: dict[str, Any], told: str) -> None:
    """Unknown kinds and keys, vendors' own log-ins, consumer products' secrets, addresses that lead inside: nothing is made."""
    given = {**client_credentials(sandbox, provider(sandbox)), **slot(sandbox), **change}
    answer = callers["operator"].put("/credentials/models/source", json=given, headers=ANY)
    assert answer.status_code == 422, answer.text
    assert told in answer.text
    assert callers["operator"].get("/credentials/models").status_code == 404


def test_identity_tokens_are_no_paths(callers: Callers) -> None:
    """A file is named within the one folder that the process is set to; a path is none, and without a folder there is no file."""
    options = {"federation_rule_id": "fdrl_1", "organization_id": "o1"}
    for identity in ("file:../../etc/passwd", "file:/etc/passwd", "/etc/passwd", "file:token", "credential:nobody", "file:.."):
        given = {"kind": "anthropic_federation", "options": {**options, "identity": identity}, "vendor": "anthropic"}
        answer = callers["operator"].put("/credentials/claude/source", json=given, headers=ANY)
        assert answer.status_code in (404, 422), identity


def test_stored_parts_go_nowhere_else(callers: Callers, sandbox: SandboxServer) -> None:
    """Another address takes the secret anew; what stands in for a vendor's own address is one that an admin allowed."""
    client = callers["operator"]
    given = {**client_credentials(sandbox, provider(sandbox)), **slot(sandbox)}
    client.put("/credentials/models/source", json=given, headers=ANY)
    moved = client_credentials(sandbox, provider(sandbox)) | {"secret": ""}
    assert code(client.put("/credentials/models/source", json=moved, headers=ANY)) == "error.secret.needed"
    other = {"kind": "google", "vendor": "vertex", "secret": "{}", "base_url": "https://eu.example.com/v1/projects/a/locations/b",
             "options": {"address": "https://collector.example.com"}}  # fmt: skip
    refused = client.put("/credentials/v/source", json=other, headers=ANY)
    assert refused.status_code == 422
    assert "admin allowed" in refused.text


def test_no_secret_is_anywhere(
    callers: Callers, sandbox: SandboxServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source is set, refreshed, refused by an issuer that repeats what it was sent, and read in every way: neither its sealed
    parts nor what was issued are in an answer, a row, a file, an event or a log."""
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    client, issuer = callers["admin"], provider(sandbox, secret="canary-Client/7d6c+5b4a==secret")
    said = [client.put("/credentials/models/source", json={**refresh_token(sandbox, issuer), **slot(sandbox)}, headers=ANY).text]
    until(lambda: state_of(client) == "ok")
    first = issuer.refresh_token
    issuer.faults.set("echo-secret", on="POST *", times=1)
    said.append(client.post("/credentials/models/refresh", json={}).text)
    until(lambda: state_of(client) == "needs_you")
    paths = ("/credentials/models/source", "/credentials/models", "/sources", "/sources?format=csv", "/audit?limit=100")
    said += [client.get(path).text for path in paths]
    secrets = {"client": issuer.secret, "refresh": first, **{f"issued {n}": each for n, each in enumerate(issuer.given())}}
    found = {where: hits(data, secrets) for where, data in everything_stored()}
    events = json.dumps(list(AuditEvent.objects.values("before", "after")), default=str)
    found |= {"answers": hits("\n".join(said).encode(), secrets), "logs": hits(caplog.text.encode(), secrets),
              "events": hits(events.encode(), secrets)}  # fmt: skip
    assert {where: there for where, there in found.items() if there} == {}
    assert len(secrets) == 3


def test_who_may(callers: Callers, sandbox: SandboxServer) -> None:
    """Viewers and auditors see it; operators and admins set it."""
    given = {**client_credentials(sandbox, provider(sandbox)), **slot(sandbox)}
    assert callers["viewer"].put("/credentials/models/source", json=given, headers=ANY).status_code == 403
    assert callers["operator"].put("/credentials/models/source", json=given, headers=ANY).status_code == 200
    assert callers["viewer"].get("/credentials/models/source").status_code == 200
    assert callers["auditor"].post("/credentials/models/refresh", json={}).status_code == 403
    assert callers["member"].get("/credentials/models/source").status_code == 403
