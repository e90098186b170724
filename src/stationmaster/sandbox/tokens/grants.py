"""What simulated issuers answer, by their public interfaces: Microsoft's identity platform, Google's OAuth 2 and IAM, AWS STS,
OAuth 2 (RFC 6749, 7523, 8693), Anthropic's and OpenAI's token exchange. Pure but for the provider's own state.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from stationmaster.sandbox.signatures import secret_of, token_of
from stationmaster.sandbox.tokens.provider import Provider

_LOG_IN = "https://login.microsoftonline.com"
_STS = "https://sts.amazonaws.com/doc/2011-06-15/"


@dataclass(frozen=True, slots=True)
class Call:
    """One call; `path` is behind the provider's own address."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> dict[str, Any]:
        """The fields of a JSON object."""
        found = msgspec.json.decode(self.body)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered: JSON, or a text as it is (`words`). `grant`: for the ledger, empty: nothing was asked for; `used`: the
    number of the refresh token."""

    body: Any
    status: int = 200
    grant: str = ""
    used: int = 0
    words: str = ""


def answer(provider: Provider, call: Call) -> Told:
    """By its kind."""
    return _KINDS[provider.kind](provider, call)


def _no(grant: str, code: str, words: str, status: int = 400, used: int = 0) -> Told:
    return Told({"error": code, "error_description": words}, status, grant, used)


def _lasting(provider: Provider, token: str, **more: Any) -> dict[str, Any]:
    told = {"access_token": provider.issue(token), "token_type": "Bearer", **more}
    return {**told, "expires_in": int(provider.lasts)} if provider.tells else told


def _entra(provider: Provider, call: Call) -> Told:
    tenant = call.path.split("/")[1]
    if call.path.endswith("/.well-known/openid-configuration"):
        place = f"{_LOG_IN}/{tenant}"
        return Told({
            "issuer": f"{place}/v2.0", "token_endpoint": f"{place}/oauth2/v2.0/token", "authorization_endpoint":
            f"{place}/oauth2/v2.0/authorize", "device_authorization_endpoint": f"{place}/oauth2/v2.0/devicecode",
        })  # fmt: skip
    form = call.form()
    grant = form.get("grant_type", "") + (" assertion" if "client_assertion" in form else "")
    known = form.get("client_secret") == provider.secret or form.get("client_assertion", "").count(".") == 2
    if form.get("client_id") != provider.client or not known:
        return _no(grant, "invalid_client", "AADSTS7000215: Invalid client secret provided.", 401)
    return Told(_lasting(provider, provider.jwt({"aud": form.get("scope", "")}), ext_expires_in=3599), 200, grant)


def _google(provider: Provider, call: Call) -> Told:
    if call.path.endswith(":generateAccessToken"):
        if provider.serves(call.headers.get("authorization", "").removeprefix("Bearer ")) is not True:
            return Told({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "bad token"}}, 401, "impersonation")
        end = datetime.fromtimestamp(provider.clock() + provider.lasts, UTC)
        token = provider.issue(_ya29(provider))
        return Told({"accessToken": token, "expireTime": end.strftime("%Y-%m-%dT%H:%M:%SZ")}, 200, "impersonation")
    form = call.form()
    grant = form.get("grant_type", "").rpartition(":")[2]
    if grant == "token-exchange" and form.get("subject_token") != provider.identity:
        return _no(grant, "invalid_grant", "The subject token is not known.")
    if grant == "jwt-bearer" and form.get("assertion", "").count(".") != 2:
        return _no(grant, "invalid_grant", "Invalid JWT Signature.")
    more = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"} if grant == "token-exchange" else {}
    return Told(_lasting(provider, _ya29(provider), **more), 200, grant)


def _ya29(provider: Provider) -> str:
    return f"ya29.sandbox-{provider.random.randbytes(24).hex()}"


def _sts(provider: Provider, call: Call) -> Told:
    form = call.form()
    action = form.get("Action", "")
    signed = call.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=")
    known = signed if action == "AssumeRole" else form.get("WebIdentityToken") == provider.identity
    if not known:
        words = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not this identity</Message></Error></ErrorResponse>"
        return Told(None, 403, action, words=words)
    key = f"ASIA{provider.random.randbytes(8).hex().upper()}"
    end = datetime.fromtimestamp(provider.clock() + min(provider.lasts, float(form.get("DurationSeconds", "3600"))), UTC)
    provider.issue(key)
    return Told(None, 200, action, words=(
        f'<{action}Response xmlns="{_STS}"><{action}Result><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>'
        f"{secret_of(key)}</SecretAccessKey><SessionToken>{token_of(key)}</SessionToken><Expiration>"
        f"{end.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration></Credentials></{action}Result></{action}Response>"
    ))  # fmt: skip


def _oidc(provider: Provider, call: Call) -> Told:
    form = call.form()
    grant = form.get("grant_type", "")
    if _client(call, form) != (provider.client, provider.secret):
        return _no(grant, "invalid_client", "no such client", 401)
    if grant == "client_credentials":
        return Told(_lasting(provider, provider.jwt({"aud": form.get("audience", "")})), 200, grant)
    if grant != "refresh_token":
        return _no(grant, "unsupported_grant_type", "not here")
    used = provider.use(form.get("refresh_token", ""))
    if not used or provider.revoked:
        return _no(grant, "invalid_grant", "the refresh token is not valid any more", used=used)
    more = {"refresh_token": provider.next_refresh()} if provider.rotates else {}
    return Told(_lasting(provider, provider.jwt({"aud": ""}), **more), 200, grant, used)


def _client(call: Call, form: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme != "Basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    user, _, password = base64.b64decode(encoded).decode().partition(":")
    return unquote(user), unquote(password)


def _anthropic(provider: Provider, call: Call) -> Told:
    asked = call.json()
    if asked.get("assertion") != provider.identity:
        denied = {"type": "error", "error": {"type": "authentication_error", "message": "Authentication failed"}}
        return Told(denied, 401, "jwt-bearer")
    token = f"sk-ant-oat01-sandbox-{provider.random.randbytes(24).hex()}"
    return Told(_lasting(provider, token, scope="workspace:inference"), 200, "jwt-bearer")


def _openai(provider: Provider, call: Call) -> Told:
    asked = call.json()
    if asked.get("subject_token") != provider.identity:
        return _no("token-exchange", "invalid_subject_token", "The subject token is not valid.", 401)
    return Told(_lasting(provider, provider.jwt({"aud": "https://api.openai.com/v1"})), 200, "token-exchange")


_KINDS: Mapping[str, Callable[[Provider, Call], Told]] = {
    "entra": _entra, "google": _google, "sts": _sts, "oidc": _oidc, "anthropic": _anthropic, "openai": _openai,
}  # fmt: skip
