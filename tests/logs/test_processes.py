"""The log of the processes themselves: what `log.format` and `log.level` do to `stationmaster up`."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from up.kit import Up, running, until

pytestmark = pytest.mark.timeout(300)      # seconds: everything is started anew each time


def requests(up: Up) -> list[dict[str, Any]]:
    """The lines of requests, where lines are JSON."""
    lines = [json.loads(line) for line in up.said.splitlines() if line.startswith("{")]
    return [line for line in lines if line["logger"] == "stationmaster.requests"]


def test_a_saved_format_counts_from_the_next_start(tmp_path: Path) -> None:
    """At first people read what is said, without a line for each request; what an admin saves counts at the next start, and
    then each request of the console's port is one JSON line. What is said to whoever started it stays text."""
    with running(tmp_path) as up:
        up.command("settings", "set", "log.format", "json")
        assert httpx.get(f"{up.console}/api/v1/me", trust_env=False).status_code == 401
        assert up.end() == 0
        assert "stationmaster.requests" not in up.said
        assert "uvicorn" not in up.said
    with running(tmp_path) as up:
        answer = httpx.get(f"{up.console}/api/v1/me?x=1", trust_env=False)
        until(lambda: any(line["route"] == "/api/v1/me" for line in requests(up)), "the request's line")
        (line,) = (line for line in requests(up) if line["route"] == "/api/v1/me")
        assert (line["method"], line["status"], line["actor"], line["level"]) == ("GET", 401, "-", "info")
        assert line["request_id"] == answer.headers["x-stationmaster-request-id"]
        assert f"Console  {up.console}" in up.said
        assert up.end() == 0


def test_a_level_of_the_environment(tmp_path: Path) -> None:
    """At debug requests have their line in text too; at error they have none in JSON."""
    with running(tmp_path, environ={"STATIONMASTER__LOG__LEVEL": "debug"}) as up:
        httpx.get(f"{up.console}/api/v1/me", trust_env=False)
        until(lambda: "request method=GET route=/api/v1/me status=401" in up.said, "the request's line")
        assert up.end() == 0
    with running(tmp_path, environ={"STATIONMASTER__LOG__LEVEL": "error", "STATIONMASTER__LOG__FORMAT": "json"}) as up:
        httpx.get(f"{up.console}/api/v1/me", trust_env=False)
        assert up.end() == 0
        assert requests(up) == []
