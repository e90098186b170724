"""Every row of `malformed_answers`, from a real socket through a real gateway: whole, byte by byte, and with a
poisoned answer behind it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

import rig
from gateway import kit
from wire.crooked import CrookedUpstream, End, Play
from wire.malformed_answers import BODY, CHUNK, LAST, POISON, ROWS, Row, chunked, head, sized
from wire.malformed_requests import HOST, KEY
from wire.raw import WAYS, Answer, Heard, Way, listen

SMALL = 1500
AT_ONCE = 16
PATIENCE = 40.0       # of a client; the gateway has less, and a test that passes needs none of it
CASES = [
    (row, way)
    for row in ROWS
    for way in WAYS
    if way == "whole"
    or (way == "bytewise" and len(row.raw) <= SMALL and not row.id.endswith("with-bytes"))
    or (way == "trailing" and len(row.raw) <= SMALL and row.want == "served" and row.end == "keep")
]  # bytes that come late, behind an answer that was whole, cannot be told from the next one: not a promise of HTTP
MARKS = {(row.id, way): b"bad-%04d" % number for number, (row, way) in enumerate(CASES)}


def play(row: Row, way: Way) -> Play:
    """How the upstream acts a row."""
    if way == "trailing":
        return Play(row.raw + POISON, row.end)
    return Play(row.raw, row.end, bytewise=way == "bytewise")


def request(kind: str, mark: bytes, *fields: bytes) -> bytes:
    """A good request of a caller, with its mark."""
    fixed = HOST + KEY + b"".join(field + b"\r\n" for field in fields)
    if kind in ("file", "head"):
        return (b"GET" if kind == "file" else b"HEAD") + b" /v1/files/" + mark + b" HTTP/1.1\r\n" + fixed + b"\r\n"
    doors = {
        "chat": (b"/v1/chat/completions", b'{"model":"%b"}'),
        "chat-stream": (
            b"/v1/chat/completions",
            b'{"model":"%b","stream":true,"stream_options":{"include_usage":true}}',
        ),
        "chat-withheld": (b"/v1/chat/completions", b'{"model":"%b","stream":true}'),
        "responses": (b"/v1/responses", b'{"model":"%b","stream":true}'),
        "messages": (b"/v1/messages", b'{"model":"claude-%b","stream":true,"max_tokens":9,"messages":[]}'),
        "gemini": (b"/v1beta/models/gemini-%b:streamGenerateContent?alt=sse", b'{"contents":[]}'),
    }
    path, body = doors[kind]
    path = path % mark if b"%b" in path else path
    body = body % mark if b"%b" in body else body
    size = b"content-length: %d\r\n\r\n" % len(body)
    return b"POST " + path + b" HTTP/1.1\r\n" + fixed + size + body


@dataclass
class Outcome:
    """What the caller saw of one row, and how the next request on the same connection fared (None: none could)."""

    heard: Heard
    after: Answer | None


@dataclass
class Played:
    """A finished run of all rows."""

    outcomes: dict[tuple[str, Way], Outcome]
    upstream: CrookedUpstream


def ask(gateway: rig.Gateway, row: Row, way: Way) -> Outcome:
    """One request for a row, and a good one behind it if the connection lives."""
    with gateway.connect() as client:
        method = "HEAD" if row.request == "head" else "POST"
        client.sendall(request(row.request, MARKS[row.id, way]))
        heard = listen(client, [method], PATIENCE, 1)
        after = None
        if heard.end == "open" and heard.answers and heard.answers[0].header("connection") != "close":
            client.sendall(request("chat", b"good"))
            then = listen(client, ["POST"], PATIENCE, 1)
            after = then.answers[0] if then.answers else None
            heard.rest += then.rest
        return Outcome(heard, after)


@pytest.fixture(scope="module")
def played(complaints: list[str]) -> Iterator[Played]:
    """All rows, all ways, many at once; then good requests on every connection that the gateway kept."""
    plays = {MARKS[row.id, way]: play(row, way) for row, way in CASES}
    with (
        CrookedUpstream(lambda mark, _: plays.get(mark, Play(sized()))) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url, answer_timeout=30.0, idle_timeout=30.0)) as gateway,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        running = {(row.id, way): pool.submit(ask, gateway, row, way) for row, way in CASES}
        outcomes = {key: job.result() for key, job in running.items()}
        list(pool.map(lambda _: gateway.talk(request("chat", b"good", b"connection: close")), range(4 * AT_ONCE)))
        yield Played(outcomes, upstream)


@pytest.mark.parametrize(("row", "way"), CASES, ids=[f"{row.id}-{way}" for row, way in CASES])
def test_broken_answers_are_told_as_such(row: Row, way: Way, played: Played) -> None:
    """Garbage is a 502 in the caller's dialect, a cut body never looks whole, and what is sound passes as it is."""
    outcome = played.outcomes[row.id, way]
    heard = outcome.heard
    assert not heard.rest, heard.rest[:200]
    if row.want == "broken" and not heard.answers:
        assert heard.end == "reset"
        return
    assert len(heard.answers) == 1, heard
    answer = heard.answers[0]
    assert b"poison" not in answer.body
    if row.want == "served" and answer.status != 502:
        assert answer.status in row.statuses, answer
        assert (answer.whole, answer.body) == (True, row.body)
        return
    if row.want == "broken" and answer.status == 200:
        assert not answer.whole
        assert heard.end in ("closed", "reset")
        return
    assert answer.status in row.statuses, answer
    check_ours(answer)


