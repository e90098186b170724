"""AWS Signature Version 4: what proves to AWS that a request is ours, as header lines made of values. May not know the clock
(`wall` is seconds since 1970), sockets, or what is asked for.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Signed are the target, the body,
the host, the time and a temporary identity's token; whatever else a request has passes unsigned, which AWS allows.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

import msgspec

ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"


class Identity(msgspec.Struct, frozen=True):
    """An AWS identity's keys; `session_token` is there when they are temporary."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""

    def __repr__(self) -> str:
        return f"Identity({self.access_key_id!r}, …)"


def canonical_path(path: str) -> str:
    """A target's path as it is signed: what is sent, percent-encoded once more (as everywhere but in S3)."""
    return quote(path, safe="/" + _UNRESERVED) or "/"


def canonical_query(query: str) -> str:
    """A target's query as it is signed: every name with a value, encoded in one way, in their order."""
    pairs = (item.partition("=") for item in query.split("&") if item)
    return "&".join(f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(value)) for name, _, value in pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_UNRESERVED)


def canonical_request(method: str, target: str, headers: list[tuple[str, str]], body_sha256: str) -> str:
    """The request in the one spelling that both sides know. `headers`: those to sign, lower-case names."""
    path, _, query = target.partition("?")
    named: dict[str, list[str]] = {}
    for name, value in headers:
        named.setdefault(name, []).append(" ".join(value.split()))
    lines = [f"{name}:{','.join(named[name])}\n" for name in sorted(named)]
    return "\n".join([method, canonical_path(path), canonical_query(query), "".join(lines), ";".join(sorted(named)), body_sha256])


def string_to_sign(stamp: str, scope: str, canonical: str) -> str:
    """What the signature is of. `stamp` is like 20261122T110000Z, `scope` like 20261122/eu-central-1/bedrock/aws4_request."""
    return f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signing_key(secret_access_key: str, day: str, region: str, service: str) -> bytes:
    """The key for one day (like 20261122), region and service."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


class Signer:
    """Signs one identity's requests to a service in a region. The day's key is kept."""

    __slots__ = ("_day", "_key", "identity", "region", "service")

    def __init__(self, identity: Identity, region: str, service: str) -> None:
        self.identity, self.region, self.service = identity, region, service
        self._day, self._key = "", b""

    def __repr__(self) -> str:
        return f"Signer({self.identity!r}, {self.region!r}, {self.service!r})"

    def lines(self, start: bytes, body: bytes, wall: float) -> bytes:
        """The header lines that sign a request. `start`: its first line and a line `host: …`, as they are sent."""
        method, target, host = _parts(start)
        stamp = datetime.fromtimestamp(int(wall), UTC).strftime("%Y%m%dT%H%M%SZ")
        ours = [("x-amz-date", stamp)]
        if self.identity.session_token:
            ours.append(("x-amz-security-token", self.identity.session_token))
        added = "".join(f"{name}: {value}\r\n" for name, value in ours)
        return f"{added}authorization: {self.authorization(method, target, [('host', host), *ours], body, stamp)}\r\n".encode()

    def authorization(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, stamp: str) -> str:
        """The value of the Authorization field."""
        scope = f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"
        canonical = canonical_request(method, target, headers, hashlib.sha256(body).hexdigest())
        told = string_to_sign(stamp, scope, canonical).encode()
        signature = hmac.digest(self._key_of(stamp[:8]), told, "sha256").hex()
        signed = ";".join(sorted({name for name, _ in headers}))
        return f"{ALGORITHM} Credential={self.identity.access_key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            self._day, self._key = day, signing_key(self.identity.secret_access_key, day, self.region, self.service)
        return self._key


def _parts(start: bytes) -> tuple[str, str, str]:
    """Method, target and host."""
    line, host, _ = start.split(b"\r\n", 2)
    method, target, _ = line.decode().split(" ")
    return method, target, host.decode().partition(": ")[2]
