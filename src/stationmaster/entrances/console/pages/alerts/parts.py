"""What the pages of alerts share. Owns: their tabs, and how kinds, states and lines read."""

from django.http import HttpRequest

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.lists import filtered
from stationmaster.entrances.console.pages.parts import Cell, Link, Row, moment, texts
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import tr, trn
from stationmaster.phrases import said

# Where a thing of each kind has its page; jobs are told of by their kind.
_FOLDERS = {
    "budget": "/keys/", "pool_unhealthy": "/pools/",
    "credential_disabled": "/credentials/", "credential_expiring": "/credentials/",
}  # fmt: skip


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """The lists, and what can be done."""
    pages = (
        ("/alerts", tr("Alerts"), "alerts:read"), ("/alerts/messages", tr("Messages"), "alerts:read"),
        ("/alerts/new", tr("New alert"), "alerts:create"),
    )  # fmt: skip
    return tuple(Link(text, href, href == here) for href, text, action in pages if may(request, action))


def trail() -> tuple[Link, ...]:
    """Where these pages stand."""
    return (Link(tr("Alerts"), "/alerts"),)


def standing(row: Row) -> Cell:
    """How an alert stands, and why."""
    notes = {"disabled": row["disabled_reason"], "failing": said(row["last_words"])}
    return words.state(words.ALERTS, row["state"], note=notes.get(row["state"], ""))


def place(row: Row) -> Cell:
    """Where it tells."""
    return Cell(row["url"]) if row["url"] else texts(row["addresses"])


def told_of(row: Row) -> Cell:
    """Of which kinds, and whose."""
    kinds = [words.name(words.ALERT_KINDS, each) for each in row["kinds"]] or [tr("everything")]
    return Cell(", ".join(kinds), note=", ".join(row["watches"]))


def line_of(crossing: Row) -> str:
    """The line that was crossed."""
    number = crossing["line"]
    return {
        "budget": tr("{number} % of its budget", number=number),
        "credential_expiring": trn("{number} day before its end", "{number} days before its end", number),
        "pool_unhealthy": trn("fewer than {number} member in service", "fewer than {number} members in service", number),
    }.get(crossing["kind"], "")


def thing_of(crossing: Row) -> Cell:
    """What crossed it, with the way to its page."""
    kind, name = crossing["kind"], crossing["name"]
    if kind == "job_failed":
        return Cell(words.name(words.KINDS, name), filtered("/jobs", ("kind", "eq", name)))
    return Cell(name, f"{_FOLDERS[kind]}{name}")


def arrived(row: Row) -> Cell:
    """What became of a message."""
    status = tr("answer {number}", number=row["answer"]) if row["answer"] else ""
    return words.state(words.MESSAGES, row["state"], note="; ".join(each for each in (status, said(row["words"])) if each))


def last(row: Row) -> Cell:
    """Its last message."""
    at = moment(row["last_at"], tr("none yet"))
    note = words.name(words.MESSAGES, row["last_state"]) if row["last_at"] else ""
    return Cell(at.text, tone=at.tone, title=at.title, note=note)
