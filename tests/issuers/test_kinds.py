"""Every kind of issuer against its simulation, with the real library between."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from stationmaster.errors import Invalid
from stationmaster.issuers import registry, shapes
from stationmaster.issuers._base import Access, Issued
from stationmaster.line.errors import RateLimited, Rejected, Transient
from stationmaster.line.wire import Answer, Call, Wire
from stationmaster.sandbox.server import SandboxServer
from stationmaster.sandbox.tokens import Provider

_numbers = iter(range(1, 1_000_000))
OF = {"entra": "entra", "google": "google", "aws": "sts", "oauth2_client_credentials": "oidc", "oauth2_refresh_token": "oidc",
      "anthropic_federation": "anthropic", "openai_workload": "openai"}  # fmt: skip
Make = Callable[..., tuple[Provider, Access]]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def private_key() -> str:
    """An RSA key, as Google hands it out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


@pytest.fixture
def make(sandbox: SandboxServer, private_key: str) -> Make:
    """Makes a simulated issuer, and an access to it."""

    def made(kind: str, mode: str = "", **settings: Any) -> tuple[Provider, Access]:
        provider = sandbox.tokens.make(OF[kind], f"{kind}-{next(_numbers)}", **settings)
        return provider, access(kind, mode, provider, sandbox, private_key)

    return made


def access(kind: str, mode: str, provider: Provider, sandbox: SandboxServer, key: str) -> Access:
    """What it takes to ask that simulation."""
    at = provider.base_url(sandbox.url)
    account = {"type": "service_account", "client_email": "bot@acme.iam.gserviceaccount.com", "private_key": key,
               "token_uri": "https://elsewhere.example/token", "private_key_id": "k1", "project_id": "acme"}  # fmt: skip
    made: dict[str, Callable[[], Any]] = {
        "entra": lambda: shapes.Entra(mode or "client_secret", "tenant-1", provider.client, address=at),
        "google": lambda: shapes.Google(mode or "service_account", "//iam.googleapis.com/projects/1/x", address=at,
                                        account="bot@acme.iam.gserviceaccount.com"),
        "aws": lambda: shapes.Aws("arn:aws:iam::123456789012:role/inference", "eu-west-1", mode or "assume_role", address=at),
        "oauth2_client_credentials": lambda: shapes.ClientCredentials(f"{at}/token", provider.client, audience="models"),
        "oauth2_refresh_token": lambda: shapes.RefreshToken(f"{at}/token", provider.client),
        "anthropic_federation": lambda: shapes.AnthropicFederation("fdrl_1", "org-1", "svac_1", "wrkspc_1", address=at),
        "openai_workload": lambda: shapes.OpenAIWorkload("idp_1", "sa_1", address=at),
    }
    options = made[kind]()
    secrets = {"google": json.dumps(account), "aws": json.dumps({"access_key_id": "AKIA1", "secret_access_key": "s" * 40})}
    return Access(
        kind, options, secrets.get(kind, provider.secret), provider.refresh_token, lambda: provider.identity,
        frozenset({"127.0.0.1"}), timeout=10,
    )  # fmt: skip


def issue(given: Access) -> Issued:
    """Ask once."""
    return registry.open_issuer(given).issue()


WAYS = [("entra", ""), ("entra", "workload_identity"), ("google", ""), ("google", "workload_identity"), ("aws", ""),
        ("aws", "web_identity"), *((kind, "") for kind in OF if kind not in ("entra", "google", "aws"))]  # fmt: skip


@pytest.mark.parametrize(("kind", "mode"), WAYS)
def test_a_secret_is_issued(make: Make, kind: str, mode: str) -> None:
    """One token is asked for, and comes with its life: that which the issuer told, from when it was asked."""
    provider, given = make(kind, mode, lasts=1800)
    found = issue(given)
    held = json.loads(found.secret)["access_key_id"] if kind == "aws" else found.secret
    assert held == provider.given()[-1]
    assert [each.status for each in provider.asked() if each.grant != "impersonation"] == [200]
    left = found.expires_in if found.expires_in is not None else found.expires_at.timestamp() - time.time()  # type: ignore[union-attr]
    assert 1700 < left <= 1801