def check_ours(answer: Answer) -> None:
    """Our own error about the upstream."""
    assert answer.status == 502
    error = answer.json()["error"]
    assert error["type"] == "stationmaster_error"
    assert error["code"].startswith("upstream_")
    assert answer.header("content-type") == "application/json"


@pytest.mark.parametrize(("row", "way"), CASES, ids=[f"{row.id}-{way}" for row, way in CASES])
def test_broken_answers_poison_nothing(row: Row, way: Way, played: Played) -> None:
    """A connection whose answer was broken, cut or followed by more bytes never serves another request; the
    caller's next request gets its own answer; a request is sent twice at most."""
    mark = MARKS[row.id, way]
    for line in played.upstream.lines:
        if mark in line.asked and (not row.reusable or way == "trailing"):
            assert line.asked[-1] == mark, f"reused for {line.asked[line.asked.index(mark) + 1]!r}"
    after = played.outcomes[row.id, way].after
    if after is not None:
        assert (after.status, after.body) == (200, BODY)
    assert 1 <= played.upstream.asked(mark) <= 2


def test_no_answer_harmed_the_worker(played: Played, complaints: list[str]) -> None:
    """Broken answers are expected: the loop had no mistake of ours to catch."""
    assert complaints == []


def test_redirects_are_never_followed(played: Played) -> None:
    """No Location was ever asked for."""
    assert not [first for line in played.upstream.lines for first in line.asked if b"redirected" in first]


# Each dialect's own words.

DIALECTS = ("chat-stream", "responses", "messages", "gemini")
WRECKS: dict[str, tuple[bytes, End]] = {
    "garbage": (b"\x00\x01garbage\r\n\r\n", "keep"),
    "nothing": (b"", "fin"),
    "reset": (b"", "rst"),
    "half-head": (b"HTTP/1.1 200 OK\r\ncontent-", "fin"),
    "redirect": (sized(first=b"HTTP/1.1 307 Off"), "keep"),
    "two-lengths": (head(b"content-length: 1", b"content-length: 2") + b"{}", "keep"),
    "no-event": (head(b"transfer-encoding: chunked").replace(b"application/json", b"text/event-stream"), "fin"),
}


@pytest.fixture(scope="module")
def wrecked() -> Iterator[tuple[rig.Gateway, dict[bytes, Play], CrookedUpstream]]:
    """A gateway in front of an upstream whose script tests extend as they go."""
    plays: dict[bytes, Play] = {}
    with (
        CrookedUpstream(lambda mark, _: plays.get(mark, Play(sized()))) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url, answer_timeout=30.0, idle_timeout=30.0)) as gateway,
    ):
        yield gateway, plays, upstream


Wrecked = tuple[rig.Gateway, dict[bytes, Play], CrookedUpstream]
_marks = iter(range(5000, 9999))


def through(wrecked: Wrecked, kind: str, act: Play, *fields: bytes, http10: bool = False) -> Heard:
    """One request whose answer is `act`."""
    gateway, plays, _ = wrecked
    mark = b"bad-%04d" % next(_marks)
    plays[mark] = act
    raw = request(kind, mark, *fields)
    if http10:
        raw = raw.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    with gateway.connect() as client:
        client.sendall(raw)
        return listen(client, ["HEAD" if kind == "head" else "POST"], PATIENCE, 0 if http10 else 1)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("wreck", WRECKS)
