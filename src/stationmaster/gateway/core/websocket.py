"""What a realtime WebSocket cost, read from a copy of the vendor's bytes. Owns: RFC 6455 framing as a reader needs
it, and the realtime events that state usage. May not know sockets, keys or prices.

The bytes pass whatever stands in them; a reader that cannot follow them goes deaf, and that is all.
"""

import re
from collections.abc import Callable

import msgspec

from stationmaster.gateway.core import lenient
from stationmaster.gateway.core.tokens import Source, Tokens, added, counted_within, with_sound

MAX_MESSAGE = 1024 * 1024       # bytes; an event that states usage has a few KiB
HEAD = 256                      # bytes of a message by which it is judged before the rest is kept
_MAX_HEADER = 14                # two bytes, a length of eight, a mask of four
_MAX_CONTROL = 125              # RFC 6455 section 5.5

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_OPCODES = frozenset({_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG})
_LENGTH_BYTES = {126: 2, 127: 8}
_SHORTEST = {0: 0, 2: 126, 8: 0x10000}


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame's header: `length` is its payload's in bytes, `mask` four bytes, or none."""

    opcode: int
    final: bool
    length: int
    mask: bytes

    @property
    def control(self) -> bool:
        """Close, ping or pong: stands alone, also between the parts of a message."""
        return self.opcode >= _CLOSE


def header_size(start: bytes) -> int:
    """How many bytes the header that begins so has, 2 to 14; of less than two bytes: 2."""
    if len(start) < 2:
        return 2
    return 2 + _LENGTH_BYTES.get(start[1] & 0x7F, 0) + (4 if start[1] & 0x80 else 0)


def read_header(raw: bytes) -> Frame | None:
    """Read one whole header. None: it is none (RFC 6455 section 5.2) where no extension was agreed on.

    Reserved bits, unknown opcodes, lengths not in their shortest form, control frames in parts or over 125 bytes.
    """
    opcode, final, wide = raw[0] & 0x0F, raw[0] >= 0x80, _LENGTH_BYTES.get(raw[1] & 0x7F, 0)
    length = int.from_bytes(raw[2 : 2 + wide], "big") if wide else raw[1] & 0x7F
    if raw[0] & 0x70 or opcode not in _OPCODES or not _SHORTEST[wide] <= length < 2**63:
        return None
    if opcode >= _CLOSE and (not final or length > _MAX_CONTROL):
        return None
    return Frame(opcode, final, length, raw[2 + wide :])


def unmask(data: bytes, mask: bytes, at: int) -> bytes:
    """A piece of a masked payload, which begins `at` bytes into it, as it was meant (RFC 6455 section 5.3)."""
    turned = mask[at % 4 :] + mask[: at % 4]
    key = (turned * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(len(data), "big")


class FrameReader:
    """Cuts one side's bytes into messages, at any split. `lost`: what came is no framing; nothing is read any more.

    `matters` is shown the first 256 bytes of each text message (all of a shorter one): only what it says True to
    is kept, if it has at most 1 MiB. Masked frames are read too, though servers do not mask.
    """

    __slots__ = ("_closed", "_frame", "_header", "_judged", "_keeping", "_kept", "_left", "_matters", "_open", "lost")

    def __init__(self, matters: Callable[[bytes], bool]) -> None:
        self.lost = False
        self._matters = matters
        self._closed = False               # behind a Close frame comes nothing
        self._header = b""                 # the first part of one that was cut
        self._frame = Frame(_CLOSE, True, 0, b"")
        self._left = 0                     # bytes of the frame's payload that are still to come
        self._open = False                 # inside a message
        self._keeping = self._judged = False
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the messages that matter and are now whole. Each byte is looked at once."""
        found: list[bytes] = []
        at = 0
        while at < len(data) and not self.lost and not self._closed:
            at = self._payload(data, at, found) if self._left else self._head(data, at, found)
        return found

    def _head(self, data: bytes, at: int, found: list[bytes]) -> int:
        carried = len(self._header)
        raw = self._header + data[at : at + _MAX_HEADER - carried]
        size = header_size(raw)
        if len(raw) < size:
            self._header = raw
            return len(data)
        self._header = b""
        self._begin(read_header(raw[:size]), found)
        return at + size - carried

    def _begin(self, frame: Frame | None, found: list[bytes]) -> None:
        """Take a header. A message goes on with continuations only, and none begins with one (section 5.4)."""
        if frame is None or (not frame.control and (frame.opcode == _CONTINUATION) is not self._open):
            self.lost = True
            self._kept = bytearray()
            return
        self._frame, self._left, self._closed = frame, frame.length, frame.opcode == _CLOSE
        if frame.opcode in (_TEXT, _BINARY):
            self._open, self._keeping, self._judged = True, frame.opcode == _TEXT, False
        if not frame.length:
            self._end(found)

    def _payload(self, data: bytes, at: int, found: list[bytes]) -> int:
        end = min(len(data), at + self._left)
        if self._keeping and not self._frame.control:
            self._keep(data[at:end])
        self._left -= end - at
        if not self._left:
            self._end(found)
        return end

    def _keep(self, piece: bytes) -> None:
        frame, kept = self._frame, self._kept
        kept += unmask(piece, frame.mask, frame.length - self._left) if frame.mask else piece
        if not self._judged and len(kept) >= HEAD:
            self._judged, self._keeping = True, self._matters(bytes(kept[:HEAD]))
        if not self._keeping or len(kept) > MAX_MESSAGE:
            self._keeping, self._kept = False, bytearray()

    def _end(self, found: list[bytes]) -> None:
        """The frame is whole, and the message with it if it is the last one."""
        if self._frame.control or not self._frame.final:
            return
        message, self._kept, self._open = bytes(self._kept), bytearray(), False
        if self._keeping and (self._judged or self._matters(message)):
            found.append(message)


