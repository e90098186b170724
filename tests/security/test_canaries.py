"""Canaries in place of every secret, through every entrance (T9): whatever happens, no byte that either plane writes or
answers holds one, in any form, but where it has to be shown once to who made it."""

import contextlib
import io
import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import typer.main
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connection

import rig
from api.kit import Callers
from cli.nouns.kit import made
from controlkit import CLI
from gateway import kit, plain, processes, station
from gateway.test_secrets import hits
from internal.kit import Control
from stationmaster import cli
from stationmaster.cli import session
from stationmaster.entrances import live
from stationmaster.operators import services as operators
from stationmaster.operators.models import Operator
from stationmaster.sandbox.faults import SENTENCES
from stationmaster.sandbox.server import SandboxServer
from stationmaster.settings import load
from stationmaster.store.changes import change

# Sent in by somebody; each in another field or by another entrance.
GIVEN = {
    "rest credential": "sk-proj-CanaryRest/9f8e+7d6c==x", "rest update": "sk-proj-CanaryUpdate/1a2b+3c4d==x",
    "rest workspace": "sk-admin-CanaryWork/5e6f+7a8b==x", "refused": "sk-proj-CanaryRefused/4d5e+6f7a==x",
    "rest generation": "sk-proj-CanaryNext/3b4c+5d6e==x", "rest target": "admin-CanaryTarget/7e8f+9a0b==x",
    "rest source": "CanaryClientSecret/1c2d+3e4f==x5a6b", "rest refresh": "CanaryRefreshToken/9d8c+7b6a==x5f4e",
    "stdin": "sk-proj-CanaryStdin/0a1b+2c3d==x", "file": "sk-ant-api03-CanaryFile/4e5f+6a7b==x",
    "apply env": "AIzaSyCanaryApplyEnv/8c9d+0e1f==x", "apply file": "CanaryApplyFile/2a3b+4c5d==x6e7f",
    "oidc": "oidc-CanaryIssuer/6a7b+8c9d==x", "database": "CanaryDatabase9f8e7d6cPassword",
    "password": "Canary horse battery/5a6b+ staple",
}  # fmt: skip
CONFIG = """
[[credential]]
id = "applied-env"
vendor = "gemini"
secret = "env:CANARY_APPLIED"

[[credential]]
id = "applied-file"
vendor = "anthropic"
secret = "file:applied.key"

[[pool]]
id = "applied"
members = [{ credential = "applied-env" }, { credential = "applied-file" }]
"""
CALLERS = ("httpx", "httpcore", "uvicorn.access")     # of who calls; and the access log, which `asgi.serve` switches off
ANY = {"if-match": "*"}
LISTS = ["workspaces", "credentials", "pools", "routes", "keys", "addresses", "operators", "tokens", "gateway-tokens", "gateways",
         "audit", "usage/events"]  # fmt: skip
PAGES = ["/", "/login", "/account", "/account/totp", "/welcome", "/nothing", "/api/v1/openapi.json", "/api/v1/docs"]


@dataclass
class Driven:
    """What came of it: by where it was found, the bytes; and the canaries that were made on the way."""

    found: dict[str, bytes] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def add(self, where: str, data: bytes | str) -> None:
        """Remember what was written or answered."""
        self.found[where] = self.found.get(where, b"") + b"\n" + (data.encode() if isinstance(data, str) else data)

    def leaks(self, but: Mapping[str, str] | None = None) -> dict[str, list[str]]:
        """Where which canary was found, in which form; forwards and backwards."""
        canaries = {**GIVEN, **self.made}
        backwards = {f"{name} reversed": secret[::-1] for name, secret in canaries.items()}
        every = {where: hits(data, canaries) + hits(data, backwards) for where, data in self.found.items()}
        return {where: there for where, there in every.items() if there}


def test_the_search_finds_what_is_there() -> None:
    """Each canary is found, forwards and backwards, in what repeats it: the search below would not miss one."""
    for name, secret in GIVEN.items():
        for text, form in ((secret, name), (secret[::-1], f"{name} reversed")):
            driven = Driven()
            driven.add("here", f"before {text} after")
            assert any(hit.startswith(form) for hit in driven.leaks()["here"])


