"""Hard affinity: no place and no spelling hides an id; what is remembered is bounded; tenants do not meet."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core import faults
from stationmaster.gateway.core.affinity import (
    Kind,
    Named,
    event_matters,
    in_body,
    in_path,
    is_listing,
    made,
    made_by_event,
    reasoning,
)
from stationmaster.gateway.core.endpoints import match
from stationmaster.gateway.core.owners import Owner, Owners, Pin, decide, organisation_of
from stationmaster.gateway.core.peek import Refused

PATHS: list[tuple[str, str, list[tuple[Kind, str]]]] = [
    ("GET", "/v1/responses/resp_1", [("response", "resp_1")]),
    ("DELETE", "/responses/resp_1", [("response", "resp_1")]),
    ("POST", "/v1/responses/resp_1/cancel", [("response", "resp_1")]),
    ("GET", "/v1/responses/resp_1/input_items", [("response", "resp_1")]),
    ("POST", "/v1/responses", []),
    ("POST", "/v1/responses/compact", []),
    ("GET", "/v1/conversations/conv_1", [("conversation", "conv_1")]),
    ("DELETE", "/v1/conversations/conv_1/items/msg_1", [("conversation", "conv_1")]),
    ("GET", "/v1/files", []),
    ("GET", "/v1/files/file-1", [("file", "file-1")]),
    ("GET", "/openai/v1/files/file-1/content", [("file", "file-1")]),
    ("GET", "/v1/files/file%2D1", [("file", "file-1")]),
    ("GET", "/v1/files/%66ile-1%20", [("file", "file-1")]),
    ("GET", "/v1/files/%20", [("file", "")]),
    ("POST", "/v1/batches/batch_1/cancel", [("batch", "batch_1")]),
    ("GET", "/v1/vector_stores/vs_1/files/file-1/content", [("vector_store", "vs_1"), ("file", "file-1")]),
    ("GET", "/v1/vector_stores/vs_1/%66iles/file-1", [("vector_store", "vs_1"), ("file", "file-1")]),
    ("POST", "/v1/vector_stores/vs_1/search", [("vector_store", "vs_1")]),
    ("GET", "/v1/vector_stores/vs_1/file_batches/vsfb_1/files", [("vector_store", "vs_1"), ("batch", "vsfb_1")]),
    ("GET", "/v1/messages/batches/msgbatch_1/results", [("batch", "msgbatch_1")]),
    ("POST", "/v1/messages/batches", []),
    ("POST", "/v1/messages", []),
    ("POST", "/openai/deployments/files/chat/completions", []),
    ("POST", "/v1beta/models/files:generateContent", []),
]


@pytest.mark.parametrize(("method", "path", "expected"), PATHS)
def test_ids_in_paths(method: str, path: str, expected: list[tuple[Kind, str]]) -> None:
    """Every id of a path is found, however its letters are written; a collection's own path has none."""
    found = match(method, path)
    assert found is not None
    assert in_path(found.endpoint.kind, found.suffix) == tuple(Named(kind, text) for kind, text in expected)


LISTINGS: list[tuple[str, str, bool]] = [
    ("GET", "/v1/files", True),
    ("HEAD", "/files", True),
    ("DELETE", "/v1/files", True),
    ("GET", "/v1/batches", True),
    ("GET", "/v1/vector_stores", True),
    ("GET", "/v1/messages/batches", True),
    ("POST", "/v1/files", False),
    ("POST", "/v1/messages/batches", False),
    ("GET", "/v1/files/file-1", False),
    ("GET", "/v1/vector_stores/vs_1/files", False),
    ("GET", "/v1/conversations/conv_1/items", False),
]


@pytest.mark.parametrize(("method", "path", "expected"), LISTINGS)
def test_listings(method: str, path: str, expected: bool) -> None:
    """Asking for all that an organisation holds is a listing; making one, and looking into a named one, is not."""
    found = match(method, path)
    assert found is not None
    assert is_listing(found.endpoint.kind, method, found.suffix) is expected


def said(*content: object) -> dict[str, object]:
    """A request with one message of these parts."""
    message = {"role": "user", "content": list(content)}
    return {"model": "m", "input": [message], "messages": [message]}


