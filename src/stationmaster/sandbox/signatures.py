"""AWS signatures, checked for real: botocore signs the request that arrived once more, and both must agree. Owns which keys
exist: every access key id has the secret `sandbox-secret-of-<id>`, and those of temporary identities (ASIA…) the token
`sandbox-token-of-<id>`, which has expired where the id says EXPIRED.
"""

import re
from datetime import UTC, datetime, timedelta

from aiohttp import web

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/, ]+)/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{64})"
)
SKEW = timedelta(minutes=5)

Fault = tuple[str, str]    # kind of error, words


def secret_of(access_key_id: str) -> str:
    """The secret access key of an id."""
    return f"sandbox-secret-of-{access_key_id}"


def token_of(access_key_id: str) -> str:
    """The session token of a temporary identity."""
    return f"sandbox-token-of-{access_key_id}"


def access_key_id(authorization: str) -> str:
    """Who signed; empty when nobody did."""
    found = _AUTHORIZATION.fullmatch(authorization)
    return found["id"] if found else ""


def fault_in(request: web.Request, body: bytes) -> Fault | None:
    """What AWS would say of a signed request; None: nothing. Of one that is not signed as well."""
    authorization = request.headers.get("authorization", "")
    if not authorization.startswith("AWS4-"):
        return None
    found = _AUTHORIZATION.fullmatch(authorization)
    if found is None:
        return "IncompleteSignature", "Authorization header is not as it has to be."
    return _fault_in_identity(found, request) or _fault_in_time(found, request) or _fault_in_signature(found, request, body)


def _fault_in_identity(found: re.Match[str], request: web.Request) -> Fault | None:
    token, temporary = request.headers.get("x-amz-security-token"), found["id"].startswith("ASIA")
    if token != (token_of(found["id"]) if temporary else None):
        return "UnrecognizedClientException", "The security token included in the request is invalid."
    if temporary and "EXPIRED" in found["id"]:
        return "ExpiredTokenException", "The security token included in the request is expired"
    return None


def _fault_in_time(found: re.Match[str], request: web.Request) -> Fault | None:
    stamp = request.headers.get("x-amz-date", "")
    try:
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "IncompleteSignature", "X-Amz-Date is not there."
    if abs(datetime.now(UTC) - signed_at) > SKEW or not stamp.startswith(found["day"]):
        return "InvalidSignatureException", f"Signature expired: {stamp} is too far from now."
    return None


def _fault_in_signature(found: re.Match[str], request: web.Request, body: bytes) -> Fault | None:
    """Everything that is signed must be, and as it arrived."""
    from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
    from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
    from botocore.credentials import Credentials  # type: ignore[import-untyped]

    names = found["signed"].split(";")
    needed = {"host", *(name.lower() for name in request.headers if name.lower().startswith("x-amz-"))}
    if found["service"] != "bedrock" or not needed <= set(names):
        return "InvalidSignatureException", "Credential should be scoped to correct service, and sign every x-amz- header."
    headers = {name: ",".join(request.headers.getall(name, [])) for name in names}
    url = f"http://{request.headers.get('host', '')}{request.rel_url.raw_path_qs}"
    signed = AWSRequest(method=request.method, url=url, data=body, headers=headers)
    signed.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(found["id"], secret_of(found["id"])), found["service"], found["region"])
    told = signer.string_to_sign(signed, signer.canonical_request(signed))
    if signer.signature(told, signed) != found["signature"]:
        return "InvalidSignatureException", "The request signature we calculated does not match the signature you provided."
    return None
