"""Signatures of webhooks. Owns: secrets, headers and their check, by Standard Webhooks (https://www.standardwebhooks.com).

A body is signed together with its id and its time, so that an old one cannot be sent again under a new time. While a secret is
changed both sign, and a receiver that knows either one takes the message.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
SHORTEST: Final = 24      # bytes of a secret, by the specification, "Signature scheme"
LONGEST: Final = 64
TOLERANCE: Final = 300    # seconds that a message's time may differ from the receiver's


def new_secret() -> str:
    """A secret as its receiver is given it, to be shown once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def headers_of(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a message. `keys`: the secrets that sign, the newest first; `timestamp` in seconds since 1970. The
    same for every attempt to deliver it, but for its time. Raises `ValueError` for a secret that is none."""
    signed = " ".join(_signature(_bytes_of(key), message_id, timestamp, body) for key in keys)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signed}


def is_signed(keys: Sequence[str], headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether one of `keys` signed this message, less than `TOLERANCE` seconds from `now`. `headers` by their names in lower
    case. Raises `ValueError` for a secret that is none."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 16) or abs(now - int(stamp)) > TOLERANCE:
        return False
    wanted = [_signature(_bytes_of(key), message_id, int(stamp), body).encode("ascii") for key in keys]
    given = [each.encode("utf-8", "replace") for each in headers.get("webhook-signature", "").split(" ")]
    return any(hmac.compare_digest(one, other) for one in wanted for other in given)


def _signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    content = b".".join((message_id.encode("utf-8"), str(timestamp).encode("ascii"), body))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")


def _bytes_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError("this is no signing secret: it is whsec_ and 24 to 64 bytes in base64")
    return key
