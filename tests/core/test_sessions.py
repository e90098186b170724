"""Which requests belong together: what clients send as their session, in the order in which it counts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.peek import Peek, Refused
from stationmaster.gateway.core.sessions import HEADERS, PROMPTED, Scope, Source, of_body, of_headers
from stationmaster.gateway.core.wire import Headers, parse_request

SCOPE = Scope("key-1")
ID = "0199f5a2-7c3e-7d11-8f7a-3f1d0c2b4a5e"
OTHER = "0199f5a2-7c3e-7d11-8f7a-ffffffffffff"


def body(said: dict[str, Any] | bytes, scope: Scope = SCOPE) -> tuple[int, Source]:
    """What a body tells."""
    return of_body(scope, Peek(said if isinstance(said, bytes) else json.dumps(said).encode()).members)


def number(said: dict[str, Any], by: Source = "prompt") -> int:
    """The number that a body tells, by what it should."""
    found, source = body(said)
    assert source == by
    assert 0 < found < 2**64
    return found


def sent(*fields: bytes) -> Headers:
    """These field lines, as a request's head is read."""
    return parse_request(b"POST / HTTP/1.1\r\nhost: a\r\n" + b"".join(each + b"\r\n" for each in fields) + b"\r\n").headers


# Headers.


@pytest.mark.parametrize(
    "spelling",
    [
        b"x-stationmaster-session", b"X-Stationmaster-Session", b"x_stationmaster_session",
        b"session-id", b"session_id", b"Session_id", b"Session-Id", b"SESSION_ID",
        b"thread-id", b"thread_id", b"conversation-id", b"conversation_id", b"Conversation_Id",
        b"x-claude-code-session-id", b"X-Claude-Code-Session-Id",
        b"x-session-affinity", b"X-Session-Affinity", b"x-opencode-session", b"x-session-id", b"X-Session-Id", b"x_session_id",
    ],
)
def test_every_spelling_of_every_name(spelling: bytes) -> None:
    """Harnesses have used capitals, hyphens and underscores for one thing: all of them name the session."""
    assert of_headers(SCOPE, sent(spelling + b": " + ID.encode())) == SCOPE.number(b"header", ID.encode())


@pytest.mark.parametrize(
    "name",
    [
        b"x-request-id", b"x-client-request-id", b"x-parent-session-id", b"session", b"sessionid", b"x-stationmaster",
        b"cookie", b"x-claude-code-agent-id", b"x-codex-window-id",
    ],
)
def test_other_names_name_no_session(name: bytes) -> None:
    """An agent's, a window's or a request's id is not the session's."""
    assert of_headers(SCOPE, sent(name + b": " + ID.encode())) == 0


ORDER = [
    b"x-stationmaster-session", b"session-id", b"thread-id", b"conversation-id", b"x-claude-code-session-id",
    b"x-session-affinity", b"x-opencode-session", b"x-session-id",
]


@pytest.mark.parametrize("at", range(len(ORDER)))
def test_the_order_of_names(at: int) -> None:
    """The first of the list that is sent counts, wherever in the head it stands; an empty one is not sent."""
    later = [name + b": later-" + name for name in ORDER[at + 1 :]]
    wanted = SCOPE.number(b"header", b"mine")
    empty = [name + b":" for name in ORDER[:at]]
    for fields in ([ORDER[at] + b": mine", *later], [*later, ORDER[at] + b": mine"], [*empty, *later, ORDER[at] + b": mine  "]):
        assert of_headers(SCOPE, sent(*fields)) == wanted
    assert tuple(ORDER) == HEADERS


def test_the_first_of_one_name_counts() -> None:
    """Of a name that is sent twice the first that says anything counts, in either spelling."""
    wanted = SCOPE.number(b"header", b"one")
    assert of_headers(SCOPE, sent(b"session-id: one", b"session-id: two")) == wanted
    assert of_headers(SCOPE, sent(b"session_id: one", b"session-id: two")) == wanted
    assert of_headers(SCOPE, sent(b"session_id:", b"session-id: one")) == wanted


@pytest.mark.parametrize("fields", [[], [b"session-id:"], [b"session-id:   ", b"thread-id:"], [b"accept: */*"]])
def test_no_name_no_session(fields: list[bytes]) -> None:
    """A head that names none, or nothing for a name, leaves it to the body."""
    assert of_headers(SCOPE, sent(*fields)) == 0