GOOGLE = "https://generativelanguage.googleapis.com/v1beta/files/abc"
F1, F2 = Named("file", "file-1"), Named("file", "file-2")
BODIES: dict[str, tuple[str, object, list[Named]]] = {
    "previous": ("responses", {"previous_response_id": "resp_1"}, [Named("response", "resp_1")]),
    "previous-compact": ("responses.compact", {"previous_response_id": "resp_1"}, [Named("response", "resp_1")]),
    "compared": ("responses", {"prompt_cache_options": {"comparison_response_id": "resp_1"}}, [Named("response", "resp_1")]),
    "conversation": ("responses", {"conversation": "conv_1"}, [Named("conversation", "conv_1")]),
    "conversation-object": ("responses", {"conversation": {"id": "conv_1"}}, [Named("conversation", "conv_1")]),
    "input-file": ("responses", said({"type": "input_file", "file_id": "file-1"}), [F1]),
    "input-image": ("responses", said({"type": "input_image", "file_id": "file-1"}), [F1]),
    "screenshot": ("responses", {"input": [{"type": "computer_call_output", "output": {"file_id": "file-1"}}]}, [F1]),
    "tool-output": ("responses", {"input": [{"type": "function_call_output", "output": [{"file_id": "file-1"}]}]}, [F1]),
    "stores": (
        "responses", {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]}]},
        [Named("vector_store", "vs_1"), Named("vector_store", "vs_2")],
    ),
    "container": ("responses", {"tools": [{"container": {"type": "auto", "file_ids": ["file-1", "file-2"]}}]}, [F1, F2]),
    "mask": ("responses", {"tools": [{"type": "image_generation", "input_image_mask": {"file_id": "file-1"}}]}, [F1]),
    "variables": ("responses", {"prompt": {"id": "p", "variables": {"a": {"type": "input_file", "file_id": "file-1"}}}}, [F1]),
    "variable-named-to-hide": ("responses", {"prompt": {"variables": {"metadata": {"file_id": "file-1"}}}}, [F1]),
    "variable-named-to-tell": ("responses", {"prompt": {"variables": {"annotations": {"file_id": "file-1"}}}}, [F1]),
    "variable-called-variables": ("responses", {"prompt": {"variables": {"variables": {"file_id": "file-1"}}}}, [F1]),
    "variable-called-file-id": ("responses", {"prompt": {"variables": {"file_id": "file-1"}}}, []),
    "reasoning": ("responses", {"input": [{"type": "reasoning", "encrypted_content": "gAAA"}]}, [reasoning("gAAA")]),
    "reasoning-in-order": ("responses", {"input": [{"encrypted_content": "a"}, {"encrypted_content": "b"}]},
                           [reasoning("a"), reasoning("b")]),
    "reasoning-none": ("responses", {"input": [{"type": "reasoning", "encrypted_content": None}]}, []),
    "compaction": ("responses", {"input": [{"type": "compaction", "encrypted_content": "gAAA"}]}, [reasoning("gAAA")]),
    "items": ("conversations", {"items": [{"content": [{"type": "input_file", "file_id": "file-1"}]}]}, [F1]),
    "chat-file": ("chat", said({"type": "file", "file": {"file_id": "file-1"}}), [F1]),
    "batch-input": ("batches", {"input_file_id": "file-1", "endpoint": "/v1/responses"}, [F1]),
    "store-file": ("vector_stores", {"file_id": "file-1"}, [F1]),
    "store-files": ("vector_stores", {"file_ids": ["file-1", "file-2"]}, [F1, F2]),
    "store-file-objects": ("vector_stores", {"files": [{"file_id": "file-1", "attributes": {"file_id": "x"}}]}, [F1]),
    "one-for-many": ("vector_stores", {"file_ids": "file-1"}, [F1]),
    "image-edit": ("images", {"images": [{"file_id": "file-1"}], "mask": {"file_id": "file-2"}}, [F1, F2]),
    "document": ("messages", said({"type": "document", "source": {"type": "file", "file_id": "file-1"}}), [F1]),
    "upload-block": ("messages", said({"type": "container_upload", "file_id": "file-1"}), [F1]),
    "counted": ("messages.count_tokens", said({"type": "image", "source": {"type": "file", "file_id": "file-1"}}), [F1]),
    "in-a-batch": (
        "messages.batches", {"requests": [{"custom_id": "a", "params": said({"source": {"file_id": "file-1"}})}]}, [F1]
    ),
    "gemini": ("generateContent", {"contents": [{"parts": [{"fileData": {"fileUri": GOOGLE}}]}]}, [Named("file", "files/abc")]),
    "gemini-snake": ("countTokens", {"contents": [{"parts": [{"file_data": {"file_uri": GOOGLE.upper()}}]}]},
                     [Named("file", "FILES/ABC")]),
    "gemini-escaped": ("generateContent", {"fileUri": GOOGLE.replace("/files/", "/%66iles/")}, [Named("file", "files/abc")]),
    "gemini-name": ("streamGenerateContent", {"fileUri": "files/abc"}, [Named("file", "files/abc")]),
    "gemini-stores": ("generateContent", {"tools": [{"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/a"]}}]},
                      [Named("vector_store", "fileSearchStores/a")]),
    "gemini-video": ("generateContent", {"fileUri": "https://www.youtube.com/watch?v=files/abc"}, []),
    "gemini-bucket": ("generateContent", {"file_uri": "gs://bucket/files/abc"}, []),
    "gemini-arguments": ("generateContent", {"functionCall": {"args": {"fileUri": "files/abc"}}}, []),
    "each-once": ("chat", said({"file_id": "file-1"}, {"file_id": "file-2"}, {"file_id": "file-1"}), [F1, F2]),
    "spaces": ("responses", said({"file_id": " file-1\n"}), [F1]),
    "top-level-array": ("vector_stores", [{"file_id": "file-1"}], [F1]),
    # What a model said earlier, and the caller's own data.
    "citation": ("responses", said({"annotations": [{"type": "file_citation", "file_id": "file-1"}]}),
                 [Named("file", "file-1", told=True)]),
    "search-results": ("responses", {"input": [{"type": "file_search_call", "results": [{"file_id": "file-1"}]}]},
                       [Named("file", "file-1", told=True)]),
    "code-output": ("messages", said({"content": [{"type": "bash_code_execution_output", "file_id": "file-1"}]}),
                    [Named("file", "file-1", told=True)]),
    "no-record-by-name": ("messages", {"variables": {"type": "code_execution_output", "a": {"file_id": "file-1"}}}, [F1]),
    "no-such-record": ("responses", said({"type": "code_execution_output", "file_id": "file-1"}), [F1]),
    "metadata": ("responses", {"metadata": {"file_id": "file-1"}}, []),
    "schema": ("responses", {"tools": [{"type": "function", "parameters": {"default": {"file_id": "a"}}}]}, []),
    "schema-shape": ("chat", {"functions": [{"properties": {"file_id": {"type": "string"}, "file_ids": {"type": "array"}}}]}, []),
    "arguments": ("responses", {"input": [{"type": "function_call", "arguments": '{"file_id": "file-1"}'}]}, []),
    "tool-use": ("messages", said({"type": "tool_use", "name": "drive", "input": {"file_id": "1AbC"}}), []),
    "text": ("responses", said({"type": "input_text", "text": 'use "file_id": "file-1", previous_response_id'}), []),
    "no-text": ("chat", said({"file_id": 1}, {"file_id": None}, {"file_id": ""}, {"file_ids": [1, [], None]}), []),
    "conversation-below": ("responses", said({"conversation": "conv_1"}), []),
    "conversation-elsewhere": ("chat", {"conversation": "conv_1", "file_id": "file-1"}, [F1]),
    "sealed-elsewhere": ("messages", said({"type": "web_search_result", "encrypted_content": "a"}), []),
    "nothing": ("responses", {"model": "m", "input": "hi"}, []),
}


