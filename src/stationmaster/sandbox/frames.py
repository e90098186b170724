"""AWS event streams as Bedrock writes them: a frame for each event. Owns the binary form
(https://smithy.io/2.0/aws/amazon-eventstream.html); made without the gateway's reader, so that each checks the other.
"""

import zlib

from stationmaster.sandbox.values import dump

MIME = "application/vnd.amazon.eventstream"


def event(kind: str, value: object) -> bytes:
    """A frame of one event with a JSON payload."""
    return _frame(_texts(event_type=kind, content_type="application/json", message_type="event"), dump(value))


def exception(kind: str, message: str) -> bytes:
    """A frame that says that the answer failed."""
    head = _texts(exception_type=kind, content_type="application/json", message_type="exception")
    return _frame(head, dump({"message": message}))


def _texts(**named: str) -> bytes:
    head = bytearray()
    for name, value in named.items():
        spelt, said = f":{name.replace('_', '-')}".encode(), value.encode()
        head += bytes([len(spelt)]) + spelt + b"\x07" + len(said).to_bytes(2, "big") + said
    return bytes(head)


def _frame(head: bytes, payload: bytes) -> bytes:
    prelude = (len(head) + len(payload) + 16).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    signed = prelude + zlib.crc32(prelude).to_bytes(4, "big") + head + payload
    return signed + zlib.crc32(signed).to_bytes(4, "big")