@contextlib.contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Everything that is logged in this process, at the debug level, into a file."""
    root, handler = logging.getLogger(), logging.FileHandler(path)
    before = {name: (logger.level, logger.propagate) for name, logger in logging.root.manager.loggerDict.items()
              if isinstance(logger, logging.Logger)}  # fmt: skip
    level = root.level
    handler.addFilter(lambda record: not record.name.startswith(CALLERS))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    for name in before:
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).propagate = True
    connection.force_debug_cursor = True        # statements with their values
    try:
        yield
    finally:
        connection.force_debug_cursor = False
        root.removeHandler(handler)
        root.setLevel(level)
        handler.close()
        for name, (was, propagates) in before.items():
            logging.getLogger(name).setLevel(was)
            logging.getLogger(name).propagate = propagates


def by_rest(callers: Callers, driven: Driven) -> None:
    """Store, change, rotate and refuse by REST."""
    admin = callers["admin"]

    def call(method: str, path: str, **more: Any) -> Any:
        answer = admin.request(method, path, headers={**ANY, **more.pop("headers", {})}, **more)
        driven.add("answers", str(answer.headers) + answer.text)
        return answer

    def once(name: str, path: str, given: dict[str, Any], part: str) -> None:
        """What is shown once: kept out of the answers, and looked for everywhere else."""
        answer = admin.post(path, json=given, headers=ANY)
        assert answer.status_code in (200, 201), answer.text
        driven.made[name] = answer.json()[part]

    credential = {"name": "openai-a", "vendor": "openai", "secret": GIVEN["rest credential"]}
    workspace = {"name": "acme", "vendor": "openai", "secret": GIVEN["rest workspace"]}
    assert call("POST", "/credentials", json=credential).status_code == 201
    assert call("POST", "/workspaces", json=workspace).status_code == 201
    assert call("PATCH", "/credentials/openai-a", json={"secret": GIVEN["rest update"]}).status_code == 200
    assert call("PATCH", "/workspaces/acme", json={"secret": GIVEN["rest workspace"], "disabled": True}).status_code == 200
    once("virtual key", "/keys", {"name": "team"}, "key")
    once("rotated key", "/keys/team/rotate", {"grace_seconds": 60}, "key")
    once("api token", "/tokens", {"name": "t", "role": "viewer"}, "token")
    once("gateway token", "/gateway-tokens", {"name": "g"}, "token")
    once("rotated gateway token", "/gateway-tokens/g/rotate", {"overlap_seconds": 60}, "token")
    by_newer_entrances(call, once)
    driven.made["calendar"] = driven.made["calendar"].rpartition("/")[2].removesuffix(".ics")
    refused(call)
    for noun in LISTS:
        for form in ("", "?format=csv", "?format=json", "?format=jsonl"):
            call("GET", f"/{noun}{form}")
    for path in ("/settings", "/health", "/usage/totals", "/credentials/openai-a", "/keys/team", "/workspaces/acme"):
        assert call("GET", path).status_code == 200
    assert call("POST", "/audit/verify", json={}).json()["ok"] is True


def by_newer_entrances(call: Any, once: Any) -> None:
    """The next secret of a credential, a target's admin credential, what short-lived tokens are asked with, a calendar."""
    assert call("POST", "/credentials/openai-a/rotate", json={"secret": GIVEN["rest generation"]}).status_code in (200, 201, 202)
    target = {"name": "t", "kind": "s2a", "base_url": "https://s2a.example.com", "secret": GIVEN["rest target"]}
    assert call("POST", "/targets", json=target).status_code == 201
    place = {"vendor": "openai_compatible", "base_url": "https://models.example.com/v1"}
    assert call("POST", "/addresses", json={"name": "login.example.com", "reason": "the company's"}).status_code == 201
    options = {"token_url": "https://login.example.com/token", "client_id": "stationmaster"}
    for name, kind, given in (
        ("c-source", "oauth2_client_credentials", {"secret": GIVEN["rest source"]}),
        ("r-source", "oauth2_refresh_token", {"secret": GIVEN["rest source"], "refresh_token": GIVEN["rest refresh"]}),
    ):
        made = call("PUT", f"/credentials/{name}/source", json={**place, "kind": kind, "options": options, **given})
        assert made.status_code in (200, 201), made.text
        call("POST", f"/credentials/{name}/refresh", json={})
    once("calendar", "/calendars", {"name": "ops"}, "address")
    for path in ("/credentials/openai-a", "/credentials/c-source/source", "/credentials/r-source/source", "/targets/t",
                 "/calendars", "/publications", "/jobs", "/targets?format=csv", "/calendar"):  # fmt: skip
        assert call("GET", path).status_code == 200, path