def test_errors_speak_the_callers_dialect(dialect: str, wreck: str, wrecked: Wrecked) -> None:
    """A broken upstream is a 502 in the envelope that the caller's SDK parses, never `server_error`."""
    raw, end = WRECKS[wreck]
    heard = through(wrecked, dialect, Play(raw, end))
    answer = heard.answers[0]
    assert answer.status == 502
    told = answer.json()
    if dialect == "messages":
        assert told["type"] == "error"
        assert told["request_id"].startswith("req_")
        assert {"type", "message"} <= set(told["error"])
    elif dialect == "gemini":
        assert {"code", "message", "status", "details"} <= set(told["error"])
        assert told["error"]["code"] == 502
    else:
        assert {"message", "type", "param", "code"} <= set(told["error"])


# Streams cut at each phase.


def event(data: str, kind: str = "", eol: str = "\n") -> bytes:
    """One event."""
    return ((f"event: {kind}{eol}" if kind else "") + f"data: {data}{eol}{eol}").encode()


EVENTS: dict[str, list[bytes]] = {
    "chat-stream": [
        event('{"id":"c","choices":[{"index":0,"delta":{"role":"assistant"}}]}'),
        event('{"id":"c","choices":[{"index":0,"delta":{"content":"caf\u00e9 \U0001f682"}}]}'),
        event('{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'),
        event("[DONE]"),
    ],
    "responses": [
        event('{"type":"response.created","response":{"id":"resp_7","status":"in_progress"}}', "response.created"),
        event('{"type":"response.output_text.delta","delta":"caf\u00e9"}', "response.output_text.delta"),
        event('{"type":"response.completed","response":{"id":"resp_7","usage":null}}', "response.completed"),
    ],
    "messages": [
        event('{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3}}}', "message_start"),
        event('{"type":"content_block_delta","delta":{"type":"text_delta","text":"caf\u00e9"}}', "content_block_delta"),
        event('{"type":"message_stop"}', "message_stop"),
    ],
    "gemini": [
        event('{"candidates":[{"content":{"parts":[{"text":"caf\u00e9"}]}}],"usageMetadata":{}}', eol="\r\n"),
        event('{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3}}', eol="\r\n"),
    ],
}
EVENTS["chat-withheld"] = EVENTS["chat-stream"]


def stream_of(payloads: list[bytes], *, sized_as: int = 0) -> bytes:
    """An event-stream answer, a chunk a payload, without its last chunk; or with a length of `sized_as`."""
    framing = b"content-length: %d" % sized_as if sized_as else b"transfer-encoding: chunked"
    first = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + framing + b"\r\n\r\n"
    return first + b"".join(p if sized_as else b"%x\r\n%b\r\n" % (len(p), p) for p in payloads)


