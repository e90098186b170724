"""`stationmaster gateway explain`: a request's event told in words, from what a real gateway wrote, and from odd files."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain
from stationmaster.cli.explain import find
from stationmaster.gateway.core.events import Event, Try, encode_all
from stationmaster.gateway.core.health import Transition
from stationmaster.gateway.core.snapshot import Credential, Member, Pool
from stationmaster.sandbox.server import SandboxServer

Run = Callable[..., subprocess.CompletedProcess[str]]

TRANSITION = Transition(1.8e9, "b", "unknown", "suspect", "invalid_key", "invalid_api_key", "req_1", 401, 0.0, 0.0)


def event(**changes: Any) -> Event:
    """An ordinary request's event, with changes."""
    empty: dict[str, Any] = {"int": 0, "float": 0.0, "str": "", "bool": False}
    fields = {
        field.name: empty.get(getattr(field.type, "__name__", "")) for field in msgspec.structs.fields(Event)
    }
    usual = {
        "time": 1.8e9, "request_id": "req_1", "key": "k", "model": "m", "sent_model": "m", "credential": "a",
        "attempts": 1, "status": 200, "upstream_status": 200, "usage_source": "none", "session": "", "tried": (),
    }  # fmt: skip
    return Event(**{**fields, **usual, **changes})


def told(text: str) -> dict[str, list[str]]:
    """The printed lines by their subject."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        found.setdefault(line[:11].strip(), []).append(line[13:])
    return found


@pytest.fixture
def events(tmp_path: Path, vendor: SandboxServer) -> tuple[Path, str]:
    """A real gateway's events, and the id of a request whose first two members refused it or were out."""
    made = rig.snapshot_for(vendor.url)
    others = (
        Credential("refused", "openai", "explain-sandbox-401", f"{vendor.url}/v1"),
        Credential("off", "openai", "explain-off", f"{vendor.url}/v1", disabled=True),
    )
    members = (Member("refused"), Member("off"), Member("openai", priority=1))
    pools = tuple(Pool("openai", members) if pool.id == "openai" else pool for pool in made.pools)
    snapshot = msgspec.structs.replace(made, credentials=(*made.credentials, *others), pools=pools)
    with rig.running_gateway(snapshot, calm=False) as gateway:
        head = [("x-stationmaster-session", "s-1"), plain.BEARER, plain.JSON]
        body = plain.dump(plain.responses("fast", said="one two"))
        answer = plain.ask(gateway.port, "POST", "/v1/responses", body, head)
        assert answer.status == 200
        gateway.event(answer.request_id)
        kit.wait_for(lambda: [line["event"] for line in gateway.all_events()].count("credential") == 2)
        lines = "\n".join(json.dumps(line) for line in gateway.all_events())
    (tmp_path / "events.jsonl").write_text(lines + "\n")
    return tmp_path / "events.jsonl", answer.request_id