def refused(call: Any) -> None:
    """The same secret wherever it does not belong: each is refused, and not repeated."""
    secret = GIVEN["refused"]
    good = {"name": "b", "vendor": "openai", "secret": secret}
    bad = [
        {**good, "vendor": "nobody"}, {**good, "vendor": secret}, {**good, "secrte": secret}, {**good, secret: 1},
        {**good, "base_url": f"https://user:{secret}@api.example.com"},
        {**good, "secret": [secret]}, {**good, "secret": {"a": secret}}, {**good, "secret": f"{secret}\n"},
        {**good, "prices": secret},
        {**good, "base_url": f"https://x.example.com/?key={secret}"}, {**good, "disabled": secret}, [secret], secret,
    ]  # fmt: skip
    for given in bad:
        for noun in ("/credentials", "/workspaces"):
            assert 400 <= call("POST", noun, json=given).status_code < 500, given
    assert call("POST", "/credentials", json={**good, "name": "openai-a"}).status_code == 409
    broken_off, as_json = f'{{"secret": "{secret}'.encode(), {"content-type": "application/json"}
    assert call("POST", "/credentials", content=broken_off).status_code == 415
    assert call("POST", "/credentials", content=broken_off, headers=as_json).status_code in (400, 422)
    assert call("PATCH", "/credentials/nobody", json={"secret": secret}).status_code == 404
    assert call("PATCH", "/credentials/openai-a", json={"secret": secret}, headers={"if-match": '"1"'}).status_code == 412
    assert call("PUT", "/settings/oidc.client_secret", json={"value": secret}).status_code in (409, 422)
    assert call("PUT", "/settings/gateway.port", json={"value": secret}).status_code == 422
    call("GET", f"/credentials/{quote(secret, safe='')}")
    for name in ("search=", "", "filter=secret:eq:", "cursor="):
        call("GET", f"/credentials?{name}{quote(secret)}")
    assert call("GET", "/credentials", headers={"authorization": f"Bearer {secret}"}).status_code == 401
    call("POST", "/credentials", json=good, headers={"idempotency-key": secret, "authorization": "Basic x"})


