"""A file of an older setup, object by object. Owns: its encoding, its form, and that no file takes more memory than one of its
objects may have.

Objects of JSON are told apart by a parser that is fed piece by piece, so that a file may be larger than memory. A file that
ends in the middle of something is refused whole: most likely another program is writing it still. May not know what a field
means.
"""

import codecs
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import ijson  # type: ignore[import-untyped]  # it has no types

from stationmaster.errors import Invalid
from stationmaster.people.importing import reading as csv_reading

ENCODINGS: Final = csv_reading.ENCODINGS
Form = Literal["json", "csv", "toml"]
Scalar = str | int | float | bool | None
MAX_OBJECT: Final = 1 << 20         # bytes of one value, and characters of one object
MAX_FIELDS: Final = 500             # of one object
MAX_DEPTH: Final = 16
MAX_OBJECTS: Final = 5_000_000
MAX_TOML: Final = 1 << 16           # bytes: it is read at once, while others wait
MAX_DOTS: Final = 128               # in one line of TOML: a key's parts cost their square, and no key is in two lines
_NAMED: Final = 20                  # names under which an object has others, that are kept
_PIECE: Final = 1 << 16             # bytes that the parser is given at once
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_HALF: Final = "is another program writing it still? Try again when it is done"


@dataclass
class Raw:
    """One object. `number` counts objects from 1 as they begin (of a CSV file, rows with the heading); `parent` is the number of
    the object that it is within, 0 for none, `key` the last name on the way to it, `above` the one before that, `depth` in how
    many objects it is; `listed` whether it stands in a list, `in_list` whether what it is within does; `holds` the names under
    which objects are in it."""

    number: int
    parent: int = 0
    key: str = ""
    listed: bool = False
    fields: dict[str, Scalar] = field(default_factory=dict)
    above: str = ""
    depth: int = 0
    in_list: bool = False
    holds: set[str] = field(default_factory=set)

    def place(self, form: Form) -> str:
        """Where it is, for people."""
        return f"row {self.number}" if form == "csv" else f"object {self.number}"


def form_of(first: bytes, encoding: str, name: str = "") -> tuple[Form, str]:
    """Which form a file has that begins with `first`, and its encoding ("" asks for that too). Raises `Invalid`."""
    told = encoding or _encoding_of(first)
    if told not in ENCODINGS:
        raise _wrong("error.import.form", f"encoding: is one of {', '.join(ENCODINGS)}")
    text = _beginning(first, told).lstrip("\ufeff \t\r\n")
    if name.casefold().endswith(".toml"):
        return "toml", told
    if name.casefold().endswith(".json") or (text[:1] == "{") or (text[:1] == "[" and not _section(text)):
        return "json", told
    return ("toml" if _section(text) else "csv"), told


def objects(source: Iterable[bytes], encoding: str) -> Iterator[Raw]:
    """Every object of a JSON file as it ends: what is in one comes before it. Raises `Invalid`, which says how far the file could
    be read."""
    walk = _Walk()
    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    silent = 0
    try:
        for piece in _pieces(source, encoding):
            parser.send(piece)
            silent = 0 if events else silent + len(piece)
            if silent > MAX_OBJECT:
                raise _wrong("error.import.row", f"{walk.last()}: a value of more than {MAX_OBJECT} bytes follows")
            yield from walk.ended(events)
            del events[:]
        with suppress(StopIteration):      # which is how it says that all is well
            parser.close()
        yield from walk.ended(events)
    except UnicodeError:
        hint = "say the encoding: gb18030, utf-16 or latin-1"
        raise _wrong("error.import.encoding", f"{walk.last()}: there are bytes that are not {encoding}", hint) from None
    except ijson.JSONError as error:
        yield from walk.ended(events)      # what came before it: it is said how far the file can be read
        raise _unreadable(error, walk) from None
    if walk.depth or not walk.begun:
        raise _wrong("error.import.half", f"{walk.last()}: the file ends in the middle", _HALF)


