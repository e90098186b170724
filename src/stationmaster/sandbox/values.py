"""What travels inside the sandbox: a request understood, and a reply to be sent. Knows no sockets."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

Dialect = Literal["openai", "azure", "anthropic", "gemini", "bedrock", "vertex"]
Fields = Mapping[str, Any]

CREATED = 1_790_000_000
CREATED_TEXT = "2026-09-21T14:13:20Z"

_ORGANISATION = re.compile(r"org-[a-z0-9]+")


def no_break(_sent: int) -> bytes:
    """For replies that have no way to say in the middle that something went wrong."""
    return b""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, understood.

    `fields` is the JSON object or the form's text fields; `files` maps a form field to the name and the
    bytes of the file it carried; `params` are the variable parts of the path.
    """

    dialect: Dialect
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    params: Mapping[str, str]
    body: bytes = b""
    fields: Fields = field(default_factory=dict)
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    credential: str = ""
    fault: str = ""

    @property
    def model(self) -> str:
        """The model asked for: in the path (Gemini, the clouds), the body, or the query (realtime)."""
        named = self.params.get("model") or self.fields.get("model") or self.query.get("model")
        return named.removeprefix("models/") if isinstance(named, str) else ""

    @property
    def stream(self) -> bool:
        """Whether events are asked for: in the body (`true`, or the form's text), the query, or Gemini's verb."""
        wish = self.fields.get("stream", self.query.get("stream"))
        return wish in (True, "true") or self.params.get("verb") in ("streamGenerateContent", "streamRawPredict")

    @property
    def organisation(self) -> str:
        """Whose the credential is: credentials with the same `org-<name>` in their text share one, any other stands alone."""
        found = _ORGANISATION.search(self.credential)
        return found[0] if found else self.credential

    def id(self, prefix: str) -> str:
        """A deterministic id: the same body (or, without one, the same path) always gets the same one."""
        return prefix + hashlib.sha256(self.body or self.path.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Reply:
    """What to send: one frame holding a whole body, or (`streamed`) a frame for each event.

    `broken(sent)` is the frame with which this dialect says, after `sent` frames, that the answer failed.
    """

    frames: Iterable[bytes]
    streamed: bool = False
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: Callable[[int], bytes] = no_break


Answerer = Callable[[Asked], Reply]


def dump(value: object) -> bytes:
    """JSON bytes, compact."""
    return msgspec.json.encode(value)


def answer(value: object, status: int = 200, **headers: str) -> Reply:
    """A whole JSON answer; keyword names become header names, `_` read as `-`."""
    return Reply((dump(value),), status=status, headers={k.replace("_", "-"): v for k, v in headers.items()})


def data(value: object) -> bytes:
    """One server-sent event without a name, as OpenAI Chat and Gemini write it."""
    return b"data: " + dump(value) + b"\n\n"


def event(value: Mapping[str, object]) -> bytes:
    """One server-sent event named after its `type`, as OpenAI Responses and Anthropic write it."""
    return b"event: " + str(value["type"]).encode() + b"\ndata: " + dump(value) + b"\n\n"


def stream(frames: Iterable[bytes], broken: Callable[[int], bytes], **headers: str) -> Reply:
    """A reply of server-sent events."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return Reply(frames, True, content_type="text/event-stream; charset=utf-8", headers=named, broken=broken)
