"""How clouds' credentials are written: identities, regions, projects."""

import pytest

from stationmaster.gateway.core.clouds import fault_in, identity_of, is_entra_token, place_of, region_of
from stationmaster.gateway.core.sigv4 import Identity
from stationmaster.gateway.core.snapshot import Credential, Vendor
from stationmaster.gateway.core.upstreams import Upstream

GOOGLE = "https://europe-west1-aiplatform.googleapis.com"
AMAZON = "https://bedrock-runtime.eu-central-1.amazonaws.com"
KEYS = '{"access_key_id": "AKIA1", "secret_access_key": "se/cret+key"}'


@pytest.mark.parametrize(("base_url", "region"), [
    (AMAZON, "eu-central-1"),
    ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ("https://vpce-0a1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "us-east-1"),
    ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ("https://bedrock-runtime.ap-southeast-2.api.aws", "ap-southeast-2"),
    ("https://bedrock-runtime.eu-central-1.amazonaws.com.example.org", "told"),
    ("https://eu-central-1.example.org", "told"),
    ("http://127.0.0.1:9", "told"),
])  # fmt: skip
def test_regions(base_url: str, region: str) -> None:
    """AWS' own addresses name the region; of any other the secret has to."""
    assert region_of(base_url, "told") == region


@pytest.mark.parametrize(("path", "place"), [
    ("/v1/projects/acme-ai/locations/europe-west1", ("", "/projects/acme-ai/locations/europe-west1")),
    ("/v1beta1/projects/acme-ai/locations/global/", ("", "/projects/acme-ai/locations/global")),
    ("/projects/example.com:acme/locations/us-east5", ("", "/projects/example.com:acme/locations/us-east5")),
    ("/proxy/google/v1/projects/a/locations/b", ("/proxy/google", "/projects/a/locations/b")),
    ("", None), ("/v1", None), ("/v1/projects/a", None), ("/v1/projects/a/locations", None), ("/v1/projects//locations/b", None),
    ("/v1/projects/a/locations/b/publishers/google", None), ("/v1/projects/../locations/b", None),
])  # fmt: skip
def test_places(path: str, place: tuple[str, str] | None) -> None:
    """A Vertex base URL names project and location, and perhaps something before them."""
    assert place_of(GOOGLE + path) == place


def test_identities() -> None:
    """A secret is an API key, or an identity's keys as JSON, in one line or several."""
    assert identity_of("ABSKsome-api-key") is None
    assert identity_of(KEYS) == (Identity("AKIA1", "se/cret+key"), "")
    more = (
        '\n{\n "access_key_id": "ASIA1",\n "secret_access_key": "s",\n "session_token": "t",\n "region": "eu-west-1", "x": 1}\n'
    )
    assert identity_of(more) == (Identity("ASIA1", "s", "t"), "eu-west-1")


@pytest.mark.parametrize("secret", [
    "{", "{}", '{"access_key_id": "AKIA1"}', '{"access_key_id": "AKIA1", "secret_access_key": ""}',
    '{"access_key_id": "AKIA1", "secret_access_key": 7}', '{"access_key_id": "A B", "secret_access_key": "s"}',
    '{"access_key_id": "A", "secret_access_key": "s\\r\\nx-evil: 1"}',
    '{"access_key_id": "A", "secret_access_key": "s", "session_token": "a\\nb"}',
    '{"access_key_id": "A", "secret_access_key": "s", "region": "a/b"}', '{"a": ' * 3000,
])  # fmt: skip
def test_identities_that_are_none(secret: str) -> None:
    """What cannot be signed with, or would be a header of its own, is refused, and its words are not repeated."""
    fault = fault_in("bedrock", secret, AMAZON)
    assert fault is not None
    assert fault[0] == "secret"
    assert "evil" not in " ".join(fault)


@pytest.mark.parametrize(("vendor", "secret", "base_url", "part"), [
    ("bedrock", KEYS, "https://proxy.example", "secret"),           # no region
    ("bedrock", KEYS, AMAZON, ""), ("bedrock", "ABSKkey", "https://proxy.example", ""),
    ("bedrock", KEYS[:-1] + ', "region": "eu-central-1"}', "https://proxy.example", ""),
    ("vertex", "ya29.token", f"{GOOGLE}/v1/projects/a/locations/b", ""),
    ("vertex", "ya29.token", GOOGLE, "base_url"),
    ("vertex", '{"type": "service_account"}', f"{GOOGLE}/v1/projects/a/locations/b", "secret"),
    ("openai", KEYS, "", "secret"), ("openai", "sk-key", "", ""), ("azure_openai", "{}", "https://x.example", "secret"),
])  # fmt: skip
def test_what_cannot_be_used(vendor: Vendor, secret: str, base_url: str, part: str) -> None:
    """A credential that could not be sent is told by the part of it that is wrong."""
    fault = fault_in(vendor, secret, base_url)
    assert (fault[0] if fault else "") == part


@pytest.mark.parametrize(("secret", "expected"), [
    ("eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl", True), ("eyJ.a.", False), ("eyJa.b.", True),
    ("eyJhbGciOi", False), ("0123456789abcdef", False),
])  # fmt: skip
def test_tokens_of_the_directory(secret: str, expected: bool) -> None:
    """A JWT is a token of Entra ID; anything else is a key."""
    assert is_entra_token(secret) == expected
    auth = Upstream(Credential("a", "azure_openai", secret, "https://x.openai.azure.com")).auth
    assert (b"authorization: Bearer " in auth, b"api-key: " in auth) == (expected, not expected)


def test_what_an_identity_sends() -> None:
    """Of an identity neither the document nor the key is in what every request has; both are looked for in what comes back."""
    secret = '{"access_key_id": "ASIA1", "secret_access_key": "the-secret-key", "session_token": "the-token"}'
    upstream = Upstream(Credential("a", "bedrock", secret, AMAZON))
    assert upstream.auth == b"host: bedrock-runtime.eu-central-1.amazonaws.com\r\naccept-encoding: identity\r\n"
    assert upstream.leaks(b"... the-secret-key ...")
    assert upstream.leaks(b"... the-token ...")
    assert not upstream.leaks(b'{"message": "ASIA1 may not"}')
    assert "the-secret-key" not in repr(upstream)


def test_where_vertex_is_asked() -> None:
    """Version and model are the client's, host, project and location the credential's; its model list stands outside of them."""
    upstream = Upstream(Credential("a", "vertex", "token", f"{GOOGLE}/v1/projects/acme/locations/europe-west1"))
    assert upstream.path("/v1beta1/publishers/google/models/m:countTokens", "vertex") == (
        "/v1beta1/projects/acme/locations/europe-west1/publishers/google/models/m:countTokens"
    )
    assert upstream.path("/v1beta1/publishers/google/models", "openai") == "/v1beta1/publishers/google/models"
