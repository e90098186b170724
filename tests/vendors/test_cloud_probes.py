"""Whether a credential for inference works: Azure, Bedrock, Gemini, Vertex and what speaks OpenAI's API. Nothing is generated."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from line.scripted import Peer, answer, scripted
from stationmaster.errors import Invalid
from stationmaster.line import wire
from stationmaster.line.errors import Transient
from stationmaster.outbound import resolve_and_check
from stationmaster.vendors._base import Access
from stationmaster.vendors.bedrock import _asked
from stationmaster.vendors.registry import open_vendor
from stationmaster.vendors.vertex import TOKENS, _token_address

LOOPBACK = frozenset({"127.0.0.1"})
KEY = "key-of-the-probe/0123+456=="
MODELS = answer({"data": [], "models": [], "modelSummaries": []})
AWS = json.dumps({
    "access_key_id": "AKIAPROBE0123456789", "secret_access_key": "aws/secret+0123456789", "session_token": "passing==",
})  # fmt: skip
SIMPLE = ("azure_openai", "bedrock", "gemini", "vertex", "openai_compatible")


def opened(vendor: str, url: str, secret: str = KEY, organisation: str = "", **more: Any) -> Any:
    """An adapter for a scripted peer."""
    return open_vendor(Access(vendor, secret=secret, base_url=url, organisation=organisation, allowed=LOOPBACK, **more))


@pytest.mark.parametrize(
    ("vendor", "path", "header", "value"),
    [
        ("azure_openai", "/openai/v1/models", "api-key", KEY),
        ("bedrock", "/async-invoke?maxResults=1", "authorization", f"Bearer {KEY}"),
        ("gemini", "/v1beta/models?pageSize=1", "x-goog-api-key", KEY),
        ("vertex", "/v1beta1/publishers/google/models?pageSize=1", "authorization", f"Bearer {KEY}"),
        ("openai_compatible", "/models", "authorization", f"Bearer {KEY}"),
    ],
)
def test_a_working_credential(vendor: str, path: str, header: str, value: str) -> None:
    """One GET of a list, the credential in a header and nowhere else; it is reading, so a dry run does it too."""
    with scripted(MODELS) as peer:
        assert opened(vendor, peer.url, dry_run=True).probe().ok
    assert peer.heads() == [f"GET {path} HTTP/1.1"]
    assert peer.header(header) == value
    assert peer.requests[0][0].count(KEY) == 1


@pytest.mark.parametrize("vendor", SIMPLE)
@pytest.mark.parametrize(
    ("status", "ok"), [(400, False), (401, False), (403, False), (404, False), (429, True)]
)
def test_what_an_error_says_of_a_credential(vendor: str, status: int, ok: bool) -> None:
    """Limited is valid; refused is not, and none of it is repeated with the credential in it."""
    told = answer({"error": {"message": f"no: {KEY}", "code": "some_code"}}, status)
    with scripted(told) as peer:
        found = opened(vendor, peer.url).probe()
    assert (found.ok, KEY in repr(found)) == (ok, False)
    assert found.code == "some_code"


@pytest.mark.parametrize("vendor", SIMPLE)
@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_vendor_that_fails_proves_nothing(vendor: str, status: int) -> None:
    """It is asked another time."""
    with scripted(answer({}, status)) as peer, pytest.raises(Transient):
        opened(vendor, peer.url).probe()


@pytest.mark.parametrize("vendor", SIMPLE)
def test_a_page_is_no_list(vendor: str) -> None:
    """What a portal answers to anybody is no proof."""
    with scripted(answer(b"<html>log in</html>")) as peer:
        found = opened(vendor, peer.url).probe()
    assert (found.ok, found.code) == (False, "no_json")


@pytest.mark.parametrize("vendor", ["azure_openai", "openai_compatible"])
def test_an_address_is_needed(vendor: str) -> None:
    """There is no vendor's own."""
    with pytest.raises(Invalid):
        open_vendor(Access(vendor, secret=KEY))