def test_what_real_harnesses_send() -> None:
    """One id in several fields is one session; Codex sends it in two, opencode as well."""
    codex = sent(b"originator: codex_exec", b"session-id: " + ID.encode(), b"thread-id: " + ID.encode(), b"x-request-id: x")
    old_codex = sent(b"conversation_id: " + ID.encode(), b"session_id: " + ID.encode())
    opencode = sent(b"x-session-affinity: ses_1", b"X-Session-Id: ses_1", b"x-parent-session-id: ses_0")
    assert of_headers(SCOPE, codex) == of_headers(SCOPE, old_codex) == SCOPE.number(b"header", ID.encode())
    assert of_headers(SCOPE, opencode) == SCOPE.number(b"header", b"ses_1")


def test_names_of_any_length_and_bytes() -> None:
    """Names may be any bytes; of very long ones the beginning counts."""
    assert of_headers(SCOPE, [(b"session-id", b"\xff\xfe")]) != of_headers(SCOPE, [(b"session-id", b"\xff\xff")]) != 0
    long = b"x" * 600
    assert of_headers(SCOPE, [(b"session-id", long)]) == of_headers(SCOPE, [(b"session-id", long + b"y")])
    assert of_headers(SCOPE, [(b"session-id", b"a" * 300)]) != of_headers(SCOPE, [(b"session-id", b"a" * 301)])


# Scope.


def test_nobody_steers_anothers_session() -> None:
    """One name under two virtual keys, or of two kinds, is two sessions."""
    mine, yours = Scope("key-1"), Scope("key-2")
    assert mine.number(b"header", b"s") == Scope("key-1").number(b"header", b"s")
    assert mine.number(b"header", b"s") != yours.number(b"header", b"s")
    assert of_headers(mine, [(b"session-id", b"s")]) != of_headers(yours, [(b"session-id", b"s")])
    for said in ({"prompt_cache_key": "s"}, {"metadata": {"user_id": f"u_session_{ID}"}}, {"input": "hello"}):
        assert body(said, mine) != body(said, yours)
    kinds = [mine.number(kind, b"s") for kind in (b"header", b"cache_key", b"user_id", b"prompt")]
    assert len(set(kinds)) == 4


def test_a_key_and_a_name_do_not_run_together() -> None:
    """What belongs to the key and what to the name is told apart."""
    assert Scope("ab").number(b"header", b"c") != Scope("a").number(b"header", b"bc")
    assert Scope("a").number(b"header", b"b") != Scope("a").number(b"heade", b"rb")


def test_numbers_are_the_same_for_ever() -> None:
    """64 bits that no process, version or start changes: else sessions would move at every roll-out."""
    assert Scope("key-1").number(b"header", b"s") == 18008034143473265541


# Bodies: names.


@pytest.mark.parametrize(
    ("said", "by"),
    [
        ({"prompt_cache_key": "k", "metadata": {"user_id": f"u_session_{ID}"}, "input": "x"}, "cache_key"),
        ({"metadata": {"user_id": f"u_session_{ID}"}, "messages": [{"role": "user", "content": "x"}]}, "user_id"),
        ({"metadata": {"user_id": "somebody"}, "messages": [{"role": "user", "content": "x"}]}, "prompt"),
        ({"metadata": {"topic": "session"}, "input": "x"}, "prompt"),
        ({"prompt_cache_key": "", "input": "x"}, "prompt"),
        ({"prompt_cache_key": None, "input": "x"}, "prompt"),
        ({"prompt_cache_key": 7, "input": "x"}, "prompt"),
        ({"prompt_cache_key": ["k"], "metadata": None, "input": "x"}, "prompt"),
        ({"prompt_cache_key": "k"}, "cache_key"),
        ({"model": "m", "instructions": "be kind"}, ""),
        ({"model": "m", "temperature": 1}, ""),
        ({}, ""),
    ],
)
def test_the_order_in_a_body(said: dict[str, Any], by: Source) -> None:
    """The cache key, then the session in `user_id`, then what was said; a body without a conversation tells nothing."""
    found, source = body(said)
    assert source == by
    assert (found == 0) is (by == "")