@pytest.mark.parametrize("name", BODIES)
def test_ids_in_bodies(name: str) -> None:
    """Every place where a vendor reads an id is known, and nothing else is taken for one."""
    kind, body, expected = BODIES[name]
    assert in_body(kind, json.dumps(body).encode()) == tuple(expected)
    assert in_body(kind, json.dumps(body, ensure_ascii=False, indent=1).encode()) == tuple(expected)


def disguised(text: str, which: int = -1) -> str:
    """A JSON string with letters (all, or one) written as escapes."""
    return '"' + "".join(f"\\u{ord(one):04X}" if which in (-1, at) else one for at, one in enumerate(text)) + '"'


NAMES: dict[str, tuple[str, Kind]] = {
    "file_id": ("chat", "file"),
    "file_ids": ("messages", "file"),
    "input_file_id": ("batches", "file"),
    "vector_store_id": ("responses", "vector_store"),
    "vector_store_ids": ("responses", "vector_store"),
    "previous_response_id": ("responses", "response"),
    "comparison_response_id": ("responses.compact", "response"),
    "conversation": ("responses", "conversation"),
    "fileSearchStoreNames": ("generateContent", "vector_store"),
    "file_search_store_names": ("embedContent", "vector_store"),
}


@pytest.mark.parametrize("name", NAMES)
def test_no_letter_hides_an_id(name: str) -> None:
    """Any letter of a member's name, or of the id, may be written as an escape."""
    kind, means = NAMES[name]
    for which in range(-1, len(name)):
        assert in_body(kind, f'{{{disguised(name, which)} : "a-1"}}'.encode()) == (Named(means, "a-1"),)
    assert in_body(kind, f'{{"{name}":{disguised("a-1")}}}'.encode()) == (Named(means, "a-1"),)