def rows(source: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[Raw]:
    """Every row of a CSV file by its headings, the first of which is its own: a `Raw` with the headings as `fields`. Raises
    `Invalid`."""
    lines = csv_reading.rows(source, csv_reading.Form(encoding, delimiter))
    number, headings = next(lines, (1, ()))
    if len(set(headings)) < len(headings):
        raise _wrong("error.import.row", "two columns have the same heading")
    yield Raw(number, fields=dict.fromkeys(headings, None))
    for number, cells in lines:
        yield Raw(number, listed=True, fields=dict(zip(headings, cells, strict=False)))


def tables(source: Iterable[bytes], encoding: str) -> dict[str, Any]:
    """A TOML file. Raises `Invalid`, which names the line."""
    whole = b""
    for piece in source:
        whole += piece
        if len(whole) > MAX_TOML:
            raise _wrong("error.import.too_large", f"a TOML file has at most {MAX_TOML} bytes")
    try:
        text = whole.decode(_codec(encoding))
        _plain(text)
        return tomllib.loads(text)
    except UnicodeError:
        raise _wrong("error.import.encoding", f"the file is not {encoding}", "save it as UTF-8") from None
    except RecursionError:
        raise _wrong("error.import.row", "the file is nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        where = str(error).rpartition("(at ")[2].rstrip(")") if "(at " in str(error) else "somewhere"
        code, hint = ("error.import.half", _HALF) if where == "end of document" else ("error.import.row", "")
        raise _wrong(code, f"this is no TOML at {where}", hint) from None
    except ValueError:     # a number of thousands of digits, which Python does not read
        raise _wrong("error.import.row", "there is a number in it that is too long") from None


def _plain(text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS:
            raise _wrong("error.import.row", f"line {number} has more than {MAX_DOTS} dots")


class _Walk:
    """Objects out of a parser's events. Holds what is open, and nothing else."""

    def __init__(self) -> None:
        self.number, self.begun, self._open = 0, False, list[Any]()
        self._keys: list[str] = [""]
        self._size = 0

    @property
    def depth(self) -> int:
        """How many objects and lists are open."""
        return len(self._open)

    def last(self) -> str:
        """How far it came."""
        return f"in or after object {self.number}" if self.number else "at the beginning"

    def ended(self, events: Iterable[tuple[str, Any]]) -> Iterator[Raw]:
        """Take events; the objects that end by them."""
        for event, value in events:
            if event == "map_key":
                self._keys[-1] = value
            elif event in ("start_map", "start_array"):
                self._begin(event == "start_map")
            elif event in ("end_map", "end_array"):
                self._keys.pop()
                ended = self._open.pop()
                if isinstance(ended, Raw):
                    yield ended
            else:
                self._take(value)

    def _begin(self, is_object: bool) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise _wrong("error.import.row", f"{self.last()}: the file is nested deeper than {MAX_DEPTH}")
        self.begun = True
        if is_object:
            around = next((each for each in reversed(self._open) if isinstance(each, Raw)), None)
            name = self._name() if around is not None else ""
            self.number += 1
            if self.number > MAX_OBJECTS:
                raise _wrong("error.import.row", f"the file has more than {MAX_OBJECTS} objects")
            if around is not None and len(around.holds) < _NAMED:
                around.holds.add(name)
            listed = bool(self._open) and self._open[-1] is None
            depth = around.depth + 1 if around else 0
            parent, above, in_list = (around.number, around.key, around.listed) if around else (0, "", False)
            self._open.append(Raw(self.number, parent, name, listed, above=above, depth=depth, in_list=in_list))
            self._size = 0
        else:
            self._open.append(None)
        self._keys.append("")

    def _name(self) -> str:
        return next((key for key in reversed(self._keys) if key), "")[:200]

    def _take(self, value: Any) -> None:
        """A value that is no object: of an object it is a field, of a list in one only that there is something."""
        self.begun = True
        around = self._open[-1] if self._open else None
        holder = around if around is not None else next((each for each in reversed(self._open) if each is not None), None)
        if holder is None:
            return
        name = self._keys[-1] if around is not None else self._name() + "[]"
        self._size += len(value) if isinstance(value, str) else 8
        if len(holder.fields) >= MAX_FIELDS or self._size + len(name) > MAX_OBJECT:
            why = f"object {holder.number} has more than {MAX_FIELDS} fields or {MAX_OBJECT} characters"
            raise _wrong("error.import.row", why)
        holder.fields[name[:200]] = value


def _pieces(source: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The file in UTF-8, in pieces for the parser."""
    decoder = codecs.getincrementaldecoder(_codec(encoding))()
    for piece in source:
        for at in range(0, len(piece), _PIECE):
            if text := decoder.decode(piece[at : at + _PIECE]):      # an empty piece would be the end
                yield text.encode()
    if text := decoder.decode(b"", final=True):
        yield text.encode()


def _unreadable(error: Exception, walk: _Walk) -> Invalid:
    """What is said of it: the parser's own words repeat the file, which may hold secrets there."""
    first = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, ijson.IncompleteJSONError) and ("premature" in first or "ncomplete" in first or not first):
        return _wrong("error.import.half", f"{walk.last()}: the file ends in the middle", _HALF)
    why = next((words for mark, words in _WORDS if mark in first), "it cannot be read as JSON")
    return _wrong("error.import.row", f"{walk.last()}: {why}")


_WORDS: Final = (
    ("trailing garbage", "something follows the end of the file's value: are these several JSON texts?"),
    ("UTF8", "there are bytes that are not UTF-8"), ("object key", "a field has no name in quotation marks"),
    ("lexical error", "there is something that JSON does not have"), ("parse error", "a comma, a colon or a bracket is missing"),
)


def _encoding_of(first: bytes) -> str:
    for mark, encoding in _BOMS:
        if first.startswith(mark) and not first.startswith(codecs.BOM_UTF32_LE):
            return encoding
    for end, encoding in ((first[1::2], "utf-16-le"), (first[::2], "utf-16-be")):
        if len(end) > 1 and end[:64].count(0) * 2 > len(end[:64]):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(first)
    except UnicodeError:
        why = "this is not UTF-8: say whether it is gb18030, utf-16 or latin-1"
        raise _wrong("error.import.encoding", why, "the option or field `encoding` says it") from None
    return "utf-8"


def _beginning(first: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(_codec(encoding))(errors="replace").decode(first[:4096])


def _section(text: str) -> bool:
    """Whether this is the beginning of TOML: a table's heading, or a key that is set."""
    line = next((each.strip() for each in text.splitlines() if each.strip() and not each.strip().startswith("#")), "")
    head = line.strip("[]").split(".")[0].strip("\" '")
    plain = head.replace("_", "").replace("-", "")
    heading = line.startswith("[") and line.endswith("]") and plain.isalnum() and not head.isdigit()
    key, sign, _ = line.partition("=")
    return heading or bool(sign and key.strip().replace("_", "").replace(".", "").isalnum())


def _codec(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _wrong(code: str, message: str, hint: str = "") -> Invalid:
    return Invalid(code, message, hint=hint)
