"""The response headers vendors send, invented in value but real in name, so that a gateway's header rules can
be tested: request ids, rate limits of one credential, the account's name, and its delivery network's own."""

from collections.abc import Mapping

from stationmaster.sandbox.values import Asked

_NETWORK: Mapping[str, str] = {
    "server": "cloudflare",
    "cf-ray": "9a0000000000sand-BOX",
    "cf-cache-status": "DYNAMIC",
    "alt-svc": 'h3=":443"; ma=86400',
    "set-cookie": "__cf_bm=sandbox-cookie; path=/; HttpOnly; Secure; SameSite=None",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
}
_LIMITS: Mapping[str, str] = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999000",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "30ms",
}
_OPENAI: Mapping[str, str] = {
    "openai-organization": "org-sandbox",
    "openai-project": "proj_sandbox",
    "openai-processing-ms": "7",
    "openai-version": "2020-10-01",
}
_AZURE: Mapping[str, str] = {
    "apim-request-id": "00000000-0000-4000-8000-000000000000",
    "x-ms-region": "Sandbox North",
    "azureml-model-session": "sandbox",
}
_ANTHROPIC: Mapping[str, str] = {
    "anthropic-organization-id": "00000000-0000-4000-8000-00000000a0a0",
    "anthropic-workspace-id": "wrkspc_sandbox",
    **{
        f"anthropic-ratelimit-{what}-{field}": value
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
        for field, value in (("limit", "4000"), ("remaining", "3999"), ("reset", "2026-09-21T14:13:21Z"))
    },
}
_GEMINI: Mapping[str, str] = {
    "server": "scaffolding on HTTPServer2",
    "vary": "Origin, X-Origin, Referer",
    "x-xss-protection": "0",
    "server-timing": "gfet4t7; dur=7",
    "alt-svc": _NETWORK["alt-svc"],
}


def vendor_headers(asked: Asked) -> dict[str, str]:
    """The headers of one answer, by dialect; the request id is derived from the request."""
    if asked.dialect in ("gemini", "vertex"):
        return dict(_GEMINI)
    if asked.dialect == "bedrock":
        return {"x-amzn-requestid": asked.id("")}
    if asked.dialect == "anthropic":
        return {**_NETWORK, **_ANTHROPIC, "request-id": asked.id("req_")}
    own = {**_OPENAI, **_AZURE} if asked.dialect == "azure" else _OPENAI
    return {**_NETWORK, **_LIMITS, **own, "x-request-id": asked.id("req_")}