def test_a_cache_key_is_the_session_whatever_is_said() -> None:
    """OpenAI's `prompt_cache_key` names it, letter by letter, however it is escaped; of very long ones the beginning."""
    one = number({"prompt_cache_key": "ké", "input": "a"}, "cache_key")
    assert one == number({"input": [{"role": "user", "content": "b"}], "prompt_cache_key": "ké"}, "cache_key")
    assert body(b'{"prompt_cache_key":"k\\u00e9"}') == body('{"prompt_cache_key":"ké"}'.encode()) == (one, "cache_key")
    assert one != number({"prompt_cache_key": "ke", "input": "a"}, "cache_key")
    assert number({"prompt_cache_key": "k" * 600}, "cache_key") == number({"prompt_cache_key": "k" * 700}, "cache_key")


CLAUDE_CODE = [
    f"user_{'0a' * 32}_account__session_{ID}",
    f"user_{'0b' * 32}_account_{OTHER}_session_{ID}",
    json.dumps({"device_id": "0c" * 32, "account_uuid": "", "session_id": ID}, separators=(",", ":")),
    json.dumps({"device_id": "0d" * 32, "account_uuid": OTHER, "session_id": ID}),
    json.dumps({"session_id": ID, "device_id": "session_id"}),
    json.dumps({"session_id": ID}, separators=(" , ", " : ")),
]


@pytest.mark.parametrize("user_id", CLAUDE_CODE)
def test_claude_codes_session_in_the_user_id(user_id: str) -> None:
    """Both forms that Claude Code has used; device and account count for nothing, and neither does what is said."""
    said = {"metadata": {"user_id": user_id}, "messages": [{"role": "user", "content": user_id}]}
    assert number(said, "user_id") == SCOPE.number(b"user_id", ID.encode())
    assert number(json.loads(json.dumps(said).replace(ID, OTHER)), "user_id") != number(said, "user_id")


@pytest.mark.parametrize(
    "metadata",
    [
        {"user_id": "person@example.com"},
        {"user_id": "_session_"},
        {"user_id": "_session_short"},
        {"user_id": '{"session_id":""}'},
        {"user_id": '{"session_id":null}'},
        {"user_id": '{"session_id":["x"]}'},
        {"user_id": None, "session": 1},
        {"user_id": {"session_id": ID}},
        {"user_id": 5, "session_id": ID},
        {"session_id": ID},
        ["session", ID],
        f"_session_{ID}",
        f"session {ID}",
        None,
        7,
    ],
)
def test_other_user_ids_name_no_session(metadata: Any) -> None:
    """A person is not a session: their conversations are told apart by what is said in them."""
    one, two = ({"metadata": metadata, "messages": [{"role": "user", "content": text}]} for text in ("a", "b"))
    assert number(one) != number(two)


# Bodies: conversations. Each dialect's first turn, its second, and others' first turns that must be told apart.


def chat(first: str, system: str = "Be kind.") -> dict[str, Any]:
    """OpenAI Chat Completions."""
    return {"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": first}]}


def responses(first: str, instructions: str = "Be kind.") -> dict[str, Any]:
    """OpenAI Responses with items."""
    content = [{"type": "input_text", "text": first}]
    asked = {"type": "message", "id": first, "role": "user", "content": content}
    return {"model": "m", "instructions": instructions, "input": [asked]}


def developed(first: str, base: str = "You are a coding agent.") -> dict[str, Any]:
    """The same as a coding agent sends it: what it always says comes first, as items whose ids differ."""
    always = [
        {"type": "message", "id": f"{first}-{at}", "role": "developer", "content": [{"type": "input_text", "text": text}]}
        for at, text in enumerate((base, "Skills: none."))
    ]
    return {"model": "m", "input": [*always, {"role": "user", "content": [{"type": "input_text", "text": first}]}]}


def messages(first: str, system: str = "Be kind.") -> dict[str, Any]:
    """Anthropic Messages."""
    told = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    return {"model": "m", "system": told, "max_tokens": 9, "messages": [{"role": "user", "content": first}]}


def gemini(first: str, system: str = "Be kind.") -> dict[str, Any]:
    """Gemini generateContent."""
    return {"contents": [{"role": "user", "parts": [{"text": first}]}], "systemInstruction": {"parts": [{"text": system}]}}


