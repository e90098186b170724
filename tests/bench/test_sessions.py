"""The benchmark's load of many sessions, and its figures about choosing a credential."""

import importlib
import itertools
import json
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
Load = Callable[[str], ModuleType]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture
def load_module(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Modules of the benchmark, which is no part of the installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"bench.{name}")


def test_sessions_come_and_go(load_module: Load) -> None:
    """A thousand take turns; none asks more than twenty times, and for each that ends the next number begins."""
    client = load_module("sessions_client")
    asked = list(itertools.islice(client.sessions(7), 100 * client.SESSIONS))
    assert max(Counter(asked).values()) == client.TURNS
    assert list(dict.fromkeys(asked)) == list(range(7, max(asked) + 1))
    for at in range(0, len(asked) - client.SESSIONS, 997):
        assert len(set(asked[at : at + client.SESSIONS])) == client.SESSIONS
    fresh = [len(set(turn)) for turn in (asked[:1000], asked[-1000:])]
    assert fresh == [1000, 1000]
    assert max(asked) - 7 == pytest.approx(len(asked) / client.TURNS, rel=0.3)


def test_only_the_name_differs(load_module: Load) -> None:
    """Two sessions' requests are of one length, and without the name's line what everybody else sends."""
    wire = load_module("wire")
    body = wire.chat_body(wire.SIZES["1k"])
    before, after = wire.any_session(80, wire.headers("sk-x"), body)
    requests = [before + wire.session_name(number) + after for number in (0, 1_000_999_999)]
    assert len({len(request) for request in requests}) == 1
    for request in requests:
        line = re.search(rb"x-stationmaster-session: session-\d{10}\r\n", request)
        assert line is not None
        assert request.replace(line[0], b"") == wire.raw_request(80, wire.headers("sk-x"), body)


def test_an_answer_ends_where_its_length_says(load_module: Load) -> None:
    """Fed byte by byte there is no status until the last; an answer that states no length is refused."""
    client = load_module("sessions_client")
    assert [client.status_of(ANSWER[:end]) for end in range(len(ANSWER))] == [0] * len(ANSWER)
    assert client.status_of(ANSWER) == 200
    assert client.status_of(ANSWER.replace(b"200 OK", b"429 No")) == 429
    with pytest.raises(client.BadAnswerError):
        client.status_of(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")


class Vendor(BaseHTTPRequestHandler):
    """Refuses every third request and hangs up on every tenth."""

    protocol_version = "HTTP/1.1"
    sessions: list[str]
    lock = threading.Lock()

    def do_POST(self) -> None:
        """Answer one."""
        self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            self.sessions.append(self.headers["x-stationmaster-session"])
            count = len(self.sessions)
        if count % 10 == 0:
            self.close_connection = True
            return
        self.send_response(503 if count % 3 == 0 else 200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Nothing."""


@pytest.mark.parametrize("per_second", [0.0, 400.0])
def test_what_the_client_counts_is_what_came(load_module: Load, tmp_path: Path, per_second: float) -> None:
    """Refusals and lost connections count as failed, everything else as succeeded, each session once."""
    wire = load_module("wire")
    Vendor.sessions = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        threading.Thread(target=server.serve_forever, name="vendor").start()
        port = server.server_port
        files = [tmp_path / "before", tmp_path / "after"]
        for file, part in zip(files, wire.any_session(port, wire.headers("sk-x"), b"{}"), strict=True):
            file.write_bytes(part)
        command = [sys.executable, "-m", "bench.sessions_client", str(port), "4", str(per_second), "1", *map(str, files)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
        server.shutdown()
    assert done.returncode == 0, done.stderr
    counts, came = json.loads(done.stdout), Vendor.sessions
    lost, refused = len(came) // 10, len(came) // 3 - len(came) // 30
    assert (counts["failed"], counts["succeeded"]) == (lost + refused, len(came) - lost - refused)
    assert counts["succeeded"] > 20
    assert counts["sessions"] == len(set(came))
    if per_second:
        assert len(came) <= per_second * 1.2


def test_choosing_is_judged_by_its_ratio(load_module: Load) -> None:
    """Ten thousand against ten, within a round; in a table and a JSON list of their own."""
    cells, report, page = load_module("cells"), load_module("report"), load_module("page")
    readings = [
        cells.Reading(
            "stationmaster", f"choice-{size}", "µs/choice", value,
            {"times_least": value / base, "troubled_us": 2 * value, "ring_ms": size / 50}, round=number,
        )
        for number, base in enumerate((0.5, 1.0, 0.6), 1)
        for size, value in ((10, base), (1000, base * 1.5), (10_000, base * 3.5))
    ]  # fmt: skip
    found = report.figures(readings)
    assert report.table(found) == []
    row = "| one choice (µs) | 0.60 (1.0 x) | 0.90 (1.5 x) | 2.10 (3.5 x) |"
    assert row.replace("x", report.TIMES) in page.summary(found, []).splitlines()
    told = report.as_json(found, readings, [], {})
    assert told["figures"] == []
    assert [one["credentials"] for one in told["choosing"]] == [10, 1000, 10_000]
    assert told["lost"] == [f"choosing one of 10,000 credentials: 3.50 {report.TIMES} of 10, target ≤ 3 {report.TIMES} of 10"]


def test_all_credentials_take_part_in_what_is_timed(load_module: Load) -> None:
    """Of a thousand credentials nearly all are chosen; of those out of service none."""
    choice = load_module("choice")
    subject, sessions = choice._subject(1000), choice._sessions()

    def chosen() -> set[str]:
        return {subject.pool.choose(subject.tiers, session, choice.NOW).id for session in sessions}

    assert len(chosen()) > 950
    subject.trouble(choice.Life("cooling", until=choice.NOW + 60))
    out = set(subject.names[:: choice.ONE_OF])
    assert len(out) == 200
    assert not chosen() & out


def test_every_cell_is_somebodys(load_module: Load) -> None:
    """The cells that exist are those that gateways are measured in, and only Stationmaster's differ from nginx's."""
    cells, gateways = load_module("cells"), load_module("gateways")
    assert {name for gateway in gateways.ALL for name in gateway.cells} == set(cells.NAMES)