def test_it_works(run: Run, events: tuple[Path, str]) -> None:
    """Who asked, for what, how its session was known, who was tried and skipped and why, who answered, at what cost."""
    file, request_id = events
    done = run("gateway", "explain", request_id, "--events", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    lines = told(done.stdout)
    assert lines["request"][0].startswith(f"{request_id}, ended 20")
    assert lines["asked by"] == ["key rig of the rig, tenant rig"]
    assert lines["asked for"] == ["model fast, sent as gpt-4o-mini (POST responses, openai)"]
    assert lines["pool"] == ["openai"]
    assert lines["session"] == ["known by a header that the client sent"]
    assert lines["tried"] == ["refused: HTTP 401, invalid_key (invalid_api_key)"]
    assert "off: an operator disabled it" in lines["skipped"]
    assert lines["answered by"][0].startswith("openai: HTTP 200")
    assert lines["client got"] == ["HTTP 200; attempts upstream: 2"]
    assert " s, first byte after " in lines["took"][0]
    assert lines["tokens"][0].endswith("(the vendor's own count)")
    assert lines["credential"][0].startswith("refused: unknown → suspect (invalid_key, invalid_api_key)")


def test_as_json_from_stdin(events: tuple[Path, str]) -> None:
    """The same as data: the events as they were written."""
    file, request_id = events
    command = [sys.executable, "-m", "stationmaster", "gateway", "explain", request_id, "--events", "-", "--output", "json"]
    done = subprocess.run(command, input=file.read_text(), capture_output=True, text=True, check=True, timeout=50)
    found = json.loads(done.stdout)
    written = [json.loads(line) for line in file.read_text().splitlines()]
    assert found["request"] in written
    assert found["request"]["request_id"] == request_id
    assert [move["credential"] for move in found["credentials"]] == ["refused", "openai"]


@pytest.mark.parametrize(
    ("changes", "subject", "expected"),
    [
        ({"key": ""}, "asked by", "nobody we know: no virtual key was recognised"),
        ({"credential": "", "attempts": 0}, "answered by", "no credential"),
        ({"upstream_status": 0}, "answered by", "a: no answer"),
        ({"status": 499, "client_left": True}, "client got", "HTTP 499, and left before the end; attempts upstream: 1"),
        ({"status": 502, "error": "upstream_closed"}, "client got", "HTTP 502, our own answer; attempts upstream: 1"),
        ({"status": 502, "error": "upstream_closed"}, "error", "upstream_closed (docs/reference/errors.md)"),
        ({"pool": "main", "tried": (Try("b", 0, "upstream", "upstream_closed", "main"),)}, "tried",
         "b: no answer, upstream (upstream_closed)"),
        ({"tried": (Try("b", 503, "upstream", "", "q"),)}, "tried", "b in pool q: HTTP 503, upstream"),
        ({"skipped": {"b": "rpm"}}, "skipped", "b: its requests a minute were used up"),
        ({"skipped": {"b": "billing"}}, "skipped", "b: out of service, billing"),
        ({"session": "prompt"}, "session", "known by how the conversation begins"),
        ({"duration_us": 1_500_000}, "took", "1.500 s, no byte of an answer"),
        ({"overhead_us": 1_200}, "took", "0.000 s, no byte of an answer, the gateway's own part 1.2 ms"),
        ({}, "tokens", "none known"),
        ({"model": "m\x1b[31m"}, "asked for", "model m�[31m, sent as m ( , )"),
    ],
)
def test_words(run: Run, tmp_path: Path, changes: dict[str, Any], subject: str, expected: str) -> None:
    """Each case has its words; what a client made up cannot colour the terminal."""
    (tmp_path / "e").write_bytes(encode_all([event(**changes)]))
    done = run("gateway", "explain", "req_1", "--events", "e")
    assert told(done.stdout)[subject] == [expected]


def test_the_newest_wins() -> None:
    """Of two events with one id the later line counts; what is no event is passed over; lines are read one at a time."""
    read = []

    def lines() -> Iterator[bytes]:
        for line in (
            b"\n", b"no JSON, but req_1\n", b'"req_1"\n', b'{"event":"events_dropped","count":3}\n',
            encode_all([event(status=500)]), encode_all([TRANSITION]), encode_all([event(request_id="req_12")]),
            encode_all([event(status=200)]), b'{"event":"request","request_id":"req_1","sta',
        ):  # fmt: skip
            read.append(line)
            yield line

    request, moves = find(lines(), "req_1")
    assert request is not None
    assert request["status"] == 200
    assert [move["credential"] for move in moves] == ["b"]
    assert len(read) == 9


def test_an_older_gateways_event(run: Run, tmp_path: Path) -> None:
    """An event without the newer fields is told as far as it goes."""
    (tmp_path / "e").write_text('{"event":"request","request_id":"req_1","status":200}\n')
    done = run("gateway", "explain", "req_1", "--events", "e")
    assert (done.returncode, done.stderr) == (0, "")
    assert "session" not in told(done.stdout)


def test_only_a_transition(run: Run, tmp_path: Path) -> None:
    """A request that is still under way may have shown something of a credential already."""
    (tmp_path / "e").write_bytes(encode_all([TRANSITION]))
    done = run("gateway", "explain", "req_1", "--events", "e")
    assert done.stdout == "credential   b: unknown → suspect (invalid_key, invalid_api_key)\n"


def test_not_found(run: Run, tmp_path: Path) -> None:
    """An id that is not there: exit code 1 and what to look at. A file that is not there: 2."""
    (tmp_path / "e").write_bytes(encode_all([event()]))
    done = run("gateway", "explain", "req_2", "--events", "e")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no event has this request id\nhint: ")
    gone = run("gateway", "explain", "req_1", "--events", "nowhere")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gone.stderr.startswith("error: cannot read nowhere: No such file or directory\nhint: ")


@pytest.mark.parametrize("words", [["explain"], ["explain", "req_1"], ["explian", "req_1", "--events", "e"]])
def test_asked_wrongly(run: Run, words: list[str]) -> None:
    """Without an id, without a file, or misspelt: exit code 2, and no gateway is started."""
    done = run("gateway", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