ASKERS = [chat, responses, developed, messages, gemini]
ANSWERS: dict[Any, tuple[str, list[dict[str, Any]]]] = {
    chat: ("messages", [{"role": "assistant", "content": "Hm."}, {"role": "user", "content": "More."}]),
    responses: ("input", [{"type": "reasoning", "id": "rs_1"}, {"role": "user", "content": "More."}]),
    developed: ("input", [{"type": "function_call_output", "call_id": "c", "output": "x"}, {"role": "user", "content": "M"}]),
    messages: ("messages", [{"role": "assistant", "content": [{"type": "text", "text": "H"}]}, {"role": "user", "content": "M"}]),
    gemini: ("contents", [{"role": "model", "parts": [{"text": "Hm."}]}, {"role": "user", "parts": [{"text": "More."}]}]),
}


@pytest.mark.parametrize("asked", ASKERS)
def test_later_turns_keep_the_number(asked: Any) -> None:
    """What is added behind the first prompt, and what stands beside the conversation, changes nothing."""
    name, answer = ANSWERS[asked]
    first = asked("Hello")
    second = asked("Hello")
    second[name] += answer
    third = {"stream": True, "tools": [{"name": "x"}], **second, "temperature": 0.5}
    third[name] = third[name] + answer
    assert number(first) == number(second) == number(third)


@pytest.mark.parametrize("asked", ASKERS)
def test_conversations_are_told_apart(asked: Any) -> None:
    """Another first prompt is another conversation, under the same instructions too; and so is the other way round."""
    assert number(asked("Hello")) != number(asked("Goodbye"))
    assert number(asked("Hello")) != number(asked("Hello", "Be brief."))
    assert number(asked("Hello" * 500)) != number(asked("Hello" * 501))
    assert number(asked("a" * 2000 + "b")) != number(asked("a" * 2001 + "b"))


@pytest.mark.parametrize("asked", ASKERS)
def test_the_same_question_is_the_same_session(asked: Any) -> None:
    """Repeats meet the same member, whose cache knows them."""
    assert number(asked("Hello")) == number(asked("Hello"))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"input": "Hello"}, {"input": "Goodbye"}),
        ({"input": "Hello", "instructions": "a"}, {"input": "Hello", "instructions": "b"}),
        ({"prompt": "Once"}, {"prompt": "Twice"}),
        ({"prompt": ["Once", "x"]}, {"prompt": ["Twice", "x"]}),
        ({"prompt": {"id": "pmpt_1"}}, {"prompt": {"id": "pmpt_2"}}),
        ({"contents": [{"parts": [{"text": "a"}]}]}, {"contents": [{"parts": [{"text": "b"}]}]}),
        (
            {"contents": [{"parts": [{"text": "a"}]}], "system_instruction": {"parts": [{"text": "x"}]}},
            {"contents": [{"parts": [{"text": "a"}]}], "system_instruction": {"parts": [{"text": "y"}]}},
        ),
        (
            {"messages": [{"role": "user", "content": "a"}], "system": "x"},
            {"messages": [{"role": "user", "content": "a"}], "system": "y"},
        ),
    ],
)
def test_plain_and_short_forms(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Texts instead of items, contents without a role, and every name of instructions are told apart as well."""
    assert number(one) == number(dict(reversed(one.items())))
    assert number(one) != number(two)


def test_a_role_in_the_middle_is_no_first_prompt() -> None:
    """Claude Code puts a system message between prompts: what counts ends with the first user's."""
    first: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
    later = [*first, {"role": "system", "content": "the date"}, {"role": "user", "content": "More"}]
    assert number({"messages": first}) == number({"messages": later})


def test_who_names_no_role_is_the_user() -> None:
    """Gemini's contents may leave it out; then too only the first prompt counts."""
    first: list[dict[str, Any]] = [{"parts": [{"text": "Hello"}]}]
    later = [*first, {"role": "model", "parts": [{"text": "Hm."}]}, {"role": "user", "parts": [{"text": "More."}]}]
    assert number({"contents": first}) == number({"contents": later})


def test_the_ids_of_items_do_not_count() -> None:
    """Codex numbers its items anew in every request; only what they say counts."""
    asked = [{"type": "message", "id": f"msg_{at}", "role": "user", "content": "Hello"} for at in range(2)]
    assert number({"input": asked[:1]}) == number({"input": asked[1:]})


@pytest.mark.parametrize(
    "marked",
    [
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "cache_control": {"type": "ephemeral"}, "text": "Hello"},
        {"cache_control": {"type": "ephemeral"}, "type": "text", "text": "Hello"},
        {"type": "text", "text": "Hello", "cache_control": None},
    ],
)
def test_a_cache_mark_does_not_count(marked: dict[str, Any]) -> None:
    """Anthropic's `cache_control` is moved to the last message in every turn: a mark that was there and is no more leaves
    the conversation what it was."""
    plain = {"type": "text", "text": "Hello"}
    later = [{"role": "assistant", "content": "Hm."}, {"role": "user", "content": [{**marked, "text": "More"}]}]
    for separators in ((",", ":"), (", ", ": ")):
        first, second = (
            json.dumps({"messages": said}, separators=separators).encode()
            for said in ([{"role": "user", "content": [marked]}], [{"role": "user", "content": [plain]}, *later])
        )
        assert body(first) == body(second)


