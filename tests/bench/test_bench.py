"""The benchmark: its arithmetic, its parsers, and one short run against nginx."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]

H2LOAD = """\
finished in 753.78ms, 79599.24 req/s, 16.09MB/s
requests: 60000 total, 60000 started, 60000 done, 59990 succeeded, 10 failed, 0 errored, 0 timeout
status codes: 59980 2xx, 0 3xx, 10 4xx, 10 5xx
"""


@pytest.fixture
def load_module(monkeypatch: pytest.MonkeyPatch) -> "Loader":
    """Modules of the benchmark, which is no part of the installed package."""
    monkeypatch.syspath_prepend(str(ROOT))
    return Loader()


class Loader:
    """Imports `bench.NAME`."""

    def __call__(self, name: str) -> ModuleType:
        """The module."""
        return importlib.import_module(f"bench.{name}")


@pytest.mark.parametrize("size", ["1k", "10k", "100k", "1m"])
def test_bodies_have_their_exact_size_and_are_chat_calls(load_module: Loader, size: str) -> None:
    """Padding is counted to the byte."""
    wire = load_module("wire")
    body = wire.chat_body(wire.SIZES[size])
    assert len(body) == wire.SIZES[size]
    assert json.loads(body)["messages"][1]["role"] == "user"


def test_a_request_carries_the_seventeen_headers_of_an_sdk(load_module: Loader) -> None:
    """Host and Content-Length included."""
    wire = load_module("wire")
    head = wire.raw_request(80, wire.headers("sk-x"), b"{}").partition(b"\r\n\r\n")[0]
    assert len(head.split(b"\r\n")) - 1 == wire.HEADER_COUNT


def test_only_requests_answered_2xx_count_as_successful(load_module: Loader) -> None:
    """What h2load calls a success may still be a 500."""
    outcome = load_module("load").parse(H2LOAD)
    assert (outcome.succeeded, outcome.failed) == (59_980, 20)
    assert outcome.seconds == pytest.approx(0.75378)


def test_ratios_are_taken_within_a_round_and_targets_judged_by_them(load_module: Loader) -> None:
    """A round on a slow moment is slow for both."""
    cells, report = load_module("cells"), load_module("report")
    values = {"nginx": [10.0, 20.0, 10.0], "stationmaster": [30.0, 40.0, 20.0], "litellm": [5000.0]}
    readings = [
        cells.Reading(name, "event", "µs CPU/event", value, {"streams": 200}, round=number)
        for name, all_values in values.items()
        for number, value in enumerate(all_values, 1)
    ]
    found = report.figures(readings)
    assert {one.gateway: one.times_nginx for one in found} == {
        "nginx": 1.0,
        "stationmaster": 2.0,
        "litellm": 500.0,
    }
    lost = report.lost(report.verdicts(found))
    assert len(lost) == 1
    assert "2.00" in lost[0]


def test_the_chart_is_well_formed_and_names_every_gateway(load_module: Loader) -> None:
    """It is XML, drawn by hand."""
    cells, report = load_module("cells"), load_module("report")
    readings = [
        cells.Reading(name, "event", "µs CPU/event", value, {"streams": 200})
        for name, value in (("nginx", 10.0), ("stationmaster", 15.0), ("litellm", 2700.0))
    ]
    drawing = load_module("chart").draw(report.figures(readings))
    words = " ".join(ET.fromstring(drawing).itertext())  # noqa: S314 - our own drawing
    assert all(title in words for title in ("nginx", "Stationmaster", "LiteLLM"))


def test_missing_programs_are_named_with_their_packages() -> None:
    """Exit 2, and what to install."""
    done = _bench("--quick", path="/nonexistent")
    assert done.returncode == 2
    assert "apt-get install nginx-light nghttp2-client" in done.stderr


@pytest.mark.needs("nginx")
@pytest.mark.needs("h2load")
def test_a_short_run_measures_nginx_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The whole way: processes, cells, files."""
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    done = _bench("--quick", "--only", "nginx", "--cells", "idle,1k,event", "--out", str(out), scratch=scratch)
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "partial.json").read_text())
    assert {one["cell"] for one in result["figures"]} == {"idle", "request-1k", "event"}
    assert not list(scratch.iterdir())


def _bench(*words: str, path: str | None = None, scratch: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = dict(os.environ) | ({"STATIONMASTER_BENCH_PATH": path} if path else {})
    env |= {"TMPDIR": str(scratch)} if scratch else {}
    return subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=55,
    )