def cuts(dialect: str) -> dict[str, list[bytes]]:
    """What was sent before the cut, by phase."""
    events = EVENTS[dialect]
    middle = events[1] if len(events) > 2 else events[0]
    accent = middle.find(b"\xc3") + 1
    before = events[: events.index(middle)]
    return {
        "in-first-event": [events[0][:20]],
        "behind-first-event": [events[0]],
        "in-event": [*before, middle[: len(middle) // 2]],
        "in-character": [*before, middle[:accent]],
        "in-blank-line": [*before, middle[:-1]],
        "before-last": events[:-1],
    }


PHASES = ("in-first-event", "behind-first-event", "in-event", "in-character", "in-blank-line", "before-last")


@pytest.mark.parametrize("dialect", [*DIALECTS, "chat-withheld"])
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("end", ["fin", "rst", "bad-chunk", "sized-fin"])
def test_cut_streams_end_in_the_callers_dialect(dialect: str, phase: str, end: str, wrecked: Wrecked) -> None:
    """A stream that breaks off is ended by the dialect's own error event (Gemini: by a plain end), behind all that
    came whole; it never looks complete, and its connection ends."""
    sent = cuts(dialect)[phase]
    raw = stream_of(sent, sized_as=9999 if end == "sized-fin" else 0)
    act = Play(raw, pieces=(b"!!\r\n",)) if end == "bad-chunk" else Play(raw, "rst" if end == "rst" else "fin")
    heard = through(wrecked, dialect, act)
    answer = heard.answers[0]
    whole = b"".join(one for one in sent if one in EVENTS[dialect])
    if not whole:
        assert answer.status == 502  # nothing was passed yet
        return
    assert (answer.status, answer.header("content-type")) == (200, "text/event-stream")
    assert heard.rest == b""
    assert answer.whole or heard.end == "closed"
    assert answer.body.startswith(whole)
    added = answer.body[len(whole) :]
    if dialect == "gemini":
        assert added == b""  # no torn event either
        assert b"STOP" not in answer.body
        return
    last = added.decode("utf-8", "replace").replace("\r\n", "\n").strip("\n").rsplit("\n\n", 1)[-1]
    lines = dict(line.split(": ", 1) for line in last.split("\n"))
    if dialect == "responses":
        assert lines["event"] == "response.failed"
        assert '"status":"failed"' in lines["data"]
        assert ('"id":"resp_7"' in lines["data"]) is (len(sent) > 1 or phase == "behind-first-event")
    elif dialect == "messages":
        assert lines["event"] == "error"
        assert '"type":"error"' in lines["data"]
        assert b"message_stop" not in answer.body
    else:
        assert lines["data"].startswith('{"error":{')
        assert b"[DONE]" not in answer.body
    assert added.count(b"stream broke off") == 1


@pytest.mark.parametrize("dialect", [*DIALECTS, "chat-withheld"])
def test_whole_streams_pass_byte_for_byte(dialect: str, wrecked: Wrecked) -> None:
    """A whole stream is the same bytes, with a length, in chunks or ended by the close."""
    body = b"".join(EVENTS[dialect])
    plain = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
    for act in (
        Play(stream_of(EVENTS[dialect]) + LAST),
        Play(stream_of([body], sized_as=len(body))),
        Play(plain + body, "fin"),
        Play(stream_of(EVENTS[dialect]) + LAST, bytewise=True),
    ):
        answer = through(wrecked, dialect, act).answers[0]
        assert (answer.status, answer.whole, answer.body) == (200, True, body)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_comments_of_ours_never_break_a_counted_stream(dialect: str) -> None:
    """A silent stream gets a comment line of ours; where the upstream stated a length, the framing stays right and
    nothing of it lands in the next answer."""
    events = EVENTS[dialect]
    raw = stream_of([events[0]], sized_as=sum(map(len, events)))
    quiet = Play(raw, pieces=(b"",) * 90 + (b"".join(events[1:]),))
    with (
        CrookedUpstream(lambda mark, _: quiet if mark == b"bad-0000" else Play(sized())) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url, keepalive_comment=0.6)) as gateway,
        gateway.connect() as client,
    ):
        client.sendall(request(dialect, b"bad-0000"))
        answer = listen(client, ["POST"], PATIENCE, 1).answers[0]
        assert b": keep-alive\n\n" in answer.body
        assert answer.body.replace(b": keep-alive\n\n", b"") == b"".join(events)
        client.sendall(request("chat", b"good"))
        assert listen(client, ["POST"], PATIENCE, 1).answers[0].body == BODY


# Header fields.

