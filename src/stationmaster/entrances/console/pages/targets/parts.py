"""What the pages of targets and of what is published there share. Owns: their tabs, and how states look."""

from django.http import HttpRequest

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import NOTHING, Cell, Field, Form, Link, Note, Row, moment
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import told, tr
from stationmaster.targets.registry import KINDS


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """The lists, and what can be done."""
    pages = [
        (tr("Targets"), "/targets", "targets:read"), (tr("Published"), "/publications", "publications:read"),
        (tr("Publish"), "/publish", "publications:plan"), (tr("Export a file"), "/exports", "credentials:read"),
        (tr("Add a target"), "/targets/new", "targets:create"),
    ]  # fmt: skip
    return tuple(Link(words_, address, here == address) for words_, address, action in pages if may(request, action))


def kind_title(name: str) -> str:
    """What a kind is called."""
    return KINDS[name].title if name in KINDS else name


def to_be_known(name: str) -> tuple[Note, ...]:
    """What a kind never tells, and what its people should know."""
    kind = KINDS.get(name)
    if kind is None:
        return ()
    return (*(Note(told(each), "busy") for each in kind.traps), *(Note(told(each)) for each in kind.unknown))


def standing(row: Row) -> Cell:
    """How a target stands."""
    note = row["disabled_reason"] or row["trouble"] or ("" if row["tested_ok"] else row["tested_words"])
    return words.state(words.TARGETS, row["state"], note=note)


def published(row: Row) -> Cell:
    """How publishing went."""
    state = row["state"] if row["wanted"] else "unwanted"
    return words.state(words.PUBLICATIONS, state, note=words.told_as(row["words"]))


def seen(row: Row) -> Cell:
    """What was found there, and what is different."""
    if not row["seen"]:
        return NOTHING
    return words.state(words.SEEN, row["seen"], note=fields(row["drift"]))


def fields(names: list[str]) -> str:
    """What differs, in words."""
    return ", ".join(words.name(words.KEPT, each) for each in names)


def held(row: Row) -> Cell:
    """Which of our secrets is there."""
    if not row["entry"]:
        return NOTHING
    number = tr("number {number}", number=row["generation"])
    return Cell(number, note=tr("an earlier secret"), tone="bad") if row["behind"] else Cell(number)


def health(row: Row) -> Cell:
    """What the target says of its health, and of its use."""
    used = tr("{number} requests", number=row["usage"]["requests"]) if row["usage"].get("requests") else ""
    if not row["health"]:
        return Cell(used) if used else NOTHING
    return words.state(words.STANDING, row["health"], note=", ".join(each for each in (row["health_words"], used) if each))


def columns(request: HttpRequest, *, credential: bool = True, target: bool = True) -> tuple[Column, ...]:
    """Of a list of publications, with or without what all of them have in common."""
    withdrawing = may(request, "publications:remove")
    whose = (Column(tr("Credential"), _credential, "credential_name"),) if credential else ()
    where = (Column(tr("Target"), lambda row: Cell(row["target_name"], f"/targets/{row['target']}"), "target_name"),)
    return (
        *whose, *(where if target else ()),
        Column(tr("State"), published, "state"),
        Column(tr("Read back"), seen, "seen"),
        Column(tr("What the target says"), health),
        Column(tr("Secret"), held),
        Column(tr("Published at"), lambda row: moment(row["published_at"]), "published_at"),
        Column(tr("Read at"), lambda row: moment(row["seen_at"]), "seen_at"),
        *((Column("", lambda row: Cell(forms=_withdrawing(row))),) if withdrawing else ()),
    )  # fmt: skip


def _credential(row: Row) -> Cell:
    return Cell(row["credential_name"], f"/credentials/{row['credential']}", note=row["vendor"])


def _withdrawing(row: Row) -> tuple[Form, ...]:
    if not row["wanted"] or not (row["entry"] or row["state"] == "failed"):      # a failed one may be there all the same
        return ()
    hidden = (Field("credential", "", "hidden", row["credential"]), Field("target", "", "hidden", row["target"]))
    return (Form(tr("Withdraw"), "withdraw", hidden, quiet=True),)


__all__ = ["columns", "fields", "health", "held", "kind_title", "published", "seen", "standing", "tabs", "to_be_known"]