def broken(callers: Callers, driven: Driven) -> None:
    """The same while the database has no such table: errors of ours repeat nothing either."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE credentials_credential RENAME TO elsewhere")
    try:
        for secret in (GIVEN["rest credential"], GIVEN["refused"]):
            given = {"name": "c", "vendor": "openai", "secret": secret}
            answer = callers["admin"].post("/credentials", json=given)
            assert answer.status_code >= 500
            driven.add("answers", str(answer.headers) + answer.text)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO credentials_credential")


def run(monkeypatch: pytest.MonkeyPatch, driven: Driven, capfd: Any, stdin: str, *words: str) -> int:
    """Run the command line; what it prints is remembered."""
    capfd.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(session, "_set_up", lambda *_: live.settings())
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(sys, "argv", ["stationmaster", *words])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    driven.add("command line", "".join(capfd.readouterr()))
    return code


def by_terminal(monkeypatch: pytest.MonkeyPatch, driven: Driven, capfd: Any, folder: Path) -> None:
    """Hand secrets over on stdin, in a file, and by a gateway.toml that names them; show everything afterwards."""
    (folder / "secret.key").write_text(GIVEN["file"] + "\n")
    (folder / "applied.key").write_text(GIVEN["apply file"] + "\n")
    (folder / "gateway.toml").write_text(CONFIG)
    (folder / "bad.toml").write_text(CONFIG.replace("env:CANARY_APPLIED", GIVEN["refused"]))
    monkeypatch.setenv("CANARY_APPLIED", GIVEN["apply env"])
    good = [
        ("credential", "create", "c-in", "--vendor", "openai", "--secret", "-"),
        ("credential", "update", "c-in", "--secret", "-"),
        ("workspace", "create", "w-in", "--vendor", "openai", "--secret", "-"),
        ("credential", "create", "c-file", "--vendor", "anthropic", "--secret-file", str(folder / "secret.key")),
        ("credential", "create", "c-dry", "--vendor", "openai", "--secret", "-", "--dry-run"),
        ("apply", str(folder / "gateway.toml"), "--dry-run"), ("apply", str(folder / "gateway.toml"), "--yes"),
        ("export",), ("credential", "list", "--output", "jsonl"), ("credential", "show", "c-in", "--output", "json"),
        ("audit", "list", "--output", "json"), ("settings", "list", "--all", "--output", "json"),
    ]  # fmt: skip
    for words in good:
        assert run(monkeypatch, driven, capfd, GIVEN["stdin"], *words) in (0, 10), (words, driven.found["command line"][-2000:])
    wrong = [
        ("credential", "create", "x", "--vendor", GIVEN["refused"], "--secret", "-"),
        ("credential", "create", "c-in", "--vendor", "openai", "--secret", "-"),
        ("credential", "create", "x", "--vendor", "openai", "--secret", GIVEN["refused"]),
        ("credential", "create", "x", "--vendor", "openai", f"--secret={GIVEN['refused']}"),
        ("credential", "create", "x", "--vendor", "openai", "--secret-file", str(folder / "nothing")),
        ("apply", str(folder / "bad.toml"), "--yes"),
    ]  # fmt: skip
    for words in wrong:
        assert run(monkeypatch, driven, capfd, GIVEN["refused"], *words) in (1, 2), words


def of_people(callers: Callers, driven: Driven, browser: Any) -> None:
    """A second factor, a password, an admin link: none is kept as it is; and the pages."""
    person = Operator.objects.get(id=callers.ids["admin"])
    driven.made["second factor"] = generate_totp_secret()
    TOTP.activate(person, driven.made["second factor"])
    driven.made["admin link"] = operators.issue_link(CLI).secret.text
    with change(CLI) as edit, edit.updating(person):
        person.set_password(GIVEN["password"])
    for client in (callers["member"], callers["anonymous"], browser):
        for page in PAGES:
            answer = client.get(f"{str(callers['admin'].base_url).removesuffix('/api/v1/')}{page}")
            driven.add("pages", str(answer.headers) + answer.text)
    login = {"login": person.email, "password": GIVEN["password"] + "x"}
    answer = callers["anonymous"].post(str(callers["admin"].base_url).removesuffix("/api/v1/") + "/login", data=login)
    driven.add("pages", answer.text)


def at_a_gateway(control: Control, callers: Callers, driven: Driven, vendor: SandboxServer, folder: Path) -> None:
    """A gateway that the control plane configures: requests that go well and that do not, its files, its processes."""
    admin = callers["admin"]
    admin.post("/addresses", json={"name": "127.0.0.1", "reason": "the simulated vendor"})
    given = {"name": "served", "vendor": "openai", "secret": GIVEN["rest credential"], "base_url": f"{vendor.url}/v1"}
    assert admin.post("/credentials", json=given).status_code == 201
    assert admin.post("/pools", json={"name": "p", "members": [{"credential": "served"}]}).status_code == 201
    assert admin.post("/routes", json={"models": ["*"], "pool": "p"}).status_code == 201
    assert admin.put("/settings/gateway.metrics_port", json={"value": 0}, headers=ANY).status_code == 200
    token = folder / "token"
    token.write_text(driven.made["rotated gateway token"])
    token.chmod(0o600)
    data, port = folder / "gateway", station.free_port()
    command = ["gateway", "--control", control.url, "--token-file", str(token), "--data", str(data), "--port", str(port),
               "--workers", "1", "--log-level", "debug", "--name", "canary"]  # fmt: skip
    said = folder / "gateway.stderr"
    with said.open("wb") as err, (folder / "gateway.stdout").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "stationmaster", *command], stdout=out, stderr=err, cwd=folder,
                                   stdin=subprocess.DEVNULL, env=_plain_environment())  # fmt: skip
    try:
        kit.wait_for(lambda: kit.answers(port) or process.poll() is not None, 60)
        assert process.poll() is None, said.read_text()
        bearer = [("authorization", f"Bearer {driven.made['rotated key']}"), plain.JSON, ("connection", "close")]
        for fault in ("", *sorted(name for name in SENTENCES if "echo" in name)):
            with plain.connected(port) as sock:
                body = plain.dump(plain.responses())
                sock.sendall(plain.head("POST", f"/v1/responses?sandbox_fault={fault}", bearer, length=len(body)) + body)
                driven.add("gateway's answers", rig.read_all(sock))
        for pid in (process.pid, *processes.children(process.pid)):
            driven.add("processes", processes.arguments(pid) + Path(f"/proc/{pid}/environ").read_bytes())
        driven.add("gateway's files", b"".join(each.read_bytes() for each in data.rglob("*") if each.is_file()))
        kit.wait_for(lambda: admin.get("/usage/events").json()["total"], 60)
        for path in ("/usage/events", "/gateways", "/credentials/served", "/usage/events?format=csv"):
            driven.add("answers", admin.get(path).text)
    finally:
        process.terminate()
        process.wait(60)
    driven.add("gateway's files", b"".join(each.read_bytes() for each in data.rglob("*") if each.is_file()))
    driven.add("gateway's words", said.read_bytes() + (folder / "gateway.stdout").read_bytes())


def _plain_environment() -> dict[str, str]:
    """This process's environment, without what the tests put there for the command line."""
    import os

    return {name: value for name, value in os.environ.items() if "CANARY" not in name and not name.startswith("STATIONMASTER")}