def test_azure_by_its_whole_address() -> None:
    """`/openai/v1` is not added twice."""
    with scripted(MODELS) as peer:
        assert opened("azure_openai", peer.url + "/openai/v1/").probe().ok
    assert peer.heads() == ["GET /openai/v1/models HTTP/1.1"]


def test_a_server_without_credentials() -> None:
    """Gets none."""
    with scripted(MODELS) as peer:
        assert opened("openai_compatible", peer.url + "/v1", "").probe().ok
    assert peer.heads() == ["GET /v1/models HTTP/1.1"]
    assert peer.header("authorization") == ""


def test_gemini_says_in_the_details_why() -> None:
    """A bad key is a 400 like any other but for its reason."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
    told = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.", "details": details}}
    with scripted(answer(told, 400)) as peer:
        found = opened("gemini", peer.url).probe()
    assert (found.ok, found.code) == (False, "API_KEY_INVALID")


# Bedrock with the keys of an identity.


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Callable[[Peer], str]:
    """AWS' names lead to this machine: the address where models are called, of a peer that plays AWS."""

    def here(host: str, port: int, allowed: Any) -> list[str]:
        return ["127.0.0.1"] if host.endswith(".eu-west-1.amazonaws.com") else resolve_and_check(host, port, allowed)

    monkeypatch.setattr(wire, "resolve_and_check", here)
    return lambda peer: f"http://bedrock-runtime.eu-west-1.amazonaws.com:{peer.port}"


def test_aws_signs_what_it_sends(aws: Callable[[Peer], str]) -> None:
    """An address where models are called lists none: the list is asked for under AWS' other name, and whose keys they are under a
    third. Signature Version 4 over method, path, host and time, worked out here again."""
    who = b"<GetCallerIdentityResult><Account>123456789012</Account></GetCallerIdentityResult>"
    with scripted(MODELS, answer(who)) as peer:
        found = opened("bedrock", aws(peer), AWS, insecure=True).probe()
        hosts = [f"{name}.eu-west-1.amazonaws.com:{peer.port}" for name in ("bedrock", "sts")]
    assert (found.ok, found.organisation) == (True, "123456789012")
    assert [peer.header("host", at) for at in (0, 1)] == hosts
    assert peer.header("authorization", 0) == _signature(peer, 0, hosts[0], "GET\n/foundation-models\n", "bedrock")
    query = "Action=GetCallerIdentity&Version=2011-06-15"
    assert peer.heads()[1] == f"GET /?{query} HTTP/1.1"
    assert peer.header("authorization", 1) == _signature(peer, 1, hosts[1], f"GET\n/\n{query}", "sts")


def test_an_address_of_ones_own_is_asked_for_what_it_has() -> None:
    """A private endpoint or a proxy in front of Bedrock has neither the list of models nor identities: it is asked as gateways
    ask, signed for the region that the secret names, and nobody else is asked."""
    with scripted(answer({"asyncInvokeSummaries": []})) as peer:
        found = opened("bedrock", peer.url, json.dumps({**json.loads(AWS), "region": "eu-west-1"})).probe()
        host = peer.url.removeprefix("http://")
    assert (found.ok, found.organisation, peer.heads()) == (True, "", ["GET /async-invoke?maxResults=1 HTTP/1.1"])
    assert peer.header("authorization") == _signature(peer, 0, host, "GET\n/async-invoke\nmaxResults=1", "bedrock")


@pytest.mark.parametrize(
    ("address", "lists", "tells"),
    [
        ("", "https://bedrock.eu-west-1.amazonaws.com", "https://sts.eu-west-1.amazonaws.com"),
        ("https://bedrock-runtime-fips.us-east-1.amazonaws.com/", "https://bedrock-fips.us-east-1.amazonaws.com",
         "https://sts.us-east-1.amazonaws.com"),
        ("https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "https://bedrock.cn-north-1.amazonaws.com.cn",
         "https://sts.cn-north-1.amazonaws.com.cn"),
        ("https://bedrock-runtime.us-west-2.api.aws", "https://bedrock.us-west-2.api.aws", "https://sts.us-west-2.amazonaws.com"),
        ("https://bedrock-runtime.us-east-1.amazonaws.com.example.com", "https://bedrock-runtime.us-east-1.amazonaws.com.example.com",
         ""),
        ("https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com", "https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com",
         ""),
    ],
)  # fmt: skip
def test_which_of_aws_names_are_asked(address: str, lists: str, tells: str) -> None:
    """Beside the public addresses of Bedrock stand its list and its identities; of another address nobody is guessed."""
    asked = _asked(address, "eu-west-1")
    assert (asked.base, asked.who) == (lists, tells)


