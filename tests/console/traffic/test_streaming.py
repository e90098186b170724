"""Streams of pages: over the real server, with real sockets."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.http import HttpRequest, HttpResponseBase
from django.test import Client

from asking import PLAIN
from console import kit
from controlkit import ADMIN
from internal.kit import serving, until
from operators.people import somebody
from stationmaster.entrances.console import streaming
from stationmaster.entrances.console.pages import urls
from stationmaster.entrances.console.pages.parts import Log
from stationmaster.entrances.console.streaming import Piece, streamed
from stationmaster.operators import services as operators
from stationmaster.operators.models import BrowserSession, Operator
from stationmaster.store.actor import Actor


@dataclass
class Source:
    """Lines that a test has come in, one by one."""

    lines: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    breaks: bool = False

    def poll(self, _actor: Actor, last: str) -> list[Piece]:
        """What is new."""
        self.asked.append(last)
        if self.breaks:
            raise RuntimeError
        at = int(last or 0)
        new = self.lines[at:]
        pieces = [Piece("lines", Log(tuple(("12:00:00", "info", each) for each in new)), id=str(at + len(new)))] if new else []
        return [*pieces, *([Piece("end")] if "over" in new else [])]

    def view(self, request: HttpRequest) -> HttpResponseBase:
        """The address."""
        return streamed(request, "jobs:read", self.poll)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    """A stream behind the address of workers."""
    made = Source()
    page = next(each for each in urls.urlpatterns if each.name == "workers")
    monkeypatch.setattr(page, "callback", made.view)
    monkeypatch.setattr(streaming, "EVERY", 0.05)
    return made


def cookies(email: str = "") -> dict[str, str]:
    """Of a browser that is signed in."""
    client = Client()
    client.force_login(Operator.objects.get(email=email) if email else somebody("viewer"))
    return {"stationmaster": client.cookies["stationmaster"].value}


@contextmanager
def reading(url: str, held: dict[str, str], **headers: str) -> Iterator[tuple[httpx.Response, Iterator[str]]]:
    """An open stream, and its lines."""
    with (
        httpx.Client(trust_env=False, verify=PLAIN, timeout=20.0, cookies=held) as client,
        client.stream("GET", f"{url}/workers", headers=headers) as answer,
    ):
        yield answer, answer.iter_lines()


def event(lines: Iterator[str]) -> dict[str, Any]:
    """The next event; comments and `retry` are passed over."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name in ("event", "id", "data"):
            found[name] = f"{found.get(name, '')}{value.strip()}"
        elif not line and "event" in found:
            return found
    return found


def test_lines_come_as_they_happen_and_the_stream_ends(database: str, source: Source) -> None:
    """What happens reaches an open page within moments, as text; the last event ends it, and a line that broke goes on where it
    was."""
    source.lines = ["first", "<script>alert(1)</script>"]
    held = cookies()
    with serving() as control:
        with reading(control.url, held) as (answer, lines):
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            first = event(lines)
            assert (first["event"], first["id"]) == ("lines", "2")
            assert "first" in first["data"]
            assert "<script>" not in first["data"]
            source.lines.append("third")
            assert "third" in event(lines)["data"]
        until(lambda: streaming.streaming() == 0)
        source.lines.append("over")
        with reading(control.url, held, **{"Last-Event-ID": "3"}) as (_, lines):
            again = event(lines)
            assert "over" in again["data"]
            assert "third" not in again["data"]
            assert event(lines)["event"] == "end"
            assert list(lines) == []


def test_who_left_is_not_served_on(database: str, source: Source) -> None:
    """A closed browser costs nothing from then on."""
    held = cookies()
    with serving() as control:
        with reading(control.url, held):
            until(lambda: streaming.streaming() == 1)
        until(lambda: streaming.streaming() == 0)
        asked = len(source.asked)
        time.sleep(0.3)
        assert len(source.asked) == asked


def test_it_ends_with_the_session_and_with_the_right(database: str, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed out elsewhere, switched off, or of another role: an open stream says no more."""
    monkeypatch.setattr(streaming, "CHECKED", 0.1)
    with serving() as control:
        for number, change in enumerate((_sign_out, _switch_off, _demote)):
            who = somebody("viewer", f"viewer-{number}@example.test")
            with reading(control.url, cookies(who.email)) as (_, lines):
                until(lambda: streaming.streaming() == 1)
                change(who.id)
                assert event(lines) == {"event": "end", "data": ""}
                assert list(lines) == []


def _sign_out(who: str) -> None:
    BrowserSession.objects.filter(operator_id=who).delete()


def _switch_off(who: str) -> None:
    operators.update_operator(ADMIN, who, {"active": False})


def _demote(who: str) -> None:
    operators.update_operator(ADMIN, who, {"role": "member"})


def test_streams_of_one_operator_are_counted(database: str, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told so, and not asked for; others are not kept out by it."""
    monkeypatch.setattr(streaming, "MOST", 1)
    mine, other = cookies(), cookies(somebody("viewer", "other@example.test").email)
    with serving() as control, reading(control.url, mine):
        until(lambda: streaming.streaming() == 1)
        with reading(control.url, mine) as (_, lines):
            assert event(lines)["event"] == "full"
        with reading(control.url, other):
            until(lambda: streaming.streaming() == 2)


def test_it_lasts_a_while_and_beats(database: str, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is broken by comments, which proxies count; after its time the stream ends in order, for the browser to come
    back."""
    monkeypatch.setattr(streaming, "BEAT", 0.1)
    monkeypatch.setattr(streaming, "LASTS", 0.6)
    with serving() as control, reading(control.url, cookies()) as (_, lines):
        told = list(lines)
        assert ": still here" in told
        assert not any(line.startswith("event:") for line in told)


def test_a_question_that_fails_ends_it(database: str, source: Source) -> None:
    """The browser comes back by itself; nothing of the error is told."""
    source.breaks = True
    with serving() as control, reading(control.url, cookies()) as (_, lines):
        assert [line for line in lines if line] == ["retry: 2000"]


def test_a_reader_who_does_not_read_is_dropped(database: str, source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes nothing for a while is let go: their connection holds nothing of ours."""
    monkeypatch.setattr(streaming, "SLOW", 0.5)
    source.lines = ["x" * 1000]
    grown = threading.Event()

    def more(_actor: Actor, last: str) -> list[Piece]:
        grown.set()
        return [Piece("lines", Log((("", "", "x" * 500_000),)), id=f"{int(last or 0) + 1}")]

    monkeypatch.setattr(source, "poll", more)
    with serving() as control, reading(control.url, cookies()):
        grown.wait(10)
        until(lambda: streaming.streaming() == 1)
        until(lambda: streaming.streaming() == 0)


def test_the_process_ends_without_waiting_for_readers(database: str, source: Source) -> None:
    """A server that is told to end lets its streams go, in order."""
    with serving() as control, reading(control.url, cookies()) as (_, lines):
        until(lambda: streaming.streaming() == 1)
        control.application.wake()
        assert not any(line.startswith("event:") for line in lines)


def test_only_who_may_see_it(database: str, source: Source) -> None:
    """A stream asks for the right before it says anything."""
    assert kit.signed_in("member").get("/workers").status_code == 403
    assert kit.signed_in("viewer").client.head("/workers").status_code == 200
