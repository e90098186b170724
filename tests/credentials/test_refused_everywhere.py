"""A secret that was not issued for API use (a consumer subscription's OAuth or session token, a browser's session) is refused
wherever a secret can come in, with one code, and nothing of it stays."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.cache import cache

from cli.nouns import kit as terminal
from console.kit import said, signed_in
from controlkit import ADMIN, a_credential, a_workspace
from credentials.test_canaries import everything_stored
from gateway.test_secrets import hits
from operators.browser import Browser
from stationmaster.cli import session
from stationmaster.cli.declared import reading
from stationmaster.cli.declared.tables import TABLES
from stationmaster.cli.session import at_terminal
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential, CredentialSecret
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.entrances import live
from stationmaster.entrances.api import caller
from stationmaster.entrances.api.rates import Rates
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.gateway.config import ConfigError, Surroundings
from stationmaster.gateway.config.source import parse
from stationmaster.operators import policy
from stationmaster.operators import services as operators
from stationmaster.publishing import services as publishing
from stationmaster.publishing.models import Target
from stationmaster.settings import Settings
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.models import Workspace

Rows = list[tuple[str, int]]
CODE = "error.credential.not_for_api_use"


def token(head: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A JWT, unsigned."""
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (head, claims))
    return ".".join([*parts, "CanarySignature0123456789"])


FORBIDDEN: Mapping[str, str] = {
    "Claude's OAuth token": "sk-ant-oat01-Canary-0123456789abcdefghij",
    "Claude's refresh token": "sk-ant-ort01-Canary-0123456789abcdefghij",
    "Claude's session": "sk-ant-sid01-Canary-0123456789abcdefghij",
    "Claude Code's log-in": '{"claudeAiOauth":{"accessToken":"Canary0123456789","refreshToken":"Canary9876543210"}}',
    "a cookie of Claude's": "sessionKey=Canary0123456789abcdefghij",
    "an OpenAI session": "sess-Canary0123456789abcdefghij0123456789",
    "ChatGPT's token": token({"alg": "RS256"}, {"https://api.openai.com/auth": {"chatgpt_plan_type": "plus"}, "jti": "Canary"}),
    "Codex' token": token({"alg": "RS256"}, {"iss": "https://auth.openai.com", "jti": "Canary"}),
    "ChatGPT's session": token({"alg": "dir", "enc": "A256GCM"}, {"jti": "Canary"}),
    "a cookie of ChatGPT's": "__Secure-next-auth.session-token=Canary0123456789abcdefghij",
    "Codex' log-in": '{"tokens":{"id_token":"Canary0123456789","refresh_token":"Canary9876543210"}}',
    "Google's refresh token": "1//0Canary-0123456789abcdefghij",
    "Gemini's session": "g.a000Canary-0123456789abcdefghij",
    "a person's token at GitHub": "gho_Canary0123456789abcdefghij0123456789",
    "an editor's session": "tid=Canary0123456789;exp=1;sku=free",
}


# Every entrance: a function that tries to get a secret in, and raises or returns what it was told.

def create(secret: str) -> None:
    """A service: the first secret of a credential."""
    credentials.create_credential(ADMIN, a_credential("new", secret=secret))


def replace(secret: str) -> None:
    """A service: another one at once."""
    credentials.update_credential(ADMIN, "slot", {"secret": secret})


def rotate(secret: str) -> None:
    """A service: the next one, by a rotation."""
    credentials.rotate_credential(ADMIN, "slot", {"secret": secret})


def paste(secret: str) -> None:
    """A service: the first one, to be proved."""
    credentials.paste_credential(ADMIN, "pasted", {"vendor": "openai", "secret": secret})


def recognise(secret: str) -> str:
    """A service: what is this?"""
    return str(credentials.recognise(ADMIN, "any", {"secret": secret})["code"])


def source(secret: str) -> None:
    """A service: what short-lived secrets are asked with."""
    options = {"token_url": "https://login.example.com/token", "client_id": "stationmaster"}
    credentials.put_source(ADMIN, "sourced", {
        "vendor": "openai_compatible", "base_url": "https://models.example.com/v1", "kind": "oauth2_client_credentials",
        "options": options, "secret": secret,
    })  # fmt: skip