def test_a_certificate_proves_the_client(make: Make) -> None:
    """Entra's client may hold a certificate instead of a secret."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([]), dt.datetime.now(dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
    certificate = built.not_valid_before(now).not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    provider, given = make("entra", "client_certificate")
    whole = (pem + certificate.public_bytes(serialization.Encoding.PEM)).decode()
    found = issue(Access("entra", given.options, whole, allowed=given.allowed))
    assert found.secret == provider.given()[-1]
    assert provider.asked()[-1].grant == "client_credentials assertion"


def test_a_refresh_token_is_replaced(make: Make) -> None:
    """The next refresh token comes with the access token; where it stays the same, none does."""
    provider, given = make("oauth2_refresh_token")
    assert issue(given).rotating == provider.refresh_token != given.rotating
    same, steady = make("oauth2_refresh_token", rotates=False)
    assert issue(steady).rotating == ""
    assert same.refresh_token == steady.rotating


@pytest.mark.parametrize("fault", ["500", "503", "close", "garbage", "cut", "html", "bad-json", "wrong-shape", "redirect"])
@pytest.mark.parametrize("kind", list(OF))
def test_a_broken_answer_is_asked_for_once(make: Make, kind: str, fault: str) -> None:
    """No library tries again by itself, follows a redirect, or lets an error of its own family out."""
    provider, given = make(kind)
    provider.faults.set(fault, on="POST *", times=None)
    with pytest.raises((Transient, Rejected)) as caught:
        issue(given)
    assert len(provider.asked()) == 1
    if fault in ("500", "cut", "close"):
        assert isinstance(caught.value, Transient)
        assert caught.value.maybe_done


@pytest.mark.parametrize(("kind", "mode"), WAYS)
def test_a_refusal_is_told_in_the_issuers_words_without_secrets(make: Make, kind: str, mode: str) -> None:
    """What repeats a secret in any spelling is left out; what does not is told."""
    provider, given = make(kind, mode)
    provider.faults.set("echo-secret", on="POST *", times=1)
    with pytest.raises(Rejected) as caught:
        issue(given)
    told = f"{caught.value!r} {caught.value.message} {caught.value.hint}"
    for secret in (given.secret, given.rotating, provider.secret, provider.identity, provider.refresh_token):
        assert secret not in told
    provider.faults.set("429", on="POST *", times=1)
    with pytest.raises(RateLimited) as limited:
        issue(given)
    assert limited.value.retry_after == 7


@pytest.mark.parametrize("kind", [kind for kind in OF if not kind.startswith("oauth2")])
def test_only_where_a_private_address_is_allowed(make: Make, kind: str) -> None:
    """What stands in for the vendor's own address is reached only where that was allowed."""
    provider, given = make(kind)
    moved = type(given.options)(**{
        **{name: getattr(given.options, name) for name in given.options.__struct_fields__}, "address": "http://10.1.2.3:9",
    })  # fmt: skip
    with pytest.raises(Invalid):
        issue(Access(given.kind, moved, given.secret, given.rotating, given.identity))
    assert provider.asked() == []


@pytest.mark.parametrize("url", [
    "https://auth.openai.com/oauth/token", "https://console.anthropic.com/v1/oauth/token", "https://claude.ai/oauth/token",
    "https://platform.claude.com/v1/oauth/token", "https://chatgpt.com/x", "https://oauth2.googleapis.com/token",
    "https://github.com/login/oauth/access_token", "https://AUTH.OPENAI.COM./oauth/token", "https://chat.qwen.ai/api/v1/oauth2/token",
    "https://login.microsoftonline.com/consumers/oauth2/v2.0/token", "https://login.microsoftonline.com/Common/oauth2/v2.0/token",
    "https://login.live.com/oauth20_token.srf", "https://iflow.cn/oauth/token", "https://oidc.us-east-1.amazonaws.com/token",
    "https://prod.us-east-1.auth.desktop.kiro.dev/refreshToken", "https://auth.kimi.com/token", "https://register.windsurf.com/x",
])  # fmt: skip
def test_consumer_log_ins_are_refused(url: str) -> None:
    """The generic grants cannot be pointed at a vendor's own log-in."""
    known = frozenset({(urlsplit(url).hostname or "").rstrip(".")})      # an admin's word changes nothing
    for kind, shape in (("oauth2_client_credentials", shapes.ClientCredentials), ("oauth2_refresh_token", shapes.RefreshToken)):
        with pytest.raises(Invalid) as caught:
            issue(Access(kind, shape(url, "anybody"), "secret-secret", "refresh-refresh", allowed=known))
        assert caught.value.code == "error.credential.not_for_api_use"
    assert registry.KINDS["oauth2_refresh_token"].vendors == {"openai_compatible"}


def test_other_documents_of_google_are_refused(make: Make) -> None:
    """Documents that name files to read, programs to run, or a person's log-in are no source."""
    _, given = make("google")
    documents: list[Any] = [{"type": "authorized_user", "refresh_token": "1//x"}, {"type": "external_account"}, [], "x"]
    for document in documents:
        with pytest.raises(Invalid):
            issue(Access("google", given.options, json.dumps(document), allowed=given.allowed))


def test_clients_of_vendors_apps_are_refused() -> None:
    """However their ids are written; a company's own client may be called as it likes."""
    at, known = "https://login.example.com/token", frozenset({"login.example.com"})
    for client in ("9D1C250A-e61b-44d9-88ed-5944d1962f5e", "IV1.b507a08c87ecfe98"):
        with pytest.raises(Invalid) as caught:
            issue(Access("oauth2_client_credentials", shapes.ClientCredentials(at, client), "secret", allowed=known))
        assert caught.value.code == "error.credential.not_for_api_use"
    own = shapes.ClientCredentials(at, "app_company")
    assert registry.open_issuer(Access("oauth2_client_credentials", own, "secret", allowed=known))


@pytest.mark.parametrize(("kind", "mode"), WAYS)
def test_what_a_library_cannot_read_is_in_no_log(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str, mode: str
) -> None:
    """An answer that is an error in a good one's clothes, with all that was sent in it: libraries would warn of it, word by
    word."""
    provider, given = make(kind, mode)
    sent, calls = list[str](), list[str]()

    def echo(_: Wire, call: Call) -> Answer:
        calls.append(call.url)
        sent.extend(re.findall(r"[A-Za-z0-9._~+/-]{40,}", f"{call.body.decode()} {call.headers.get('authorization', '')}"))
        body = {"error": "x", "error_description": f"{call.body.decode()} {' '.join(held)}"}
        return Answer(200, {"content-type": "application/json"}, json.dumps(body).encode())

    held = [each for each in (given.secret, given.rotating, provider.identity) if each]
    monkeypatch.setattr(Wire, "exchange", echo)
    caplog.set_level(logging.DEBUG)
    with pytest.raises((Transient, Rejected)) as caught:
        issue(given)
    told = f"{caplog.text} {caught.value!r} {caught.value.hint}"
    for secret in (*held, *sent):
        assert secret not in told
    assert calls
    assert caught.value.code.startswith("error.source.")