def test_escaped_reasoning_is_the_same_reasoning() -> None:
    """Encrypted text is told by what it says, not by how its JSON is written."""
    for text in ('"a/b="', '"a\\/b="', disguised("a/b=")):
        assert in_body("responses", b'{"input":[{"encrypted_content":%b}]}' % text.encode()) == (reasoning("a/b="),)


DOUBLES: list[str] = [
    '{"file_id":"file-1","file_id":"file-2"}',
    '{"file_id":"file-1","file\\u005fid":"file-2"}',
    '{"file_id":"file-1","file_id":null,"x":{"file_id":"file-2"}}',
    '{"source":{"file_id":"file-1"},"source":{"file_id":"file-2"}}',
    '{"type":"code_execution_output","type":"document","x":[{"file_id":"file-1"},{"file_id":"file-2"}]}',
]


@pytest.mark.parametrize("text", DOUBLES)
def test_of_doubles_both_count(text: str) -> None:
    """Servers disagree on which of two members with one name counts; every id in them does."""
    assert set(in_body("messages", b'{"messages":[%b]}' % text.encode())) == {F1, F2}


def test_no_depth_hides_an_id() -> None:
    """An id is found at any depth that can be read at all; what cannot be is refused."""
    for depth in (1, 100, 400):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            body = opening * depth + '{"file_id":"file-1"}' + closing * depth
            assert in_body("chat", body.encode()) == (F1,)
    with pytest.raises(Refused):
        in_body("chat", b"[" * 100_000 + b'{"file_id":"file-1"}' + b"]" * 100_000)


UNREADABLE: dict[str, bytes] = {
    "half": b'{"file_id":"file-1"',
    "bom": b'\xef\xbb\xbf{"file_id":"file-1"}',
    "utf-16": json.dumps({"file_id": "file-1"}).encode("utf-16"),
    "utf-16-le": json.dumps({"file_id": "file-1"}).encode("utf-16-le"),
    "utf-32": json.dumps({"file_id": "file-1"}).encode("utf-32"),
    "no-utf-8": b'{"file_id":"file-\xff"}',
    "behind": b'{"file_id":"file-1"}{}',
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("kind", ["responses", "vector_stores"])
def test_what_cannot_be_read_may_hide_an_id(name: str, kind: str) -> None:
    """A body that names something and is no JSON is refused, whatever some server might make of it."""
    with pytest.raises(Refused) as refused:
        in_body(kind, UNREADABLE[name])
    assert refused.value.fault is faults.BAD_JSON


def test_odd_texts() -> None:
    """Half a surrogate pair, a number of 5,000 digits and an empty body are no reason to fail."""
    body = b'{"n":%b,"file_id":"\\ud800"}' % (b"9" * 5000)
    owners = Owners()
    (named,) = in_body("chat", body)
    owners.remember(named, OURS)
    assert owners.find(named) == OURS
    assert in_body("batches", b"") == ()


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=3),
    max_leaves=12,
)