def test_a_text_about_cache_marks_counts() -> None:
    """A mark that is only spoken of is what the user said."""
    texts = ['"cache_control":{"type":"ephemeral"}', '"cache_control":{"type":"other"}', '"cache_control":null']
    assert len({number({"messages": [{"role": "user", "content": text}]}) for text in texts}) == len(texts)
    assert len({number({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}) for text in texts}) == 3


def test_a_prompt_of_tokens_counts_whole() -> None:
    """Token ids begin alike in most prompts: the first of them tells nothing."""
    assert number({"prompt": [1, 2, 3]}) != number({"prompt": [1, 5, 6]})


@pytest.mark.parametrize("said", [{"system": "s", "messages": []}, {"instructions": "s", "input": []}])
def test_instructions_alone_are_no_conversation(said: dict[str, Any]) -> None:
    """Coding agents send the same ones in every session."""
    assert body(said) == (0, "")


@pytest.mark.parametrize("count", [10_000])
def test_a_conversation_without_a_prompt_is_not_read_to_its_end(count: int) -> None:
    """What decides is at the beginning: what stands behind many items that are no user's changes nothing."""
    said = [{"role": "assistant", "content": "y"}] * count
    assert number({"messages": said}) == number({"messages": [*said, {"role": "user", "content": "Hello"}]})


# Garbage.

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
    | st.sampled_from(["user", "session_id", f"_session_{ID}", '{"session_id":"', "developer"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["role", "content", "parts", "user_id", "session_id", "text", "x"]), inner, max_size=4
    ),
    max_leaves=12,
)
NAMES = [
    "prompt_cache_key", "metadata", "messages", "input", "contents", "prompt", "instructions", "system", "systemInstruction",
    "system_instruction",
]


@FEW
@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5))
def test_no_body_is_too_odd(said: dict[str, Any]) -> None:
    """Whatever JSON stands where a conversation should, it is read without complaint and the same each time."""
    found, source = body(said)
    assert (found == 0) is (source == "")
    assert 0 <= found < 2**64
    assert body(said) == (found, source)


@FEW
@given(st.sampled_from(NAMES), st.binary(max_size=40))
def test_no_bytes_are_too_odd(name: str, written: bytes) -> None:
    """What passes for a JSON body at all can be asked for its session."""
    try:
        members = Peek(b'{"%b":%b}' % (name.encode(), written)).members
    except Refused:
        return
    found, source = of_body(SCOPE, members)
    assert (found == 0) is (source == "")


@FEW
@given(st.lists(st.tuples(st.sampled_from([*HEADERS, b"session_id", b"x", b"_", b""]), st.binary(max_size=20))))
def test_no_head_is_too_odd(headers: Headers) -> None:
    """Any field with any value."""
    found = of_headers(SCOPE, headers)
    named = [value for name, value in headers if value and name.replace(b"_", b"-") in HEADERS]
    assert found in [SCOPE.number(b"header", value) for value in named] if named else found == 0


def test_kinds_of_endpoints_with_a_conversation() -> None:
    """Where a prompt is looked for: never in what is uploaded, embedded or listed."""
    assert {"chat", "responses", "completions", "messages", "generateContent", "streamGenerateContent"} <= PROMPTED
    assert not {"embeddings", "files", "batches", "images", "audio", "models", "moderations"} & PROMPTED