def refresh_token(secret: str) -> None:
    """A service: a refresh token."""
    options = {"token_url": "https://login.example.com/token", "client_id": "stationmaster"}
    credentials.put_source(ADMIN, "sourced", {
        "vendor": "openai_compatible", "base_url": "https://models.example.com/v1", "kind": "oauth2_refresh_token",
        "options": options, "refresh_token": secret,
    })  # fmt: skip


def attach(secret: str) -> None:
    """A service: a workspace's admin credential."""
    workspaces.create_workspace(ADMIN, a_workspace("new", secret=secret))


def attach_again(secret: str) -> None:
    """A service: another admin credential."""
    workspaces.update_workspace(ADMIN, "place", {"secret": secret})


def publish(secret: str) -> None:
    """A service: a target's admin credential."""
    publishing.create_target(ADMIN, {"name": "new", "kind": "s2a", "base_url": "https://s2a.example.com", "secret": secret})


def try_out(secret: str) -> None:
    """A service: a target that is not stored yet."""
    publishing.test_target(ADMIN, {"name": "new", "kind": "s2a", "base_url": "https://s2a.example.com", "secret": secret})


def gateway_toml(secret: str) -> str:
    """A gateway that serves from a file."""
    text = f'[[credential]]\nid = "new"\nvendor = "openai"\nsecret = "env:KEY"\n{_POOL}'
    return _of_file(lambda: parse(text, file="gateway.toml", around=around(secret)))


def applied(secret: str) -> str:
    """`stationmaster apply`, of both kinds of secrets."""
    codes = set()
    for kind in ("credential", "workspace"):
        text = f'[[{kind}]]\nid = "new"\nvendor = "openai"\nsecret = "env:KEY"\n'
        codes.add(_of_file(partial(reading.read, text, "x", "toml", around(secret), dict.fromkeys(TABLES, ()))))
    return " ".join(codes)


def rest(secret: str) -> str:
    """REST, wherever it takes one."""
    headers = {"authorization": f"Bearer {operators.create_token(at_terminal(), {'name': 'all', 'role': 'admin'}).secret.text}"}
    with httpx.Client(transport=terminal.Wire(), base_url="http://127.0.0.1:4001/api/v1", headers=headers) as client:
        answers = [
            client.post("/credentials", json=a_credential("new", secret=secret)),
            client.patch("/credentials/slot", json={"secret": secret}, headers={"if-match": "*"}),
            client.post("/credentials/slot/rotate", json={"secret": secret}),
            client.post("/workspaces", json=a_workspace("new", secret=secret)),
            client.post("/targets", json={"name": "new", "kind": "s2a", "base_url": "https://s2a.example.com", "secret": secret}),
        ]  # fmt: skip
    assert [each.status_code for each in answers] == [422] * len(answers), [each.text for each in answers]
    assert not [each.text for each in answers if hits(each.content, {"it": secret})]
    return " ".join({each.json()["error"]["code"] for each in answers})


def console(secret: str) -> str:
    """The console's forms, which show the sentence in place of the code."""
    browser = _browsers.get("admin") or _browsers.setdefault("admin", signed_in())
    form = {"do": "paste", "name": "new", "vendor": "openai", "secret": secret}
    text = browser.send("/credentials/new", form).content
    assert not hits(text, {"it": secret})
    return CODE if "not issued for API use" in said(text.decode()) else said(text.decode())


ENTRANCES: tuple[Callable[[str], str | None], ...] = (
    create, replace, rotate, paste, recognise, source, refresh_token, attach, attach_again, publish, try_out, gateway_toml,
    applied, rest, console,
)  # fmt: skip
_browsers: dict[str, Browser] = {}     # one a test
_POOL = '[[pool]]\nid = "main"\nmembers = [{ credential = "new" }]\n'


def around(secret: str) -> Surroundings:
    """A machine with this in its environment."""
    return Surroundings({"KEY": secret}, lambda _: b"", Path("/"))