def write(value: Any, draw: st.DrawFn) -> str:
    """`value` as JSON, with letters of names and texts escaped here and there."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(name, draw)}:{write(inner, draw)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(write(inner, draw) for inner in value) + "]"
    if isinstance(value, str) and value.isascii() and value.isprintable() and value and draw(st.booleans()):
        return disguised(value, draw(st.integers(-1, len(value) - 1)))
    return json.dumps(value)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes, set[Named]]:
    """A body with some ids at drawn places, and which they are."""
    kind = draw(st.sampled_from(["chat", "responses", "messages", "batches"]))
    root: dict[str, Any] = {"x": draw(PLAIN)}
    placed = set()
    names = [name for name in NAMES if name[:4] not in ("conv", "file") or name in ("file_id", "file_ids")]
    for number in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(names))
        value: Any = {name: f"id-{number}", "y": draw(PLAIN)}
        for step in draw(st.lists(st.sampled_from(["source", "content", "file", "a", None, None]), max_size=6)):
            value = [draw(PLAIN), value] if step is None else {step: value, "z": 1}
        root[f"p{number}"] = value
        placed.add(Named(NAMES[name][1], f"id-{number}"))
    return kind, write(root, draw).encode(), placed


@given(bodies())
@FEW
def test_an_id_is_found_wherever_it_is_put(drawn: tuple[str, bytes, set[Named]]) -> None:
    """Under any of the known names, at any place, in any spelling: all ids are found, and no others."""
    kind, body, placed = drawn
    assert set(in_body(kind, body)) == placed


RESPONSE: dict[str, Any] = {
    "id": "resp_1", "object": "response", "store": True, "conversation": {"id": "conv_1"}, "previous_response_id": "resp_0",
    "output": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA"}, {"type": "message", "content": []}],
}
OF_RESPONSE = [Named("response", "resp_1"), Named("conversation", "conv_1"), reasoning("gAAA")]
BATCH = {"id": "batch_1", "object": "batch", "input_file_id": "file-0", "output_file_id": "file-1", "error_file_id": "file-2"}
LIST = {"object": "list", "data": [{"id": "file-1", "object": "file"}], "first_id": "file-1", "last_id": "file-1"}
MADE: dict[str, tuple[str, str, object, bool, list[Named]]] = {
    "response": ("POST", "/v1/responses", RESPONSE, False, OF_RESPONSE),
    "response-not-stored": ("POST", "/v1/responses", RESPONSE | {"store": False}, False, OF_RESPONSE[1:]),
    "response-alone": ("POST", "/v1/responses", {"id": "resp_1", "conversation": None, "output": None}, False, OF_RESPONSE[:1]),
    "compacted": ("POST", "/v1/responses/compact", RESPONSE, False, OF_RESPONSE),
    "response-seen-later": ("GET", "/v1/responses/resp_1", RESPONSE, True, OF_RESPONSE[1:]),
    "response-unknown": ("GET", "/v1/responses/resp_1", RESPONSE, False, []),
    "conversation": ("POST", "/v1/conversations", {"id": "conv_1"}, False, [Named("conversation", "conv_1")]),
    "conversation-changed": ("POST", "/v1/conversations/conv_1", {"id": "conv_1"}, False, []),
    "file": ("POST", "/v1/files", {"id": "file-1", "object": "file"}, False, [F1]),
    "file-seen": ("GET", "/v1/files/file-1", {"id": "file-1", "object": "file"}, True, []),
    "files": ("GET", "/v1/files", LIST, False, []),
    "batch": ("POST", "/v1/batches", BATCH | {"output_file_id": None, "error_file_id": None}, False, [Named("batch", "batch_1")]),
    "batch-done": ("GET", "/v1/batches/batch_1", BATCH, True, [F1, F2]),
    "batch-of-nobody": ("GET", "/v1/batches/batch_1", BATCH, False, []),
    "batch-cancelled-by-anybody": ("POST", "/v1/batches/batch_1/cancel", BATCH, False, []),
    "store": ("POST", "/v1/vector_stores", {"id": "vs_1"}, False, [Named("vector_store", "vs_1")]),
    "store-searched": ("POST", "/v1/vector_stores/vs_1/search", {"id": "vs_1"}, False, []),
    "store-file": ("POST", "/v1/vector_stores/vs_1/files", {"id": "file-9"}, False, []),
    "store-batch": ("POST", "/v1/vector_stores/vs_1/file_batches", {"id": "vsfb_1"}, False, [Named("batch", "vsfb_1")]),
    "message-batch": ("POST", "/v1/messages/batches", {"id": "msgbatch_1"}, False, [Named("batch", "msgbatch_1")]),
    "chat": ("POST", "/v1/chat/completions", {"id": "chatcmpl-1"}, False, []),
    "message": ("POST", "/v1/messages", {"id": "msg_1"}, False, []),
    "odd": ("POST", "/v1/files", {"id": 7}, False, []),
    "array": ("POST", "/v1/files", [], False, []),
}


@pytest.mark.parametrize("name", MADE)
def test_what_answers_make(name: str) -> None:
    """Making something makes it the caller's; looking at what an organisation shares does not."""
    method, path, answer, known, expected = MADE[name]
    found = match(method, path)
    assert found is not None
    body = json.dumps(answer).encode()
    assert made(found.endpoint.kind, method, found.suffix, body, known=known) == tuple(expected)
    assert made(found.endpoint.kind, method, found.suffix, body[:-1], known=known) == ()


