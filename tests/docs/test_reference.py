"""The reference pages say what the code does."""

import json
import math
import re
from pathlib import Path

import pytest

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.endpoints import DIALECTS, Dialect, Meter
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.health import Transition
from stationmaster.gateway.core.probes import PROBES

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def rows(page: str) -> dict[str, list[str]]:
    """A page's table rows by the code in their first cell."""
    found = re.findall(r"^\| `([^`]+)` \|(.*)\|$", (PAGES / page).read_text(), re.MULTILINE)
    return {code: [cell.strip() for cell in rest.split(" | ")] for code, rest in found}


def every_fault() -> list[faults.Fault]:
    """All answers of our own, the ones made on the spot included."""
    named = [value for value in vars(faults).values() if isinstance(value, faults.Fault)]
    return [*named, faults.no_route("m"), faults.model_refused("m"), faults.method_refused(("GET",)),
            faults.not_spoken(("openai",)), faults.budget_spent("day", 1.0), faults.budget_spent("total", math.inf)]


def test_every_error_code_is_explained() -> None:
    """errors.md has each code of ours, with its status; and no code that does not exist."""
    explained = rows("errors.md")
    expected = {fault.code: str(fault.status) for fault in every_fault()}
    syntax = {code for code, cells in explained.items() if cells[0].startswith("4") or cells[0] in ("501", "505")}
    assert {code: cells[0] for code, cells in explained.items() if code in expected} == expected
    assert set(explained) - set(expected) <= syntax


def test_every_event_field_is_explained() -> None:
    """events.md has each field of either event, and no other."""
    requests, _, credentials = (PAGES / "events.md").read_text().partition("## Credentials")
    assert fields(requests) == {"event", *Event.__struct_fields__}
    assert fields(credentials) == {"event", *Transition.__struct_fields__}


def fields(text: str) -> set[str]:
    """The codes in a text's first cells."""
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def test_every_probe_is_told() -> None:
    """credential-life.md names what each vendor is asked."""
    section = (PAGES / "credential-life.md").read_text().partition("## Probes")[2].partition("\n## ")[0]
    asked = dict(re.findall(r"^\| (`.+`) \| `GET (\S+)` \|$", section, re.MULTILINE))
    assert {vendor: next(path for names, path in asked.items() if f"`{vendor}`" in names)[-len(probe.path) :]
            for vendor, probe in PROBES.items()} == {vendor: probe.path for vendor, probe in PROBES.items()}


def test_no_error_of_ours_looks_like_a_vendors() -> None:
    """Every envelope carries our type and code; none says `server_error` on a 4xx (a client retries by that)."""
    for fault in every_fault():
        for dialect in DIALECTS:
            body = faults.envelope(fault, dialect, "req_1")
            assert fault.code.encode() in body or fault.code.upper().encode() in body
            assert b"req_1" in body
            assert b"server_error" not in body


@pytest.mark.parametrize(
    ("meter", "dialect", "inside"),
    [(Meter.CHAT, "openai", ("error",)), (Meter.CHAT, "azure", ("error",)), (Meter.MESSAGES, "anthropic", ("error",)),
     (Meter.RESPONSES, "openai", ("response", "error"))],
)
def test_a_streams_error_is_like_every_other(meter: Meter, dialect: Dialect, inside: tuple[str, ...]) -> None:
    """An error on an open stream has the type and the hint of every error of ours, and the request id in its text."""
    for fault in (faults.STREAM_DRAINED, faults.STREAM_BROKEN):
        told = json.loads(faults.stream_ending(fault, meter, dialect, "req_1").partition(b"data: ")[2])
        for name in inside:
            told = told[name]
        assert (told["type"], told["hint"]) == (faults.TYPE, fault.hint)
        assert told["code"] == ("server_error" if meter is Meter.RESPONSES else fault.code)
        assert "(request req_1)" in told["message"]


def test_stream_endings() -> None:
    """Each dialect's ending is whole events, but for Gemini, where the end itself is the sign."""
    fault = faults.STREAM_BROKEN
    assert faults.stream_ending(fault, Meter.GEMINI, "gemini", "req_1") == b""
    assert faults.stream_ending(fault, Meter.CHAT, "openai", "req_1").startswith(b'data: {"error":')
    assert faults.stream_ending(fault, Meter.MESSAGES, "anthropic", "req_1").startswith(b"event: error\ndata: ")
    failed = faults.stream_ending(fault, Meter.RESPONSES, "openai", "req_1", "resp_1")
    assert failed.startswith(b"event: response.failed\n")
    assert b'"id":"resp_1"' in failed
