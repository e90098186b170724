"""Which things of a vendor organisation a request names, and which an answer says were made. Owns: the places where ids
stand (each vendor's API reference; docs/decisions/0009-affinity.md). May not know whose they are.

Responses, conversations, files, batches, vector stores and encrypted reasoning live in the organisation that made
them. Ids are read, never rewritten. A body is parsed by pairs: of a member named twice both values count, because
servers disagree on which one does.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import unquote

import msgspec

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.peek import Refused

Kind = Literal["response", "conversation", "file", "batch", "vector_store", "reasoning"]

class Named(msgspec.Struct, frozen=True):
    """A thing by its id. `told`: a record of what a model said earlier (a citation), which nobody asks to open."""

    kind: Kind
    id: str
    told: bool = False


# Where ids stand in a request.

_COLLECTIONS: dict[str, Kind] = {
    "responses": "response", "conversations": "conversation", "files": "file", "batches": "batch",
    "vector_stores": "vector_store", "file_batches": "batch",
}
_RESOURCES = ("files", "batches", "vector_stores", "messages.batches")   # an organisation shares and lists these
_WITH_PATHS = frozenset({*_RESOURCES, "conversations", "responses.item", "responses.cancel", "responses.input_items"})


def in_path(kind: str, suffix: str) -> tuple[Named, ...]:
    """The ids in a path, of an endpoint of this `kind` (`Match`'s). Escaped letters are the letters they mean."""
    if kind not in _WITH_PATHS:
        return ()
    segments = [unquote(segment) for segment in suffix.split("/")]
    return tuple(Named(_COLLECTIONS[name], text.strip()) for name, text in pairwise(segments) if name in _COLLECTIONS)


def is_listing(kind: str, method: str, suffix: str) -> bool:
    """Whether a request asks for all files, batches or vector stores of an organisation."""
    return method != "POST" and kind in _RESOURCES and suffix == "/" + kind.replace(".", "/")


_MEMBERS: dict[str, Kind] = {
    "file_id": "file", "file_ids": "file", "input_file_id": "file", "vector_store_id": "vector_store",
    "vector_store_ids": "vector_store", "previous_response_id": "response", "comparison_response_id": "response",
}
_GEMINI_MEMBERS: dict[str, Kind] = {
    "fileUri": "file", "file_uri": "file", "fileSearchStoreNames": "vector_store", "file_search_store_names": "vector_store",
}


class _Places(msgspec.Struct, frozen=True):
    """Where a dialect's bodies hold ids: `members` by name, at any depth; never below `opaque` ones, whose contents
    are the caller's own (schemas, arguments, labels). Below `records`, and in objects of `record_types`, stands what a
    model said earlier: vendors print it and open nothing. `sealed`: `conversation`, `encrypted_content` count too."""

    members: dict[str, Kind]
    opaque: frozenset[str]
    records: tuple[str, ...] = ()
    record_types: tuple[str, ...] = ()
    sealed: bool = False


_LABELS = frozenset({"metadata", "client_metadata", "attributes", "parameters", "schema", "input_schema"})
_OPENAI = _Places(_MEMBERS, _LABELS, ("annotations", "results"))
_RESPONSES = _Places(_MEMBERS, _LABELS, ("annotations", "results"), sealed=True)
_ANTHROPIC = _Places(_MEMBERS, frozenset({"metadata", "schema", "input", "input_schema", "input_examples"}),
                     record_types=("code_execution_output", "bash_code_execution_output"))
_GEMINI = _Places(_GEMINI_MEMBERS, frozenset({"args", "response"}))
_PLACES = {
    **dict.fromkeys(("responses", "responses.compact", "conversations"), _RESPONSES),
    **dict.fromkeys(("messages", "messages.count_tokens", "messages.batches"), _ANTHROPIC),
    **dict.fromkeys(("generateContent", "streamGenerateContent", "embedContent", "countTokens"), _GEMINI),
}
_ALWAYS = frozenset({"conversations", "batches", "vector_stores"})   # small bodies that are all about such things

# Plain searches come first: they are several times as fast, from behind twice more (CPython 3.11; `in` is slower than
# either: it tries an int first). One byte is found at once.
_ID = re.compile(
    rb'_(?:ids?"(?:(?<=file_id")|(?<=file_ids")|(?<=store_id")|(?<=store_ids")|(?<=response_id"))'
    rb'|content"(?<=encrypted_content"))'
)
_URI = re.compile(rb'ri"(?:(?<=fileUri")|(?<=file_uri"))')
_STORES = re.compile(rb'ames"(?:(?<=StoreNames")|(?<=store_names"))')
_ESCAPED = re.compile(rb"00[2-7](?<=\\u00.)")    # a plain character in disguise: what it hides is only known decoded


def _may_name(kind: str, places: _Places, body: bytes) -> bool:
    """A quick look whether a body can hold an id at all. Inside a JSON string the quotes would be escaped."""
    if body.find(b"\\") >= 0 and body.rfind(b"\\u00") >= 0 and _ESCAPED.search(body) is not None:
        return True
    if kind in _ALWAYS:
        return True
    if places is _GEMINI:
        return _URI.search(body) is not None or _STORES.search(body) is not None
    if (body.rfind(b"_id") >= 0 or (places.sealed and body.rfind(b"_content") >= 0)) and _ID.search(body) is not None:
        return True
    return places.sealed and body.rfind(b'"conversation"') >= 0


_read_pairs = json.JSONDecoder(object_pairs_hook=tuple, parse_int=float).decode   # objects tuples, arrays lists


def in_body(kind: str, body: bytes) -> tuple[Named, ...]:
    """The ids in a JSON body sent to an endpoint of this `kind`, in their order, each once.

    Raises Refused when the body has to be read and cannot be: an id might hide in it. So might one in UTF-16, which
    some servers read unasked and JSON is not (RFC 8259 8.1): it shows by its zero bytes.
    """
    places = _PLACES.get(kind, _OPENAI)
    if body.find(b"\0") >= 0:
        raise Refused(faults.BAD_JSON)
    if not body or not _may_name(kind, places, body):
        return ()
    try:
        root = _read_pairs(body.decode())
    except (ValueError, RecursionError):
        raise Refused(faults.BAD_JSON) from None
    return tuple(dict.fromkeys([*_conversations(root, places), *_walk(root, places)]))


def _conversations(root: Any, places: _Places) -> Iterator[Named]:
    """`conversation` of a response's request: an id, or an object with one. No other place means one by it."""
    for name, value in root if places.sealed and isinstance(root, tuple) else ():
        if name == "conversation":
            ids = [below for inner, below in value if inner == "id"] if isinstance(value, tuple) else value
            yield from _ids("conversation", ids, told=False)


def _walk(root: Any, places: _Places) -> Iterator[Named]:
    """Every id below `root`, in order. Its depth is bounded by the decoder's, so that nothing is too deep to see.

    The members of `variables` (OpenAI prompts) are named by the caller: their names mean nothing, their values may be
    files.
    """
    stack: list[tuple[Any, bool, bool]] = [(root, False, False)]
    while stack:
        value, free, told = stack.pop()
        if isinstance(value, list):
            stack.extend((item, False, told) for item in reversed(value) if isinstance(item, list | tuple))
        elif isinstance(value, tuple):
            members = list(value) if free else [member for member in value if member[0] not in places.opaque]
            told = told or (not free and _is_record(members, places))
            for name, inner in () if free else members:
                yield from _at(name, inner, places, told=told)
            stack.extend((inner, name == "variables" and not free, told or (name in places.records and not free))
                         for name, inner in reversed(members) if isinstance(inner, list | tuple))


def _is_record(members: list[tuple[str, Any]], places: _Places) -> bool:
    types = [text for name, text in members if name == "type"] if places.record_types else []
    return bool(types) and all(text in places.record_types for text in types)


def _at(name: str, value: Any, places: _Places, *, told: bool) -> Iterator[Named]:
    """The ids that one member holds."""
    if places.sealed and name == "encrypted_content" and isinstance(value, str):
        yield reasoning(value)
    kind = places.members.get(name)
    if kind is not None:
        ids = _google_files(value) if places is _GEMINI and kind == "file" else value
        yield from _ids(kind, ids, told=told)


def _ids(kind: Kind, value: Any, *, told: bool) -> Iterator[Named]:
    """One id or a list of them. What is no text is none: a schema, or the vendor's to refuse."""
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and text:
            yield Named(kind, text.strip(), told)


_GOOGLE_FILE = re.compile(r"(?:^/?|googleapis\.com.*/)(files/[^/?#:]+)", re.IGNORECASE)


def _google_files(value: Any) -> list[str]:
    """A Gemini `fileUri` as the file's name, `files/…`; addresses elsewhere (videos, buckets) are none."""
    found = _GOOGLE_FILE.search(unquote(value).strip()) if isinstance(value, str) else None
    return [found[1]] if found else []


def reasoning(text: str) -> Named:
    """Encrypted reasoning, told by a hash of its text: its item's id is not what the vendor decrypts."""
    return Named("reasoning", hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())


# What an answer makes.


class _Part(msgspec.Struct):
    id: str | None = None
    encrypted_content: str | None = None


class _Object(msgspec.Struct):
    """The members of any made object that matter to us."""

    id: str | None = None
    store: bool | None = None
    conversation: _Part | str | None = None
    output: list[_Part] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Object | None = None
    item: _Part | None = None


_object = msgspec.json.Decoder(_Object).decode
_event = msgspec.json.Decoder(_Event).decode
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def may_make(kind: str, method: str, suffix: str) -> bool:
    """Whether an answer to such a request can teach anything."""
    return kind in _WITH_PATHS or (method == "POST" and _makes(kind, suffix) is not None)


def made(kind: str, method: str, suffix: str, body: bytes, *, known: bool = False) -> tuple[Named, ...]:
    """What a 2xx answer's body says was made, for the caller's tenant to own.

    Of answers that show what exists, only those about `known` things teach: `decide` gave a Pin for the request, so
    that a batch's output files belong to whom the batch belongs. Otherwise who first looks at something that an
    organisation shares would own it.
    """
    new = _makes(kind, suffix) if method == "POST" else None
    if new is None and not known:
        return ()
    try:
        read = _object(body)
    except _UNREADABLE:
        return ()
    if kind.startswith("responses"):
        return _of_response(read, new=new is not None)
    found = [Named(new, read.id)] if new is not None and read.id else []
    outputs = (read.output_file_id, read.error_file_id) if kind == "batches" else ()
    return (*found, *(Named("file", output) for output in outputs if output))


def _makes(kind: str, suffix: str) -> Kind | None:
    """What a POST to this path makes, or None when it changes what is there."""
    if kind in ("responses", "responses.compact"):
        return "response"
    segments = suffix.split("/")[1:]
    if kind == "vector_stores" and len(segments) == 3 and segments[2] == "file_batches":
        return "batch"
    return _COLLECTIONS.get(segments[-1]) if suffix == "/" + kind.replace(".", "/") else None


def _of_response(read: _Object, *, new: bool) -> tuple[Named, ...]:
    """A response, unless it was not stored, its conversation, and the reasoning in its output."""
    found = [Named("response", read.id)] if new and read.id and read.store is not False else []
    told = read.conversation.id if isinstance(read.conversation, _Part) else read.conversation
    if told:
        found.append(Named("conversation", told))
    return (*found, *(reasoning(item.encrypted_content) for item in read.output or [] if item.encrypted_content))


def event_matters(event: bytes) -> bool:
    """Whether one event of a Responses stream may name what it made. Deltas do not."""
    return event.find(b'"response"') >= 0 or event.find(b'"encrypted_content"') >= 0


def made_by_event(data: bytes) -> tuple[Named, ...]:
    """What one event's data says was made: its response, or the finished item's reasoning. Of streams that answer a
    POST, or a request for `known` things (`made`)."""
    try:
        event = _event(data)
    except _UNREADABLE:
        return ()
    if event.response is not None:
        return _of_response(event.response, new=True)
    sealed = event.item.encrypted_content if event.item and event.type == "response.output_item.done" else None
    return (reasoning(sealed),) if sealed else ()