EVENTS: list[tuple[dict[str, Any], bool, list[Named]]] = [
    ({"type": "response.created", "response": RESPONSE | {"output": []}}, True, OF_RESPONSE[:2]),
    ({"type": "response.completed", "response": RESPONSE}, True, OF_RESPONSE),
    ({"type": "response.output_item.done", "item": RESPONSE["output"][0]}, True, OF_RESPONSE[2:]),
    ({"type": "response.output_item.added", "item": RESPONSE["output"][0]}, True, []),
    ({"type": "response.output_item.done", "item": {"type": "message", "id": "msg_1"}}, False, []),
    ({"type": "response.output_text.delta", "item_id": "msg_1", "delta": '"response" "encrypted_content"'}, False, []),
]


@pytest.mark.parametrize(("event", "matters", "expected"), EVENTS)
def test_what_events_make(event: dict[str, Any], matters: bool, expected: list[Named]) -> None:
    """A stream's events teach what the whole answer would, and deltas need not be looked at."""
    data = json.dumps(event).encode()
    assert event_matters(b"data: " + data + b"\n\n") is matters
    assert made_by_event(data) == tuple(expected)
    assert made_by_event(data[:-1]) == ()


OURS = Owner("acme", "openai-1", "red", "key-1")
THEIRS = Owner("acme", "openai-1", "blue", "key-2")
ELSEWHERE = Owner("other", "openai-2", "red", "key-1")


def files(count: int, start: int = 0) -> list[Named]:
    """Ids that differ."""
    return [Named("file", f"file-{number}") for number in range(start, start + count)]


def test_memory_is_bounded_and_keeps_what_is_used() -> None:
    """However many things pass, no more than the capacity are held; what is asked for outlives what is not."""
    owners = Owners(100)
    used, idle = files(2, -2)
    owners.remember(used, OURS)
    owners.remember(idle, OURS)
    for named in files(1000):
        owners.remember(named, OURS)
        assert owners.find(used) == OURS
        assert len(owners) <= 100
    assert owners.find(idle) is None
    assert all(owners.find(named) == OURS for named in files(50, 950))
    assert len(owners.drain()) <= 50


def test_what_is_anothers_stays_theirs() -> None:
    """Neither an answer nor another worker makes a known thing another tenant's; the same tenant's may move."""
    owners = Owners()
    owners.remember(F1, THEIRS)
    owners.remember(F1, OURS)
    assert owners.find(F1) == THEIRS
    elsewhere = Owners()
    elsewhere.remember(F1, OURS)
    owners.absorb(elsewhere.drain())
    assert owners.find(F1) == THEIRS
    owners.remember(F2, OURS)
    owners.remember(F2, ELSEWHERE)
    assert owners.find(F2) == ELSEWHERE


def test_kinds_do_not_mix() -> None:
    """One text as two kinds of thing is two things."""
    owners = Owners()
    owners.remember(Named("file", "a"), OURS)
    assert owners.find(Named("batch", "a")) is None