def _of_file(read: Callable[[], Any]) -> str:
    with pytest.raises(ConfigError) as refused:
        read()
    return " ".join({each.code for each in refused.value.problems})


def rows() -> Rows:
    """Every row with a secret that there is, as of which change."""
    kinds = (Credential, CredentialSecret, TokenSource, Workspace, Target)
    return [(row.id, row.revision) for kind in kinds for row in kind.objects.order_by("id")]


@pytest.fixture
def held(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    """A credential and a workspace that there are, and what was made of them so far."""
    _browsers.clear()
    monkeypatch.setattr(caller, "rates", Rates(burst=10_000))
    cache.clear()
    live.use(Settings())
    credentials.create_credential(ADMIN, a_credential("slot"))
    workspaces.create_workspace(ADMIN, a_workspace("place"))
    addresses.allow_address(ADMIN, {"name": "login.example.com", "reason": "the company's"})
    yield rows()
    policy.use(policy.LoginPolicy)
    cache.clear()


@pytest.mark.parametrize("way", ENTRANCES, ids=lambda way: way.__name__)
def test_it_is_refused_and_nothing_stays(held: Rows, way: Callable[[str], str | None]) -> None:
    """Each form of it, by each entrance: `error.credential.not_for_api_use`; the message holds nothing of it, no row is made or
    changed that gateways go by, and it is in no table."""
    wrong: dict[str, str] = {}
    for name, secret in FORBIDDEN.items():
        try:
            code = way(secret) or "taken"
        except StationmasterError as error:
            code = error.code
            told = f"{error!r} {error.message} {error.hint} {error.fields if isinstance(error, Invalid) else ''}"
            assert not hits(told.encode(), {name: secret}), name
        if code != CODE:
            wrong[name] = code
    assert wrong == {}
    assert rows() == held
    assert {table: found for table, data in everything_stored() if (found := hits(data, dict(FORBIDDEN)))} == {}


def test_the_command_line_refuses_them(held: Rows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`credential create`, `update` and `rotate`, `workspace create`: exit 1, the reason on stderr, nothing of the secret."""
    monkeypatch.setattr(session, "_set_up", lambda *_: session._with_saved(Settings()))
    verbs = (
        ("credential", "create", "new", "--vendor", "openai", "--secret", "-"), ("credential", "update", "slot", "--secret", "-"),
        ("credential", "rotate", "slot", "--secret", "-"), ("workspace", "create", "new", "--vendor", "openai", "--secret", "-"),
    )  # fmt: skip
    for words in verbs:
        for name, secret in FORBIDDEN.items():
            done = terminal.run(monkeypatch, capsys, words, secret)
            assert (done.code, done.out) == (1, ""), (words, name, done)
            assert CODE in done.err or "not issued for API use" in done.err, (words, name, done)
            assert not hits(done.err.encode(), {name: secret}), (words, name)
    assert rows() == held


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini", "azure_openai", "openai_compatible", "vertex", "bedrock"])
def test_for_every_vendor(held: Rows, vendor: str) -> None:
    """No vendor's credentials take them, whoever issued them."""
    place = "/v1/projects/acme-1/locations/global" if vendor == "vertex" else ""
    for name, secret in FORBIDDEN.items():
        with pytest.raises(Invalid) as refused:
            credentials.create_credential(ADMIN, a_credential(
                "new", vendor=vendor, secret=secret, base_url=f"https://models.example.com{place}"))  # fmt: skip
        assert refused.value.code == CODE, name


def test_settings_take_none(held: Rows) -> None:
    """Settings that are secrets come from a file or the environment of a process alone: nobody saves one from afar."""
    for name in ("oidc.client_secret", "mail.password"):
        for secret in FORBIDDEN.values():
            with pytest.raises(StationmasterError) as refused:
                live.save_setting(ADMIN, name, secret)
            assert not hits(f"{refused.value!r} {refused.value.message}".encode(), {"it": secret})
    assert {table: found for table, data in everything_stored() if (found := hits(data, dict(FORBIDDEN)))} == {}
