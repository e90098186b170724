"""How an update travels: as frames, each a msgpack array, of at most 500 records. Owns: that form, in both directions.

    ["head", {format, revision, base, counts}]    ["put", kind, [record, …]]    ["drop", kind, [id, …]]
    ["end", revision, sha256]

Small frames, so that whoever reads them can do something else in between (docs/decisions/0010-joining.md). The control
plane sends them to the supervisor, and the supervisor to its workers. May not know over what they travel.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from stationmaster.gateway.core.records import KINDS, TYPES, BadUpdate, Kind, Record, Update

_T = TypeVar("_T")

FORMAT = 1
MOST = 500                 # records in one frame
LARGE = 1 << 20            # bytes of records beyond which they are spread over more frames


class About(msgspec.Struct, frozen=True):
    """What a head frame says; `Update` says what it means."""

    format: int
    revision: int
    base: int | None = None
    counts: dict[str, int] = {}


class _Head(msgspec.Struct, frozen=True, array_like=True, tag="head"):
    about: About


class _Put(msgspec.Struct, frozen=True, array_like=True, tag="put"):
    kind: Kind
    records: msgspec.Raw


class _Drop(msgspec.Struct, frozen=True, array_like=True, tag="drop"):
    kind: Kind
    ids: list[str]


class _End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    revision: int
    sha256: str = ""


_encode = msgspec.msgpack.encode
_frame = msgspec.msgpack.Decoder(_Head | _Put | _Drop | _End)
_lists: dict[str, msgspec.msgpack.Decoder[Any]] = {
    kind: msgspec.msgpack.Decoder(list[type_]) for kind, type_ in TYPES.items()  # type: ignore[valid-type]
}


def encode_frames(update: Update) -> Iterator[bytes]:
    """All frames of an update but the last."""
    yield _encode(_Head(About(FORMAT, update.revision, update.base, update.counts)))
    for kind in KINDS:
        drops, puts = update.drops.get(kind, []), update.puts.get(kind, [])
        for at in range(0, len(drops), MOST):
            yield _encode(_Drop(kind, drops[at : at + MOST]))
        for at in range(0, len(puts), MOST):
            yield from _puts(kind, puts[at : at + MOST])


def _puts(kind: Kind, records: list[Record]) -> Iterator[bytes]:
    """One frame, or more where the records are large."""
    body = _encode(records)
    if len(body) > LARGE and len(records) > 1:
        half = len(records) // 2
        yield from _puts(kind, records[:half])
        yield from _puts(kind, records[half:])
    else:
        yield _encode(_Put(kind, msgspec.Raw(body)))


def encode_end(revision: int, sha256: str = "") -> bytes:
    """The last frame. `sha256`: hex, of all bytes before it, where somebody could have changed them."""
    return _encode(_End(revision, sha256))


class Reader:
    """Reads one update, frame by frame."""

    def __init__(self) -> None:
        self._about: About | None = None
        self._puts: dict[Kind, list[Record]] = {}
        self._drops: dict[Kind, list[str]] = {}
        self.sha256 = ""           # what the end frame says

    def feed(self, frame: bytes) -> Update | None:
        """Take one frame; the update, when it was the last. Raises BadUpdate, and is of no more use then."""
        try:
            read = _frame.decode(frame)
            if isinstance(read, _Head):
                self._begin(read.about)
            elif self._about is None:
                raise BadUpdate("it does not begin with a head")
            elif isinstance(read, _Put):
                self._puts.setdefault(read.kind, []).extend(_records(read))
            elif isinstance(read, _Drop):
                self._drops.setdefault(read.kind, []).extend(_few(read.ids))
            else:
                return self._end(self._about, read)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise BadUpdate(f"a frame is none: {_harmless(error)}") from None
        return None

    def _begin(self, about: About) -> None:
        if self._about is not None:
            raise BadUpdate("it has two heads")
        if about.format != FORMAT:
            raise BadUpdate(f"its format is {about.format}; this gateway reads {FORMAT}")
        if about.revision < 1:
            raise BadUpdate("revisions begin at 1")
        self._about = about

    def _end(self, about: About, end: _End) -> Update:
        if end.revision != about.revision:
            raise BadUpdate(f"it begins as revision {about.revision} and ends as {end.revision}")
        if about.base is None and self._drops:
            raise BadUpdate("it drops something of nothing")
        self.sha256 = end.sha256
        return Update(about.revision, about.base, self._puts, self._drops, about.counts)


def _records(put: _Put) -> list[Record]:
    found: list[Record] = _few(_lists[put.kind].decode(put.records))
    return found


def _few(items: list[_T]) -> list[_T]:
    if len(items) > MOST:
        raise BadUpdate(f"a frame holds more than {MOST} records")
    return items


def _harmless(error: Exception) -> str:
    """What a decoder says of types and places; other texts might repeat what they met."""
    return str(error) if isinstance(error, msgspec.ValidationError) and "Expected" in str(error) else type(error).__name__
