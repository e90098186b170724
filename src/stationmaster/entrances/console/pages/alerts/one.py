"""One alert: how it stands, what is open, what was sent; trying, changing, signing anew and removing it. Owns that page."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.alerts import services as alerts
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, revealed, version
from stationmaster.entrances.console.pages.alerts import listing, messages
from stationmaster.entrances.console.pages.alerts.form import changing_form, given_of
from stationmaster.entrances.console.pages.alerts.parts import last, line_of, place, standing, thing_of, told_of, trail
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Facts, Field, Form, Note, Page, Problem, Row, Section, moment
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import LANGUAGES, tr, trn
from stationmaster.phrases import said
from stationmaster.store.actor import Actor

_HOURS: Final = (0, 1, 24, 7 * 24)      # that the secret before still signs, too


def one(request: HttpRequest, which: str) -> HttpResponse:
    """All that is known of it."""
    actor = me(request)
    makers: dict[str, Callable[[Actor, Sent], alerts.MadeAlert | Mapping[str, Any]]] = {
        "test": lambda actor, _: alerts.test_alert(actor, which, {}),
        "rotate": lambda actor, sent: _rotated(actor, which, sent),
    }
    done = revealed(request, makers, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    made, problem = done
    if isinstance(made, alerts.MadeAlert):
        return shown(request, listing.once(made, tr("Another secret for {name}", name=made.row["name"])))
    return shown(request, _page(request, alerts.get_alert(actor, which), made, problem))


def _page(request: HttpRequest, row: Row, tried: Mapping[str, Any] | None, problem: Problem | None) -> Page:
    sections = [
        Section("", (*_outcome(tried), _facts(row), *_doing(request, row)), "facts"),
        Section(tr("Open now"), (_open(row),), "open"),
        Section(tr("Messages"), (messages.table(request, row["name"]),), "messages"),
        *_changing(request, row, problem),
        *_ending(request, row),
    ]
    return Page(row["name"], sections, same=_same(row), problem=problem, state=standing(row), trail=trail())


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/alerts/{row['id']}"
    rotating = ((f"stationmaster alert rotate {name}", f"POST {path}/rotate"),) if row["channel"] == "webhook" else ()
    return (
        (f"stationmaster alert show {name}", f"GET {path}"),
        (f"stationmaster alert test {name}", f"POST {path}/test"),
        (f"stationmaster alert update {name}", f"PATCH {path}"),
        *rotating,
        (f"stationmaster alert remove {name}", f"DELETE {path}"),
    )


def _outcome(tried: Mapping[str, Any] | None) -> tuple[Note, ...]:
    """What became of a test message."""
    if tried is None:
        return ()
    status = tr("The answer was {number}.", number=tried["answer"]) if tried["answer"] else ""
    if tried["ok"]:
        there = trn("The test message arrived at {number} place.", "The test message arrived at {number} places.", tried["sent"])
        return (Note(" ".join(each for each in (there, status) if each), "good"),)
    why = tr("The test message did not arrive: {why}.", why=said(tried["words"]))
    return (Note(" ".join(each for each in (why, status) if each), "bad"),)


def _facts(row: Row) -> Facts:
    tongue = row["language"] if row["language"] in LANGUAGES else tr("that of the installation's mail")
    rows = [
        (tr("State"), standing(row)),
        (tr("Channel"), Cell(words.name(words.CHANNELS, row["channel"]))),
        (tr("To"), place(row)),
        (tr("Is told of"), told_of(row)),
        (tr("Language of messages"), Cell(tongue)),
        (tr("Last message"), last(row)),
        (tr("Made"), moment(row["created_at"])),
        (tr("Changed"), moment(row["updated_at"])),
    ]
    if row["previous_until"]:
        rows.append((tr("The secret before signs until"), moment(row["previous_until"])))
    return Facts(tuple(rows))


def _doing(request: HttpRequest, row: Row) -> list[Form]:
    """What takes no more than a button."""
    found = [Form(tr("Send a test message"), "test", main=True)] if may(request, "alerts:test") else []
    if row["disabled"] and may(request, "alerts:update"):
        found.append(Form(tr("Switch it on"), "enable"))
    return found


def _open(row: Row) -> Any:
    columns = (
        Column(tr("What"), thing_of),
        Column(tr("About"), lambda each: Cell(words.name(words.ALERT_KINDS, each["kind"]))),
        Column(tr("Line"), lambda each: Cell(line_of(each), note=each["period"] if each["kind"] == "budget" else "")),
        Column(tr("Since"), lambda each: moment(each["at"])),
    )
    return lists.plain(columns, row["open"], tr("Nothing has crossed a line."))


def _changing(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    if not may(request, "alerts:update"):
        return []
    sent = request.POST if problem is not None and request.POST.get("do") == "save" else None
    return [Section(tr("Change it"), (changing_form(row, sent, problem),))]


def _ending(request: HttpRequest, row: Row) -> list[Section]:
    found = []
    if row["channel"] == "webhook" and may(request, "alerts:rotate"):
        found.append(Section(tr("Another secret"), (_rotating(row),), half=True))
    if not row["disabled"] and may(request, "alerts:update"):
        told = tr("Nothing is sent until it is switched on; what crosses a line meanwhile is told then, if it still holds.")
        off = Form(tr("Switch it off"), "disable", (Field("reason", tr("Why")),), text=told)
        found.append(Section(tr("Switch it off"), (off,), half=True))
    if may(request, "alerts:delete"):
        sure = (Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),)
        told = tr("Nobody is told any more, and what was sent is forgotten.")
        found.append(Section(tr("Delete it"), (Form(tr("Delete it"), "delete", sure, text=told, danger=True),), danger=True))
    return found


def _rotating(row: Row) -> Form:
    names = (tr("not at all"), tr("for an hour"), tr("for a day"), tr("for a week"))
    options = tuple((str(hours), name) for hours, name in zip(_HOURS, names, strict=True))
    overlap = Field("overlap", tr("The secret before signs too"), "select", "24", options)
    revision = Field("revision", "", "hidden", str(row["revision"]))
    return Form(tr("Make another secret"), "rotate", (overlap, revision), text=tr("It is shown once; meanwhile both sign."))


def _actions(which: str) -> dict[str, Action]:
    return {
        "save": lambda actor, sent: _saved(actor, which, given_of(sent), sent),
        "disable": lambda actor, sent: _saved(actor, which, {"disabled": True, "disabled_reason": filled(sent, "reason")}, sent),
        "enable": lambda actor, sent: _saved(actor, which, {"disabled": False}, sent),
        "delete": lambda actor, _: _deleted(actor, which),
    }


def _saved(actor: Actor, which: str, given: dict[str, Any], sent: Sent) -> Went:
    alerts.update_alert(actor, which, given, version(sent))
    return Went(told=tr("Saved."))


def _rotated(actor: Actor, which: str, sent: Sent) -> alerts.MadeAlert:
    hours = filled(sent, "overlap")
    overlap = timedelta(hours=int(hours) if hours in map(str, _HOURS) else 0)
    return alerts.rotate_alert(actor, which, overlap, version(sent))


def _deleted(actor: Actor, which: str) -> Went:
    alerts.delete_alert(actor, which)
    return Went("/alerts", tr("It is deleted."))