def _signature(peer: Peer, at: int, host: str, begin: str, service: str) -> str:
    """docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    moment, token = peer.header("x-amz-date", at), peer.header("x-amz-security-token", at)
    names = "host;x-amz-date;x-amz-security-token"
    empty = hashlib.sha256(b"").hexdigest()
    canonical = f"{begin}\nhost:{host}\nx-amz-date:{moment}\nx-amz-security-token:{token}\n\n{names}\n{empty}"
    scope = f"{moment[:8]}/eu-west-1/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + json.loads(AWS)["secret_access_key"].encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signed = hmac.digest(key, text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential=AKIAPROBE0123456789/{scope}, SignedHeaders={names}, Signature={signed}"


def test_aws_keys_that_may_not_list_are_known_all_the_same(aws: Callable[[Peer], str]) -> None:
    """The kind of error is in a header; the account is told though the list is not."""
    denied = answer({"Message": "User is not authorized"}, 403, ["x-amzn-errortype: AccessDeniedException:http://internal/"])
    with scripted(denied, answer(b"<Account>123456789012</Account>")) as peer:
        found = opened("bedrock", aws(peer), AWS, insecure=True).probe()
    assert (found.ok, found.code, found.organisation) == (False, "AccessDeniedException", "123456789012")


def test_aws_keys_that_nobody_knows_are_asked_once(aws: Callable[[Peer], str]) -> None:
    """Then there is nobody to be named."""
    unknown = answer({"message": "bad token"}, 403, ["x-amzn-errortype: UnrecognizedClientException"])
    with scripted(unknown) as peer:
        found = opened("bedrock", aws(peer), AWS, insecure=True).probe()
    assert (found.ok, found.code, len(peer.requests)) == (False, "UnrecognizedClientException", 1)


@pytest.mark.parametrize(
    ("secret", "organisation", "url"),
    [(AWS, "", "https://bedrock.example.com"), (KEY, "", ""), (KEY, "acme", ""), ('{"access_key_id": "A"}', "eu-west-1", ""),
     ('{"broken', "eu-west-1", ""), ("two words", "eu-west-1", "")],
)  # fmt: skip
def test_what_bedrock_cannot_use_is_refused(secret: str, organisation: str, url: str) -> None:
    """Keys without a region, half a pair, broken JSON; and the secret is not repeated."""
    with pytest.raises(Invalid) as caught:
        open_vendor(Access("bedrock", secret=secret, base_url=url, organisation=organisation))
    assert secret not in str(caught.value) + repr(vars(caught.value))


# Vertex with the key of a service account.


@pytest.mark.parametrize("before", ["", "/behind/a/proxy"])
def test_vertex_lists_what_belongs_to_no_project(before: str) -> None:
    """A credential's address names its project and location, as gateways need it; the list of models has neither."""
    with scripted(MODELS) as peer:
        assert opened("vertex", f"{peer.url}{before}/v1/projects/acme-1/locations/europe-west1", "token-of-an-hour").probe().ok
    assert peer.heads() == [f"GET {before}/v1beta1/publishers/google/models?pageSize=1 HTTP/1.1"]