_BEGUN, _DONE = "response.created", "response.done"
_HEARD = "conversation.item.input_audio_transcription.completed"
_WANTED = frozenset(kind.encode() for kind in (_BEGUN, _DONE, _HEARD))
_MARKS = tuple(b'"%b"' % kind for kind in sorted(_WANTED))
# A vendor writes the type first, or behind the event's id only.
_TYPE = re.compile(rb'\s*\{\s*(?:"event_id"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"([^"\\]*)"')


def _may_state(head: bytes) -> bool:
    """Whether an event that begins so may be about usage. Nearly all, sound above all, say at once that they are not."""
    kind = _TYPE.match(head)
    return kind is None or kind[1] in _WANTED


class _Sound(msgspec.Struct):
    audio_tokens: int | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = 0
    audio_tokens: int | None = 0
    cached_tokens_details: _Sound | None = None


class _Usage(msgspec.Struct):
    """Realtime spells `token_details` in the singular. A transcription's may be a duration: that is no tokens."""

    type: str = "tokens"
    input_tokens: int | None = 0
    output_tokens: int | None = 0
    input_token_details: _Details | None = None
    output_token_details: _Sound | None = None


class _Response(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Response | None = None
    usage: _Usage | None = None


_event = msgspec.json.Decoder(_Event).decode


_TOTALS = ("input_tokens", "output_tokens")


def _tokens(usage: _Usage) -> Tokens:
    """`input_tokens` includes the cached ones, of text and of sound alike, and so do its `audio_tokens` (OpenAI API
    reference, realtime)."""
    details = usage.input_token_details or _Details()
    tokens = counted_within(usage.input_tokens or 0, details.cached_tokens or 0, 0, usage.output_tokens or 0, 0)
    spoken = usage.output_token_details.audio_tokens if usage.output_token_details else 0
    sound_cached = details.cached_tokens_details.audio_tokens if details.cached_tokens_details else None
    return with_sound(tokens, details.audio_tokens or 0, spoken or 0, sound_cached)


class RealtimeUsage:
    """Sums what a realtime connection cost, from the vendor's bytes (OpenAI API reference, realtime server events).

    `tokens`: of all responses and transcriptions so far, None when none stated any. `responses`: how many
    `response.done` stated usage. A session that only transcribes has tokens and no responses. Of usage that cannot be
    read a quarter token a byte of its event is counted as output: the event repeats what was said, as text.
    """

    __slots__ = ("_frames", "_guessed", "_running", "responses", "tokens")

    def __init__(self) -> None:
        self._frames = FrameReader(_may_state)
        self._guessed = False
        self._running = 0
        self.responses = 0
        self.tokens: Tokens | None = None

    @property
    def lost(self) -> bool:
        """Whether the bytes could not be followed to here."""
        return self._frames.lost

    @property
    def unfinished(self) -> bool:
        """Whether a response began whose end was not seen: what it cost is missing from the sum."""
        return self._running > 0

    @property
    def source(self) -> Source:
        """How much the sum says: all, a part (the connection ended, or was lost, before the rest), nothing; `estimated`
        when some of it is one."""
        if self.tokens is None:
            return "none"
        if self._guessed:
            return "estimated"
        return "upstream_partial" if self.lost or self.unfinished else "upstream_final"

    def feed(self, data: bytes) -> None:
        """Take the vendor's next bytes behind the handshake, cut anywhere. Never raises."""
        for message in self._frames.feed(data):
            if any(mark in message for mark in _MARKS):   # inside a JSON string its quotes would be escaped
                self._see(message)

    def _see(self, message: bytes) -> None:
        try:
            event = _event(message)
        except lenient.REFUSED:
            self._see_again(message)
            return
        self._note(event.type, event.response.usage if event.response else None, event.usage)

    def _see_again(self, message: bytes) -> None:
        """An event that is not as its type has it: what can be read of it all the same."""
        try:
            event = lenient.members(lenient.loads(message))
        except (ValueError, RecursionError):
            return
        kind = event.get("type")
        stated = lenient.members(event.get("response")).get("usage") if kind == _DONE else event.get("usage")
        usage = lenient.read(_Usage, stated, _TOTALS)
        unreadable = stated is not None and usage is None and kind in (_DONE, _HEARD)
        if unreadable and lenient.members(stated).get("type") != "duration":
            usage, self._guessed = _Usage(output_tokens=len(message) // 4), True
        self._note(kind, usage, usage)

    def _note(self, kind: object, of_response: _Usage | None, of_event: _Usage | None) -> None:
        if kind == _BEGUN:
            self._running += 1
        elif kind == _DONE:
            self._running = max(self._running - 1, 0)
            if of_response:
                self.responses += 1
                self._add(of_response)
        elif kind == _HEARD and of_event and of_event.type != "duration":
            self._add(of_event)

    def _add(self, usage: _Usage) -> None:
        self.tokens = added(self.tokens or Tokens(), _tokens(usage))