def test_workers_share_what_they_learn() -> None:
    """What one worker learned is drained once, as plain data, and found by the other, which does not pass it on."""
    one, two = Owners(), Owners()
    one.remember(F1, OURS)
    one.remember(F1, OURS)
    one.remember(reasoning("gAAA"), THEIRS)
    entries = one.drain()
    assert len(entries) == 2
    assert all(isinstance(part, int | str) for entry in entries for part in entry)
    assert one.drain() == ()
    two.absorb(entries)
    assert two.find(F1) == OURS
    assert two.find(reasoning("gAAA")) == THEIRS
    assert two.drain() == ()


def test_credentials_without_a_label_stand_alone() -> None:
    """An organisation is what the operator calls it, and otherwise one credential."""
    assert organisation_of("acme", "openai-1") == "acme"
    assert organisation_of("", "openai-1") == "openai-1"


KINDS: tuple[Kind, ...] = ("response", "conversation", "file", "batch", "vector_store", "reasoning")
SHARED: tuple[Kind, ...] = ("file", "batch", "vector_store")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shared", [False, True])
def test_tenants(kind: Kind, shared: bool) -> None:
    """Own things pin, others' do not exist even for keys that share, unknown ones are free or need sharing."""
    named = (Named(kind, "id-1"),)
    owners = Owners()
    unknown = faults.RESOURCES_SHARED if kind in SHARED and not shared else None
    assert decide(named, owners, tenant="red", shared=shared) == unknown
    owners.remember(named[0], OURS)
    before = OURS.credential if kind in ("response", "conversation") else ""
    assert decide(named, owners, tenant="red", shared=shared) == Pin("acme", before)
    assert decide(named, owners, tenant="blue", shared=shared) == faults.NO_SUCH_RESOURCE


def test_listings_need_sharing() -> None:
    """A list of what an organisation holds is for keys that share; making things is for everybody."""
    assert decide((), Owners(), tenant="red", shared=False, listing=True) == faults.LISTING_SHARED
    assert decide((), Owners(), tenant="red", shared=True, listing=True) is None
    assert decide((), Owners(), tenant="red", shared=False) is None


def test_one_foreign_id_among_others_decides() -> None:
    """Own, unknown and shared company changes nothing about what is another tenant's."""
    owners = Owners()
    owners.remember(F1, OURS)
    owners.remember(F2, THEIRS)
    for named in ((F1, F2), (F2, F1), (Named("file", "unknown"), F2)):
        assert decide(named, owners, tenant="red", shared=False) == faults.NO_SUCH_RESOURCE


def test_organisations_do_not_mix() -> None:
    """Ids of two organisations cannot be served; two credentials of one organisation can."""
    owners = Owners()
    owners.remember(F1, OURS)
    owners.remember(F2, ELSEWHERE)
    assert decide((F1, F2), owners, tenant="red", shared=True) == faults.RESOURCES_APART
    owners.remember(F2, Owner("acme", "openai-3", "red", "key-9"))
    assert decide((F1, F2), owners, tenant="red", shared=True) == Pin("acme")


def test_reasoning_leads_where_no_id_does() -> None:
    """The latest reasoning leads, so that a session that had to move goes on; an id is stronger."""
    owners = Owners()
    early, late, response = reasoning("a"), reasoning("b"), Named("response", "resp_1")
    owners.remember(early, OURS)
    owners.remember(late, ELSEWHERE)
    owners.remember(response, OURS)
    assert decide((early, late, reasoning("c")), owners, tenant="red", shared=False) == Pin("other")
    assert decide((response, early, late), owners, tenant="red", shared=False) == Pin("acme", OURS.credential)


def test_records_bind_nothing() -> None:
    """A citation in a history neither pins nor needs sharing; another tenant's is not there all the same."""
    owners = Owners()
    told = Named("file", "file-1", told=True)
    assert decide((told,), owners, tenant="red", shared=False) is None
    owners.remember(F1, OURS)
    assert decide((told,), owners, tenant="red", shared=False) is None
    assert decide((told,), owners, tenant="blue", shared=False) == faults.NO_SUCH_RESOURCE


def test_refusals_tell_nothing() -> None:
    """No refusal says that a thing exists with somebody else."""
    for fault in (faults.NO_SUCH_RESOURCE, faults.RESOURCES_SHARED, faults.LISTING_SHARED):
        text = f"{fault.message} {fault.hint}".lower()
        assert not any(word in text for word in ("another", "other tenant", "belongs", "exists"))