@pytest.fixture(scope="module")
def private() -> rsa.RSAPrivateKey:
    """A key pair."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def account(private: rsa.RSAPrivateKey) -> Callable[..., str]:
    """The JSON of a service account whose tokens come from `url`."""
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()

    def told(url: str, **more: str) -> str:
        return json.dumps({
            "type": "service_account", "project_id": "acme-1", "private_key_id": "1", "private_key": pem,
            "client_email": "probe@acme-1.iam.gserviceaccount.com", "token_uri": f"{url}/token", **more,
        })  # fmt: skip

    return told


TOKEN = answer({"access_token": "ya29.made-up", "expires_in": 3600, "token_type": "Bearer"})


def test_vertex_makes_a_token_and_keeps_it(account: Callable[..., str], private: rsa.RSAPrivateKey) -> None:
    """Signed by the account's key (RFC 7523), used as a bearer, asked for once in two probes; the project is told. Neither
    needs leave to write."""
    asked: list[str] = []
    with scripted(TOKEN, MODELS) as peer:
        adapter = opened("vertex", peer.url, account(peer.url), "billed-2", dry_run=True, before_write=asked.append)
        assert [adapter.probe().ok for _ in range(2)] == [True, True]
        assert adapter.probe().organisation == "acme-1"
    assert [head.split()[0] for head in peer.heads()] == ["POST", "GET", "GET", "GET"]
    assert (peer.header("authorization"), peer.header("x-goog-user-project")) == ("Bearer ya29.made-up", "billed-2")
    form = parse_qs(peer.requests[0][1].decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    signed, _, signature = form["assertion"][0].rpartition(".")
    private.public_key().verify(_bytes(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    claims = json.loads(_bytes(signed.partition(".")[2]))
    assert (claims["iss"], claims["aud"]) == ("probe@acme-1.iam.gserviceaccount.com", TOKENS)
    assert asked == []


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_many_threads_make_one_token(account: Callable[..., str]) -> None:
    """google-auth's credentials may not be refreshed twice at a time."""
    with scripted(TOKEN, MODELS) as peer:
        adapter = opened("vertex", peer.url, account(peer.url))
        threads = [threading.Thread(target=adapter.probe) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [head.split()[0] for head in peer.heads()].count("POST") == 1
    assert len(peer.requests) == 9


def test_an_account_that_google_refuses(account: Callable[..., str]) -> None:
    """Told with the reason, without the key."""
    with scripted(answer({"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)) as peer:
        adapter = opened("vertex", peer.url, account(peer.url))
        found = adapter.probe()
    assert (found.ok, found.code) == (False, "invalid_grant")
    assert "Invalid JWT Signature" in found.words
    assert "PRIVATE KEY" not in repr(found) + repr(vars(adapter))


def test_google_that_fails_proves_nothing(account: Callable[..., str]) -> None:
    """Neither at the token nor later."""
    with scripted(answer({}, 503)) as peer, pytest.raises(Transient):
        opened("vertex", peer.url, account(peer.url)).probe()


@pytest.mark.parametrize(
    "secret",
    [
        '{"type": "external_account", "credential_source": {"file": "/etc/passwd"}}',
        '{"type": "authorized_user", "refresh_token": "r", "client_id": "c", "client_secret": "s"}',
        '{"type": "service_account", "client_email": "a", "private_key": "no pem", "token_uri": "https://x.example/token"}',
        '{"type": "service_account"}',
        "{",
    ],
)
def test_other_kinds_of_json_are_refused(secret: str) -> None:
    """Some would have files read or programs run here."""
    with pytest.raises(Invalid) as caught:
        open_vendor(Access("vertex", secret=secret))
    assert secret not in str(caught.value)


def test_a_project_is_a_project() -> None:
    """It stands in a header."""
    with pytest.raises(Invalid):
        open_vendor(Access("vertex", secret=KEY, organisation="acme-1\r\nx-evil: 1"))


def test_a_key_does_not_choose_where_its_token_comes_from(account: Callable[..., str]) -> None:
    """Google's own address, unless the workspace itself has another and the key names the same."""
    key = json.loads(account("https://elsewhere.example"))
    assert _token_address(key, Access("vertex")) == TOKENS
    assert _token_address(key, Access("vertex", base_url="https://private.example")) == TOKENS
    assert _token_address(key, Access("vertex", base_url="https://elsewhere.example")) == "https://elsewhere.example/token"