UPSTREAM_FIELDS: list[tuple[bytes, bytes]] = [
    (b"Date", b"Mon, 21 Sep 2026 14:13:20 GMT"),
    (b"Server", b"vendor/9"),
    (b"Set-Cookie", b"__cf_bm=secret; path=/"),
    (b"Set-Cookie", b"second=1"),
    (b"Content-Type", b"application/json"),
    (b"Cache-Control", b"private"),
    (b"ETag", b'"e"'),
    (b"X-Request-Id", b"req_vendor"),
    (b"Request-Id", b"req_two"),
    (b"apim-request-id", b"apim"),
    (b"OpenAI-Version", b"2020-10-01"),
    (b"OpenAI-Processing-Ms", b"12"),
    (b"OpenAI-Organization", b"acme"),
    (b"OpenAI-Project", b"proj"),
    (b"anthropic-organization-id", b"org"),
    (b"anthropic-ratelimit-requests-remaining", b"9"),
    (b"x-ratelimit-limit-requests", b"5"),
    (b"x-ratelimit-remaining-tokens", b"7"),
    (b"Retry-After", b"3"),
    (b"Retry-After-Ms", b"2500"),
    (b"X-Should-Retry", b"true"),
    (b"CF-RAY", b"abc"),
    (b"cf-cache-status", b"DYNAMIC"),
    (b"alt-svc", b"h3=1"),
    (b"Strict-Transport-Security", b"max-age=1"),
    (b"Via", b"1.1 x"),
    (b"Keep-Alive", b"timeout=5"),
    (b"Proxy-Authenticate", b"Basic"),
    (b"WWW-Authenticate", b"Bearer"),
    (b"Trailer", b"x"),
    (b"Upgrade", b"h2"),
    (b"Location", b"http://elsewhere.test/"),
    (b"Refresh", b"0; url=x"),
    (b"Link", b"<x>"),
    (b"Access-Control-Allow-Origin", b"*"),
    (b"Content-Security-Policy", b"x"),
    (b"X-Stationmaster-Request-Id", b"forged"),
    (b"Server-Timing", b"a"),
    (b"Report-To", b"{}"),
    (b"X-Envoy-Upstream-Service-Time", b"8"),
    (b"X-Internal-Host", b"10.0.0.1"),
    (b"x-codex-turn-state", b"state"),
    (b"x-models-etag", b"models"),
    (b"Deprecation", b"true"),
    (b"Sunset", b"then"),
    (b"Last-Modified", b"then"),
    (b"Expires", b"0"),
    (b"Content-Language", b"en"),
    (b"Content-Disposition", b"attachment"),
    (b"Accept-Ranges", b"bytes"),
    (b"Content-Range", b"bytes 0-1/2"),
    (b"Allow", b"GET"),
]
TO_CALLER = {
    "date",
    "content-type",
    "cache-control",
    "etag",
    "x-request-id",
    "request-id",
    "apim-request-id",
    "openai-version",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-codex-turn-state",
    "x-models-etag",
    "deprecation",
    "sunset",
    "last-modified",
    "expires",
    "content-language",
    "content-disposition",
    "accept-ranges",
    "content-range",
    "allow",
}


