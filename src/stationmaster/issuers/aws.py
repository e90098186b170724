"""Temporary keys of an AWS role, by botocore's STS client: AssumeRole with keys, AssumeRoleWithWebIdentity with an identity token
(https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).

What is issued is the JSON that gateways sign with: `access_key_id`, `secret_access_key`, `session_token`, and `region`, which an
address of one's own does not name.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.issuers._base import Access, Issued
from stationmaster.issuers._outlet import Outlet

_NAMES: Final = ("access_key_id", "secret_access_key")
_SHAPE: Final = 'keys as {"access_key_id": …, "secret_access_key": …}'


class Aws:
    """`access.secret` is the keys of an identity that may assume the role (JSON). Raises `Invalid` for another shape."""

    def __init__(self, access: Access) -> None:
        self._access, asked = access, access.options
        self._keys = check_keys(access.secret) if asked.mode == "assume_role" else {}
        self._origin = f"https://sts.{asked.region}.{_zone(asked.region)}"
        self._outlet = Outlet(access, own={self._origin}, instead=asked.address, secrets=tuple(self._keys.values()))

    def issue(self) -> Issued:
        """Keys for as long as the role allows, by the moment that AWS names."""
        with self._outlet.mapped():
            found = self._asked()["Credentials"]
            secret = json.dumps({
                "access_key_id": found["AccessKeyId"], "secret_access_key": found["SecretAccessKey"],
                "session_token": found["SessionToken"], "region": self._access.options.region,
            }, separators=(",", ":"))  # fmt: skip
            return Issued(secret, expires_at=found["Expiration"])

    def _asked(self) -> Mapping[str, Any]:
        asked, client = self._access.options, self._client()
        common = {"RoleArn": asked.role_arn, "RoleSessionName": asked.session_name, "DurationSeconds": asked.seconds}
        if asked.mode == "web_identity":
            return dict(client.assume_role_with_web_identity(WebIdentityToken=self._outlet.identity(), **common))
        more = {"ExternalId": asked.external_id} if asked.external_id else {}
        return dict(client.assume_role(**common, **more))

    def _client(self) -> Any:
        """botocore's, whose environment and files play no part, and whose requests go our way."""
        import botocore.session  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        session = botocore.session.Session(session_vars={"profile": (None, None, None, None)})
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"}, ignore_configured_endpoint_urls=True)
        client = session.create_client(
            "sts", region_name=self._access.options.region, endpoint_url=self._origin, config=config,
            aws_access_key_id=self._keys.get("access_key_id", "none"),
            aws_secret_access_key=self._keys.get("secret_access_key", "none"), aws_session_token=self._keys.get("session_token"),
        )  # fmt: skip
        client.meta.events.register("before-send.sts", self._send)
        return client

    def _send(self, request: Any, **_: Any) -> Any:
        """What botocore calls instead of its own connections: a documented event, whose answer takes the place of theirs."""
        from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]

        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        answer = self._outlet.send(request.method, request.url, dict(request.headers.items()), body)
        return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(answer.body))


class _Raw(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """All of it."""
        yield self.read()


def check_keys(secret: str) -> dict[str, str]:
    """The keys of an identity. Raises `Invalid`."""
    try:
        found = json.loads(secret)
    except (ValueError, RecursionError):
        found = None
    kept = {name: str(found[name]) for name in (*_NAMES, "session_token") if found.get(name)} if isinstance(found, dict) else {}
    if not all(name in kept for name in _NAMES):
        raise Invalid("error.source.bad_secret", f"secret: expected {_SHAPE}", fields={"secret": f"expected {_SHAPE}"})
    return kept


def _zone(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