def settings() -> Any:
    """The process's settings, with secrets among them."""
    return load(environ={"STATIONMASTER__OIDC__CLIENT_SECRET": GIVEN["oidc"], "STATIONMASTER__OIDC__ISSUER": "https://login.example.com",
                         "STATIONMASTER__OIDC__CLIENT_ID": "us",
                         "STATIONMASTER_DATABASE_URL": f"postgresql://u:{GIVEN['database']}@db.example.com/x"})  # fmt: skip


def test_no_byte_holds_a_canary(
    control: Control, callers: Callers, vendor: SandboxServer, database: Path, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Logs of both planes at debug level, audit rows, answers, pages, exports, database with its log, cache, spool, arguments and
    environments hold no canary, in any of the forms, after success, refusal and breakdown."""
    driven, folder = Driven(), tmp_path_factory.mktemp("canaries")
    live.use(settings())
    with logging_to(folder / "log"):
        by_rest(callers, driven)
        by_terminal(monkeypatch, driven, capfd, folder)
        of_people(callers, driven, callers["admin"])
        at_a_gateway(control, callers, driven, vendor, folder)
        broken(callers, driven)
    driven.add("log", (folder / "log").read_bytes())
    driven.add("database", b"".join(each.read_bytes() for each in database.rglob("*") if each.is_file()))
    driven.add("rows", _dump(database))
    assert len(driven.found) == 10
    for where in driven.found:
        assert len(driven.found[where]) > 200, where       # it was looked at
    assert b"HTTP/1.1 200" in driven.found["gateway's answers"]
    assert driven.found["gateway's answers"].count(b"HTTP/1.1 ") > driven.found["gateway's answers"].count(b"HTTP/1.1 200")
    assert all(b"openai-a" in driven.found[where] for where in ("answers", "command line", "database", "rows"))
    assert b"sk-proj" not in driven.found["rows"]
    assert driven.leaks() == {}


def _dump(folder: Path) -> str:
    """Every row of every table, as SQL: what a backup would hold, free pages and all indexes left out."""
    with contextlib.closing(sqlite3.connect(folder / "stationmaster.sqlite3")) as database:
        return "\n".join(database.iterdump()) + json.dumps({})
