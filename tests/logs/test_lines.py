"""Lines of the log: what is told at which level, in which form, and what never gets into one."""

import io
import json
import logging
import re
from typing import Any, get_args

import pytest

from stationmaster import logs
from stationmaster.line.line import hush

OURS = logging.getLogger("stationmaster.somewhere")
SECRETS = {
    "a virtual key": "sm-Zk3Xa81kqLw0TgPp", "an API token": "sm-api-k3Xa81kqLw0TgPp-_x",
    "a gateway token": "sm-gw-k3Xa81kqLw0TgPp", "a vendor's key": "sk-proj-Qc8A/Zr2v+Tn5m==",
    "an admin's key": "sk-ant-admin01-Qc8AZr2v", "what a header says": "Bearer abcDEF.123",
    "an admin link": "/welcome/Qc8AZr2vTn5mXw0y", "an e-mail address": "ada.l+x@mail.example.com",
    "a database's password": "postgresql://user:pass-word@db.internal/x",
}  # fmt: skip
CORE = ("Zk3Xa81", "k3Xa81k", "Qc8A", "Zr2v", "abcDEF", "ada.l", "example.com", "pass-word")


def said(form: logs.Form, level: logs.Level = "info", *, by: Any = None) -> str:
    """What is written when `by` logs."""
    stream = io.StringIO()
    logs.set_up(form, level, stream)
    (by or (lambda: OURS.warning("hello")))()
    return stream.getvalue()


def test_a_line_for_people() -> None:
    """When, how grave, who, what: one line."""
    line = said("text", by=lambda: OURS.warning("%s is late by %s s", "gw-1", 3))
    when = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"
    assert re.fullmatch(rf"{when} warning stationmaster\.somewhere: gw-1 is late by 3 s\n", line)


def test_a_line_for_programs() -> None:
    """The same as one JSON object a line, by the names that the reference gives."""
    line = json.loads(said("json", by=lambda: OURS.error("%s is late by %s s", "gw-1", 3)))
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "error", "logger": "stationmaster.somewhere", "event": "gw-1 is late by 3 s"}


@pytest.mark.parametrize("form", get_args(logs.Form))
@pytest.mark.parametrize("level", get_args(logs.Level))
def test_levels(form: logs.Form, level: logs.Level) -> None:
    """What is less grave than `log.level` is not told; what is as grave, or graver, is."""

    def speak() -> None:
        for name in get_args(logs.Level):
            OURS.log(logging.getLevelNamesMapping()[name.upper()], "it is %s", name)

    told = re.findall(r"it is (\w+)", said(form, level, by=speak))
    levels = list(get_args(logs.Level))
    assert told == levels[levels.index(level):]


@pytest.mark.parametrize(("form", "level", "told"), [
    ("text", "info", {"uvicorn.error warning", "django.request warning", "httpx warning"}),
    ("json", "info", {"uvicorn.error warning", "django.request warning", "httpx warning"}),
    ("text", "debug", {"uvicorn.error info", "django.request info", "uvicorn.error warning", "django.request warning",
                       "httpx warning"}),
    ("json", "error", set()),
])  # fmt: skip
def test_loggers_of_others(form: logs.Form, level: logs.Level, told: set[str]) -> None:
    """Django's, uvicorn's and other libraries' lines come the same way. Clients' information, which names whole URLs, never
    does, nor what serves says for those who write it."""

    def speak() -> None:
        hush()      # as whoever asks a vendor does
        for name in ("uvicorn.error", "django.request", "httpx"):
            for how in ("debug", "info", "warning"):
                getattr(logging.getLogger(name), how)("%s %s", name, how)

    assert set(re.findall(r"(?:[a-z.]+ (?:debug|info|warning))(?=\"|\n)", said(form, level, by=speak))) == told


@pytest.mark.parametrize("form", get_args(logs.Form))
@pytest.mark.parametrize("what", SECRETS)
def test_the_last_net(form: logs.Form, what: str) -> None:
    """What looks like a secret of ours, or like an e-mail address, is in no line, wherever it stands; what is around it is."""
    text = SECRETS[what]
    cases = [f"before {text} after", f"a={text}; after", f'"{text}" after', f"('{text}',) after", f"\n{text}\n after"]
    for case in cases:
        line = said(form, by=lambda case=case: OURS.warning("%s", case))
        assert not [part for part in CORE if part in line], line
        assert "after" in line
    line = said(form, by=lambda: logging.getLogger(logs.REQUESTS).error("request", extra={"route": text, "actor": [text]}))
    assert not [part for part in CORE if part in line], line


def test_what_is_no_secret_stays() -> None:
    """Names, ids and words that only resemble one are told."""
    for text in ("task-management-and-more", "op_06f2w4k5y8zq1v3t7b9d0c2m4n", "risk-assessment", "user@host", "https://a.example/x"):
        assert text in said("text", by=lambda text=text: OURS.warning("it is %s", text)), text


def straight(form: logs.Form, words: str, *values: Any, **extra: Any) -> str:
    """What our handler alone writes of a line: others of this process do not see it."""
    stream = io.StringIO()
    logs.set_up(form, "info", stream)
    record = logging.LogRecord("stationmaster.x", logging.WARNING, __file__, 1, words, values, None)
    record.__dict__.update(extra)
    logging.getLogger().handlers[-1].handle(record)
    return stream.getvalue()


def test_nothing_moves_the_cursor() -> None:
    """Line breaks, terminals' commands and marks that turn text around are escaped: one line stays one, and shows as it is."""
    for odd in ("a\r\nb", "\x1b[31mred", "\x9b31m", "\x7f\b", "\u2028", "\u202e", "\ud800", "\0"):
        for form in get_args(logs.Form):
            line = straight(form, "got %s", f"x{odd}y", route=odd)
            assert line.endswith("\n")
            assert line[:-1].isprintable(), line
            if form == "json":
                assert (json.loads(line)["event"], json.loads(line)["route"]) == (f"got x{odd}y", odd)


@pytest.mark.parametrize("form", get_args(logs.Form))
def test_an_exception_is_told_without_its_words(form: logs.Form) -> None:
    """Of an exception the line says which it is and the lines of code that it came through; neither its words nor what stood
    in variables."""

    def broken() -> None:
        try:
            int("canary in the words")
        except ValueError:
            OURS.exception("it broke", stack_info=True)

    line = said(form, by=broken)
    assert line.count("\n") == 1
    assert "ValueError" in line
    assert re.search(r"test_lines:\d+", line)
    assert "canary" not in line


def test_a_line_that_cannot_be_made_repeats_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A line whose values do not fit its words is lost: neither they nor a traceback get anywhere."""
    assert straight("text", "%d things", "canary") == ""
    assert capsys.readouterr() == ("", "")


def test_setting_up_again_takes_the_place() -> None:
    """What was saved counts after what the file says, in one process: one line each, in the later form."""
    first = io.StringIO()
    logs.set_up("text", "debug", first)
    assert said("json", "warning").count("\n") == 1
    assert first.getvalue() == ""


def test_long_values_are_cut() -> None:
    """A line has an end, and looking for secrets in a long one takes no time to speak of."""
    assert len(said("text", by=lambda: OURS.warning("%s", "a." * 1_000_000))) < 10_000