def lines_of(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Fields as lines."""
    return b"".join(b"%b: %b\r\n" % field for field in fields)


@pytest.mark.parametrize("spelling", ["as-is", "lower", "upper"])
@pytest.mark.parametrize("status", [b"200 OK", b"429 Slow", b"404 No"])
def test_callers_see_the_listed_fields_only(spelling: str, status: bytes, wrecked: Wrecked) -> None:
    """The golden list: every listed field passes with its value, in any spelling; cookies, rate limits of the
    credential, organisation ids, hop-by-hop and unknown fields never do; the second time as the first."""
    changes: dict[str, Callable[[bytes], bytes]] = {"as-is": bytes, "lower": bytes.lower, "upper": bytes.upper}
    change = changes[spelling]
    fields = [(change(name), text) for name, text in UPSTREAM_FIELDS]
    raw = b"HTTP/1.1 " + status + b"\r\n" + lines_of(fields) + b"content-length: 2\r\n\r\n{}"
    wanted = {
        name.decode().lower(): text.decode() for name, text in UPSTREAM_FIELDS if name.decode().lower() in TO_CALLER
    }
    for _ in range(2):
        answer = through(wrecked, "chat", Play(raw)).answers[0]
        seen = dict(answer.headers)
        ours = {"content-length", "x-stationmaster-request-id"}
        assert set(seen) - ours == TO_CALLER
        assert {name: text for name, text in seen.items() if name not in ours} == wanted
        assert seen["x-stationmaster-request-id"] != "forged"
        assert len(answer.headers) == len(seen)


def test_remembered_heads_are_judged_as_strictly(wrecked: Wrecked) -> None:
    """After many equal heads on one connection, one that differs in a volatile line only is read no less
    strictly, and its values are its own."""
    names = (b"date", b"x-request-id", b"set-cookie", b"x-ratelimit-limit-requests", b"openai-processing-ms", b"cf-ray")
    gateway, plays, _ = wrecked

    def raw(value: bytes, length: bytes = b"2") -> bytes:
        return head(*[name + b": " + value for name in names], b"content-length: " + length) + b"{}"

    bad = [
        raw(b"a\x00"),
        raw(b"a\x01b"),
        raw(b"a\rb"),
        raw(b"a\nb"),
        raw(b"a\r\n b"),
        raw(b"\x7f"),
        raw(b"a", b"+2"),
        raw(b"a", b"2 2"),
        raw(b"a", b"2, 2"),
        raw(b"a", b"2\r\ncontent-length: 3"),
        raw(b"a", b"2\r\ntransfer-encoding: chunked"),
        raw(b"a", b""),
        raw(b"a", b"-2"),
        raw(b"a", b"9" * 30),
        raw(b"a\r\n\x00: b"),
    ]
    for wrong in bad:
        with gateway.connect() as client:
            for number in range(12):
                mark = b"bad-%04d" % next(_marks)
                plays[mark] = Play(raw(b"value-%d" % number))
                client.sendall(request("chat", mark))
                answer = listen(client, ["POST"], PATIENCE, 1).answers[0]
                assert [answer.header(name) for name in ("date", "x-request-id", "openai-processing-ms")] == [
                    f"value-{number}"
                ] * 3
                assert answer.header("set-cookie") is None
            mark = b"bad-%04d" % next(_marks)
            plays[mark] = Play(wrong)
            client.sendall(request("chat", mark))
            answer = listen(client, ["POST"], PATIENCE, 1).answers[0]
            assert (answer.status, wrong) == (502, wrong)


def test_http10_callers_get_no_chunks(wrecked: Wrecked) -> None:
    """A caller of HTTP/1.0 gets a chunked answer by its length or by the close (RFC 9112 6.1)."""
    heard = through(wrecked, "chat", Play(chunked(CHUNK + LAST)), http10=True)
    assert heard.answers[0].header("transfer-encoding") is None
    assert (heard.answers[0].body, heard.end) == (BODY, "closed")


# Connections that died in the pool.


@pytest.mark.parametrize("end", ["fin", "rst"])
def test_stale_connection_is_replaced_once(end: End) -> None:
    """An idle connection that the upstream closes as the next request arrives costs nothing: the request is sent
    again, once, on a fresh connection."""

    def script(mark: bytes, nth: int) -> Play:
        return Play(sized()) if nth == 1 else Play(b"", end)

    with (
        CrookedUpstream(script) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway,
        gateway.connect() as client,
    ):
        for number in range(5):
            mark = b"bad-%04d" % number
            client.sendall(request("chat", mark))
            answer = listen(client, ["POST"], PATIENCE, 1).answers[0]
            assert (answer.status, answer.body) == (200, BODY)
            assert upstream.asked(mark) == (2 if number else 1)


@pytest.mark.parametrize("end", ["fin", "rst"])
def test_second_failure_is_told(end: End) -> None:
    """When the fresh connection fails too the caller is told; there is no third try."""

    def script(mark: bytes, nth: int) -> Play:
        return Play(sized()) if mark == b"bad-0000" else Play(b"", end)

    with (
        CrookedUpstream(script) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway,
        gateway.connect() as client,
    ):
        for mark, status, tries in ((b"bad-0000", 200, 1), (b"bad-0001", 502, 2)):
            client.sendall(request("chat", mark))
            assert listen(client, ["POST"], PATIENCE, 1).statuses == [status]
            assert upstream.asked(mark) == tries


@pytest.mark.parametrize(
    "raw", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\x00", head(b"content-length: 9")]
)
@pytest.mark.parametrize("end", ["fin", "rst"])
def test_answered_in_part_is_not_sent_again(raw: bytes, end: End) -> None:
    """Once any byte of an answer came the vendor may have worked: no second try, even on a reused connection."""

    def script(mark: bytes, nth: int) -> Play:
        return Play(sized()) if mark == b"bad-0000" else Play(raw, end)

    with (
        CrookedUpstream(script) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway,
        gateway.connect() as client,
    ):
        for mark, status in ((b"bad-0000", 200), (b"bad-0001", 502)):
            client.sendall(request("chat", mark))
            assert listen(client, ["POST"], PATIENCE, 1).statuses == [status]
            assert upstream.asked(mark) == 1


def test_unasked_bytes_end_an_idle_connection() -> None:
    """An upstream that speaks although nobody asked loses its connection; its words reach nobody."""

    def script(mark: bytes, nth: int) -> Play:
        return Play(sized(), pieces=(POISON,) if mark == b"bad-0000" else ())

    with (
        CrookedUpstream(script) as upstream,
        rig.running_gateway(rig.snapshot_for(upstream.url)) as gateway,
        gateway.connect() as client,
    ):
        for number in range(3):
            client.sendall(request("chat", b"bad-%04d" % number))
            answer = listen(client, ["POST"], PATIENCE, 1).answers[0]
            assert answer.body == BODY
            if not number:
                kit.wait_for(lambda: all(line.over for line in upstream.lines if b"bad-0000" in line.asked))
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
        assert [line.asked for line in upstream.lines if b"bad-0000" in line.asked] == [[b"bad-0000"]]
