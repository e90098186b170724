"""Which requests belong together: a session's number, from what clients send (docs/clients.md). May not know pools.

The number is scoped by virtual key: the names in it are the client's choice, and nobody may steer another's.
"""

import hashlib
import re
import struct
from collections.abc import Iterable
from typing import Literal

import msgspec

from stationmaster.gateway.core.wire import Headers

Source = Literal["", "header", "cache_key", "user_id", "prompt"]

# In the order in which they count. Any spelling of one name: `session-id`, `session_id`, `Session_id`.
HEADERS = (
    b"x-stationmaster-session", b"session-id", b"thread-id", b"conversation-id", b"x-claude-code-session-id",
    b"x-session-affinity", b"x-opencode-session", b"x-session-id",
)  # fmt: skip
PROMPTED = frozenset({
    "chat", "responses", "responses.compact", "completions", "messages", "messages.count_tokens", "generateContent",
    "streamGenerateContent", "countTokens", "bedrock.invoke", "bedrock.invoke_stream", "bedrock.converse",
    "bedrock.converse_stream", "bedrock.count_tokens", "vertex.generateContent", "vertex.streamGenerateContent",
    "vertex.countTokens", "vertex.rawPredict", "vertex.streamRawPredict", "vertex.count_tokens",
})  # kinds of endpoints that carry a conversation
_MOST_ITEMS = 32           # looked at for the first user prompt
_EMPTY = (msgspec.Raw(b"null"), msgspec.Raw(b"[]"), msgspec.Raw(b'""'))
_SHORT = 16_384            # bytes of a conversation whose items are all read at once
_GIST = 120                # bytes of a text's beginning, and of its end, that count beside its length
_LONGEST = 512             # bytes of a name; longer ones count by their beginning


_number = struct.Struct("<Q").unpack


class Scope:
    """One virtual key's sessions."""

    __slots__ = ("_start",)

    def __init__(self, key: str) -> None:
        self._start = hashlib.blake2b(key.encode(), digest_size=8)

    def number(self, kind: bytes, name: bytes) -> int:
        """A session's 64-bit number, the same in every process; never 0."""
        digest = self._start.copy()
        digest.update(b"\0%b\0%b" % (kind, name))
        number: int = _number(digest.digest())[0]
        return number or 1


def of_headers(scope: Scope, headers: Headers) -> int:
    """The session that the head names, or 0."""
    given = {name.replace(b"_", b"-"): value for name, value in reversed(headers) if value}
    name = next((given[name] for name in HEADERS if name in given), b"")
    return scope.number(b"header", name[:_LONGEST]) if name else 0


class _Metadata(msgspec.Struct):
    user_id: str = ""


class _Item(msgspec.Struct):
    role: str = ""
    content: msgspec.Raw = msgspec.Raw()
    parts: msgspec.Raw = msgspec.Raw()


_text = msgspec.json.Decoder(str).decode
_metadata = msgspec.json.Decoder(_Metadata).decode
_many = msgspec.json.Decoder(list[msgspec.Raw]).decode
_few = msgspec.json.Decoder(list[_Item]).decode
_item = msgspec.json.Decoder(_Item).decode
_SESSION = re.compile(r'(?:_session_|"session_id" *: *")([A-Za-z0-9-]{8,64})')

Members = dict[str, msgspec.Raw]


def of_body(scope: Scope, members: Members) -> tuple[int, Source]:
    """The session that a JSON body tells, and by what; (0, "") when it holds no conversation."""
    given = members.get("prompt_cache_key")
    if given is not None and (name := _plain(given)):
        return scope.number(b"cache_key", name[:_LONGEST]), "cache_key"
    metadata = members.get("metadata")
    if metadata is not None and (name := _user_session(metadata)):
        return scope.number(b"user_id", name), "user_id"
    prompt = _prompt(members)
    return (scope.number(b"prompt", prompt), "prompt") if prompt else (0, "")


def _plain(raw: msgspec.Raw) -> bytes:
    try:
        return _text(raw).encode()
    except msgspec.DecodeError:
        return b""


def _user_session(raw: msgspec.Raw) -> bytes:
    """Claude Code writes its session into `metadata.user_id`; the rest of that names a person and counts for nothing."""
    if b"session" not in bytes(raw):
        return b""
    try:
        found = _SESSION.search(_metadata(raw).user_id)
    except msgspec.DecodeError:
        return b""
    return found[1].encode() if found else b""


_INSTRUCTIONS = frozenset({"instructions", "system", "systemInstruction", "system_instruction"})


def _prompt(members: Members) -> bytes:
    """What stays the same through a conversation and differs between two: instructions and the first user prompt."""
    said = members.get("messages") or members.get("input") or members.get("contents") or members.get("prompt")
    if said is None or (len(said) < 5 and said in _EMPTY):
        return b""
    told = b"" if _INSTRUCTIONS.isdisjoint(members) else _instructions(members)
    try:
        for item in _items(said):
            told += _gist(item.content or item.parts)
            role = item.role
            if role == "user" or not role:
                break
    except msgspec.DecodeError:
        return told + _gist(said)      # a plain text, or an array of something else
    return told


def _items(said: msgspec.Raw) -> Iterable[_Item]:
    """A conversation's first items. Raises DecodeError, perhaps later, when it has none."""
    if len(said) < _SHORT:
        try:
            return _few(said)[:_MOST_ITEMS]
        except msgspec.DecodeError:
            pass                       # one of the later ones may be no item
    return map(_item, _many(said)[:_MOST_ITEMS])


def _instructions(members: Members) -> bytes:
    return b"".join([_gist(members[name]) for name in sorted(_INSTRUCTIONS) if name in members])


# Where caching ends is marked on other parts in each turn (Anthropic API reference, prompt caching).
_VALUE = rb'"cache_control"\s*:\s*(?:null|\{[^{}]*\})'
_MARK = re.compile(rb"\s*,\s*%b|%b\s*,\s*" % (_VALUE, _VALUE))


def _gist(raw: msgspec.Raw) -> bytes:
    """A long text's beginning, end and length: two conversations that share all three are as good as one."""
    text = bytes(raw)
    if text.rfind(b'"cache_control"') >= 0:
        text = _MARK.sub(b"", text)
    return text if len(text) <= 2 * _GIST else b"%b%b%d" % (text[:_GIST], text[-_GIST:], len(text))
