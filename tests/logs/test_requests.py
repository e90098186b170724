"""The line that each request on the console's port gets."""

import asyncio
import io
import json
import logging
import re
import socket
from typing import Any, get_args

import httpx
import pytest

from api.kit import calling
from controlkit import CLI
from internal.kit import Control, until
from stationmaster import logs
from stationmaster.entrances.requestlines import told
from stationmaster.operators import services as operators

SECRET = "Qc8AZr2vTn5mXw0yQc8AZr2v"


def listening(form: logs.Form = "json", level: logs.Level = "info") -> io.StringIO:
    """Set the log up, and return what it is written to."""
    stream = io.StringIO()
    logs.set_up(form, level, stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines of requests."""
    every = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in every if line["logger"] == logs.REQUESTS]


def asked(url: str, method: str, path: str, **more: Any) -> httpx.Response:
    """One request by nobody."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.request(method, f"{url}{path}", **more)


def test_who_asked_for_what(control: Control) -> None:
    """Method, route as it is declared, status, time, the id that the answer names, and the id of who asked."""
    with calling(control.url) as callers:
        ids = {role: callers[role].get("me").json()["id"] for role in ("viewer", "member")}
        stream = listening()
        answers = [
            callers["viewer"].get("keys/nothing?search=canary"), callers["member"].get("credentials"),
            callers["anonymous"].get("pools"), callers["viewer"].get("keys", params={"format": "json"}),
        ]  # fmt: skip
    theirs = [answer.headers["x-stationmaster-request-id"] for answer in answers]
    until(lambda: {line["request_id"] for line in lines(stream)} >= set(theirs))
    found = [line for line in lines(stream) if line["request_id"] in theirs]      # lines come when an answer has ended
    shown = [(line["method"], line["route"], line["status"], line["actor"]) for line in found]
    assert shown == [
        ("GET", "/api/v1/keys/<which>", 422, ids["viewer"]), ("GET", "/api/v1/credentials", 403, ids["member"]),
        ("GET", "/api/v1/pools", 401, "-"), ("GET", "/api/v1/keys", 403, ids["viewer"]),
    ]  # fmt: skip
    assert [line["request_id"] for line in found] == theirs
    assert all(line["ms"] > 0 and line["event"] == "request" and line["level"] == "info" for line in found)
    assert "canary" not in stream.getvalue()


def test_gateways_and_health(control: Control) -> None:
    """What is answered in front of Django has its line too; a gateway is its token's id."""
    stream = listening()
    asked(control.url, "GET", "/healthz")
    assert control.ask(params={"have": 0}).status_code == 200
    asked(control.url, "GET", "/internal/v1/snapshot", headers={"authorization": f"Bearer sm-gw-{SECRET}"})
    asked(control.url, "GET", f"/internal/v1/{SECRET}")
    until(lambda: len(lines(stream)) == 4)
    me = operators.get_gateway_token(CLI, "here")["id"]
    assert [(line["route"], line["status"], line["actor"]) for line in lines(stream)] == [
        ("/healthz", 200, "-"), ("/internal/v1/snapshot", 200, me), ("/internal/v1/snapshot", 401, "-"), ("-", 401, "-"),
    ]  # fmt: skip
    assert SECRET not in stream.getvalue()


@pytest.mark.parametrize("form", get_args(logs.Form))
def test_nothing_that_was_sent(control: Control, form: logs.Form) -> None:
    """Neither a path, query, header, cookie nor body gets into the log, at its most talkative: an admin link's path holds a
    secret, whoever mistypes it sends one too."""
    stream = listening(form, "debug")
    link = operators.issue_link(CLI).secret.text
    asked(control.url, "GET", f"/welcome/{link}")
    asked(control.url, "GET", f"/welcom/{SECRET}?email=ada@example.com")
    asked(control.url, "POST", "/login", data={"login": "ada@example.com", "password": SECRET})
    asked(control.url, "POST", f"/api/v1/keys?x={SECRET}", json={"name": SECRET}, headers={
        "authorization": f"Bearer sm-api-{SECRET}", "cookie": f"stationmaster={SECRET}", "user-agent": SECRET,
        "idempotency-key": SECRET, "referer": f"https://x.example/{SECRET}"})  # fmt: skip
    until(lambda: stream.getvalue().count("request_id") == 4)
    found = stream.getvalue()
    assert not [text for text in (link, SECRET, "ada@", "example") if text in found], found
    assert "/welcome/<str:secret>" in found


def test_people_at_a_terminal_see_what_broke(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """In text, at the level info, requests have no line, but for those that broke here; at debug all have."""
    stream = listening("text", "info")
    asked(control.url, "GET", "/healthz")
    monkeypatch.setattr("stationmaster.entrances.application.revision", lambda: 1 / 0)
    asked(control.url, "GET", "/readyz")
    until(lambda: "/readyz" in stream.getvalue())
    fields = r"method=GET route=/readyz status=503 ms=[0-9.]+ request_id=req_\w+ actor=-"
    assert re.search(rf"Z error +stationmaster\.requests: request {fields}\n", stream.getvalue())
    assert "/healthz" not in stream.getvalue()
    stream = listening("text", "debug")
    asked(control.url, "GET", "/healthz")
    until(lambda: "route=/healthz status=200" in stream.getvalue())


def test_a_client_that_left(control: Control) -> None:
    """Who leaves before the answer has a line as well, and what is no request of HTTP has none."""
    stream = listening()
    port = httpx.URL(control.url).port or 0
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"GET /internal/v1/snapshot?have={2**40}&wait=30 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        connection.sendall(f"{head}Authorization: Bearer {control.token}\r\n\r\n".encode())
    until(lambda: len(lines(stream)) == 1)
    assert lines(stream)[0]["route"] == "/internal/v1/snapshot"


def test_an_application_that_breaks() -> None:
    """An exception that nobody caught is a 500 in the log, and goes on to the server."""
    stream = listening()

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    async def nothing(*_: Any) -> Any:
        return {}

    with pytest.raises(ZeroDivisionError):
        asyncio.run(told(broken, {"type": "http", "method": "GET"}, nothing, nothing))
    line, = lines(stream)
    assert (line["status"], line["level"], line["route"]) == (500, "error", "-")


def test_ready_lines_reach_other_handlers(control: Control, caplog: pytest.LogCaptureFixture) -> None:
    """Lines are records of the standard library: whoever listens to it sees them, with their fields."""
    with caplog.at_level(logging.INFO, logger=logs.REQUESTS):
        asked(control.url, "GET", "/healthz")
        until(lambda: any(getattr(record, "route", "") == "/healthz" for record in caplog.records))
