"""What a JSON body says of itself, without taking it apart: its top-level members, and edits to them.

May not know endpoints or keys. A member named twice is refused, because servers disagree on which one
counts and what is authorised must be what is sent (OWASP ASVS 5.0, 1.5.3).
"""

import re

import msgspec

from stationmaster.gateway.core.faults import BAD_JSON, DUPLICATE_MEMBER, NOT_AN_OBJECT, TOO_MANY_MEMBERS, Fault

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string = msgspec.json.Decoder(str | None).decode
_decode = msgspec.json.decode
_encode = msgspec.json.encode

_KEY = re.compile(rb'[ \t\r\n]*("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")

MAX_MEMBERS = 1024         # of a body's top level; requests have a few dozen
_TRUE = msgspec.Raw(b"true")
INJECTED = b'"stream_options":{"include_usage":true},'


class Refused(Exception):
    """The body cannot be passed on; `fault` is the answer."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


class _Generation(msgspec.Struct, rename="camel"):
    max_output_tokens: int = 0     # Gemini's `generationConfig`
    max_tokens: int = 0            # Bedrock's `inferenceConfig`


_generation = msgspec.json.Decoder(_Generation).decode
_NO_GENERATION = _Generation()


class Peek:
    """A JSON object body's `members`, as they were written. `model` is "" when absent; `stream` is whether it is `true`."""

    __slots__ = ("_body", "members", "model", "stream")

    def __init__(self, body: bytes) -> None:
        """Read `body`. Raises Refused when it is no JSON object, or names a member twice."""
        try:
            if not body.isascii():
                body.decode()   # msgspec skips what it is not asked for, whatever its bytes (RFC 8259 8.1)
            members = _members(body)
        except msgspec.ValidationError:
            raise Refused(NOT_AN_OBJECT) from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise Refused(BAD_JSON) from None
        if len(members) > MAX_MEMBERS:
            raise Refused(TOO_MANY_MEMBERS)
        self._body = body
        self.members = members
        # The shortest way to write these members: if the body is that long, nothing else is in it.
        shortest = 1
        for name, raw in members.items():
            shortest += len(name) + len(raw) + 4
        if len(body) != shortest:
            self._spans()
        model = members.get("model")
        self.model = _text(model) if model is not None else ""
        self.stream = members.get("stream") == _TRUE

    def raw(self, name: str) -> bytes | None:
        """Member `name` as it was written, or None."""
        value = self.members.get(name)
        return None if value is None else bytes(value)

    def most_output(self) -> int:
        """The tokens of output that the request allows at most; 0: it does not say."""
        members = self.members
        stated = members.get("max_completion_tokens") or members.get("max_output_tokens") or members.get("max_tokens")
        if stated is not None:
            written = bytes(stated)
            return int(written) if written.isdigit() and len(written) < 10 else 0
        config = members.get("generationConfig") or members.get("inferenceConfig")
        try:
            told = _generation(config) if config is not None else _NO_GENERATION
            return max(0, told.max_output_tokens, told.max_tokens)
        except msgspec.DecodeError:
            return 0

    def with_model(self, model: str) -> bytes:
        """The body with its `model` replaced and every other byte kept."""
        return self._replace("model", _encode(model))

    def with_usage_asked(self) -> tuple[bytes, bool]:
        """The body asking for stream usage, and whether that had to be added (OpenAI `stream_options`)."""
        options = self.raw("stream_options")
        if not self.members:
            return self._body, False
        if options is None:
            at = self._body.index(b"{") + 1
            return self._body[:at] + INJECTED + self._body[at:], True
        try:
            asked = Peek(b"{}" if options == b"null" else options)
        except Refused as refused:
            if refused.fault is DUPLICATE_MEMBER:
                raise
            return self._body, False  # the upstream will say what is wrong with it
        return (self._body, False) if asked.raw("include_usage") == b"true" else (self._asking(asked), True)

    def _asking(self, options: "Peek") -> bytes:
        """The body with `include_usage` put into its stream options, and every other byte kept."""
        if options.raw("include_usage") is not None:
            return self._replace("stream_options", options._replace("include_usage", b"true"))
        rest = options._body[options._body.index(b"{") + 1 :]
        comma = b"" if rest.lstrip().startswith(b"}") else b","
        return self._replace("stream_options", b'{"include_usage":true' + comma + rest)

    def _replace(self, name: str, value: bytes) -> bytes:
        start, end = self._spans()[name]
        return self._body[:start] + value + self._body[end:]

    def _spans(self) -> dict[str, tuple[int, int]]:
        """Where each member's value stands. Raises Refused if the body holds more members than names."""
        body, spans = self._body, {}
        at = body.index(b"{") + 1
        for name, raw in self.members.items():
            key, value = _KEY.match(body, at), bytes(raw)
            if key is None or _decode(key[1]) != name or not body.startswith(value, key.end()):
                raise Refused(DUPLICATE_MEMBER)
            spans[name] = (key.end(), key.end() + len(value))
            end = _NEXT.match(body, spans[name][1])
            at = end.end() if end else at
        if self.members and body[at - 1 : at] != b"}":
            raise Refused(DUPLICATE_MEMBER)
        return spans


def _text(raw: msgspec.Raw) -> str:
    try:
        return _string(raw) or ""
    except msgspec.DecodeError:
        raise Refused(NOT_AN_OBJECT) from None


class _Tool(msgspec.Struct):
    model: str = ""


def other_models(peek: Peek) -> set[str] | None:
    """Models that a body names beside its `model`: in tools. None when it names them where they cannot be told
    from what a vendor may do with them (lists of fallbacks)."""
    if peek.raw("models") is not None or peek.raw("fallbacks") is not None:
        return None
    tools = peek.raw("tools")
    if tools is None or b'"model"' not in tools:
        return set()
    try:
        return {tool.model for tool in _decode(tools, type=list[_Tool])} - {""}
    except (msgspec.DecodeError, RecursionError):
        return None


class _Batch(msgspec.Struct):
    requests: list[msgspec.Raw]


def batch_models(body: bytes) -> set[str]:
    """Every model that an Anthropic message batch names. Raises Refused when one of them cannot be read, or a
    member on the way to it stands twice."""
    Peek(body)
    try:
        batch = _decode(body, type=_Batch)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused(BAD_JSON) from None
    return {_entry_model(bytes(entry)) for entry in batch.requests}


def _entry_model(entry: bytes) -> str:
    params = Peek(entry).raw("params")
    model = Peek(params).model if params is not None else ""
    if not model:
        raise Refused(BAD_JSON)
    return model
