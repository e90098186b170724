"""What the control plane and its worker tell a receiver: requests by their route, jobs and their items; nothing secret."""

import json
from pathlib import Path
from typing import Any

from telemetry.receiver import receiving
from telemetry.test_gateway import SPAN, TRACE, said
from up.kit import free_ports, running, until

HEADERS = "authorization=Bearer secret-of-the-collector"


def environ(url: str) -> dict[str, str]:
    """The settings, as variables."""
    name = "STATIONMASTER_TELEMETRY"
    return {f"{name}_ENDPOINT": url, f"{name}_HEADERS": HEADERS, f"{name}_RATIO": "1"}


def planes(bodies: list[bytes]) -> set[str]:
    """Who sent something."""
    found = set()
    for body in bodies:
        for part in json.loads(body).get("resourceSpans", []):
            said_of = {each["key"]: each["value"].get("stringValue", "") for each in part["resource"]["attributes"]}
            found.add(said_of["stationmaster.plane"])
    return found


def test_everything_on_one_machine(tmp_path: Path) -> None:
    """One setting of `up` has the gateway, the control plane and its worker send: a request through REST by its route, in the
    caller's trace, a job with its items below it; no token, no header, no path with an id in it."""
    (port,) = free_ports(1)
    words = ("--sandbox-port", str(port))
    with receiving() as receiver, running(tmp_path, *words, noun="demo", environ=environ(receiver.url)) as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        with up.rest() as rest:
            answer = rest.get("/credentials", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
            job = reading(rest)
        receiver.until(lambda: job in [said(span)["stationmaster.job"] for span in named(receiver.spans(), "job reconcile")])
        until(lambda: {"gateway", "control", "worker"} <= planes(receiver.bodies), "all three")
        (asked,) = [span for span in receiver.spans() if span.trace_id.hex() == TRACE]
        assert asked.name == "GET /api/v1/credentials"
        assert said(asked)["stationmaster.request_id"] == answer.headers["x-stationmaster-request-id"]
        (done,) = [span for span in named(receiver.spans(), "job reconcile") if said(span)["stationmaster.job"] == job]
        items = [span for span in receiver.spans() if span.parent_span_id == done.span_id]
        assert items
        below = {done.span_id, *(span.span_id for span in items)}
        calls = [span for span in receiver.spans() if span.parent_span_id in below and said(span).get("server.address")]
        assert {(said(span)["server.address"], said(span)["server.port"]) for span in calls} == {("127.0.0.1", port)}
        assert ("GET", "GET", 200) in {
            (span.name, said(span)["http.request.method"], said(span)["http.response.status_code"]) for span in calls
        }
        assert not [key for span in calls for key in said(span) if key.startswith("url")]
        assert said(done)["stationmaster.job.state"] == "succeeded"
        text = b"".join(receiver.bodies).decode()
        assert rest.headers["authorization"].removeprefix("Bearer ") not in text
        assert "secret-of-the-collector" not in text + up.said
        assert job not in json.dumps([span.name for span in receiver.spans()])


def named(spans: list[Any], name: str) -> list[Any]:
    """Those that are called so."""
    return [span for span in spans if span.name == name]


def reading(rest: Any) -> str:
    """A workspace read again; the job's id."""
    (row, *_) = rest.get("/workspaces").json()["items"]
    answer = rest.post(f"/workspaces/{row['id']}/run", json={"kind": "reconcile"})
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["id"])


def test_without_the_setting_nothing_is_recorded(tmp_path: Path) -> None:
    """Nobody is asked: the planes have no thread for it."""
    with running(tmp_path) as up:
        threads = [Path(f"/proc/{pid}/task/{task.name}/comm").read_text().strip()
                   for pid in up.everybody() for task in Path(f"/proc/{pid}/task").iterdir()]  # fmt: skip
        assert threads
        assert not [name for name in threads if "telemetry" in name]
