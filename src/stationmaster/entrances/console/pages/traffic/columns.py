"""Columns of requests. Owns: what each shows, and which of them somebody chose to see; their choice stays with their session."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from django.http import HttpRequest

from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import DASH, Cell, Row, code, moment, text
from stationmaster.entrances.console.pages.traffic import telling
from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import tr

_KEPT: Final = "columns of requests"  # in the session


@dataclass(frozen=True)
class Named:
    """A column with the name that it is chosen by; `first`: it is seen until somebody chose otherwise."""

    name: str
    column: Column
    first: bool = True


def all_of_them() -> tuple[Named, ...]:
    """Every column, in their order."""
    return (
        Named("at", Column(tr("Ended"), when, "at")),
        Named("status", Column(tr("Outcome"), telling.ended, "status")),
        Named("key", Column(tr("Key"), lambda row: linked(row["key"], "keys"), "key")),
        Named("person", Column(tr("Person"), telling.whose, "owner")),
        Named("team", Column(tr("Team"), lambda row: text(row["tenant"]), "tenant"), first=False),
        Named("model", Column(tr("Model"), model, "model")),
        Named("pool", Column(tr("Pool"), lambda row: linked(row["pool"], "pools"), "pool"), first=False),
        Named("credential", Column(tr("Credential"), credential, "credential")),
        Named("endpoint", Column(tr("Endpoint"), lambda row: Cell(row["endpoint"], note=row["dialect"])), first=False),
        Named("error", Column(tr("Error"), lambda row: code(row["error"]), "error")),
        Named("tokens", Column(tr("Tokens in / out"), telling.tokens, number=True)),
        Named("cost", Column(tr("Cost"), lambda row: Cell(telling.small(row["cost"]), number=True), number=True)),
        Named("took", Column(tr("Took"), lambda row: telling.milliseconds(row["duration_us"]), "duration_us", True)),
        Named("first", Column(tr("First byte"), first_byte, "first_byte_us", True), first=False),
        Named("source", Column(tr("Usage"), lambda row: source(row["usage_source"])), first=False),
        Named("gateway", Column(tr("Gateway"), lambda row: text(row["gateway"]), "gateway"), first=False),
        Named("id", Column(tr("Request id"), lambda row: Cell(row["request_id"], code=True, copy=True)), first=False),
    )


def seen(request: HttpRequest, known: Sequence[Named]) -> frozenset[str]:
    """The names of the columns that are shown: those asked for now, which are kept, or those of before."""
    if "columns" in request.GET:
        asked = [each for given in request.GET.getlist("columns") for each in given.split(",")]
        chosen = [each.name for each in known if each.name in asked]
        request.session[_KEPT] = chosen
    kept = request.session.get(_KEPT) or [each.name for each in known if each.first]
    return frozenset(kept)


def when(row: Row) -> Cell:
    """When it ended, with the way to its page."""
    at = moment(row["at"])
    return replace(at, text=at.text.replace(" ", telling.TIED), href=f"/requests/{row['request_id']}")


def linked(name: object, place: str) -> Cell:
    """A name that leads to its thing."""
    return text(name, f"/{place}/{name}")


def model(row: Row) -> Cell:
    """What the vendor was sent; below it what the client had said, where that is another name. A call without a model says which
    it was."""
    if not row["model"]:
        return Cell(row["endpoint"] or DASH, note=row["dialect"], tone="off")
    asked = str(row["detail"].get("asked_model") or "")
    return replace(text(row["model"]), note=tr("asked for {model}", model=asked) if asked and asked != row["model"] else "")


def credential(row: Row) -> Cell:
    """The one that answered, and how many had been tried before."""
    tried = len(row["detail"].get("tried") or ())
    return replace(linked(row["credential"], "credentials"), note=tr("after {number} others", number=tried) if tried else "")


def first_byte(row: Row) -> Cell:
    """How long until the answer began."""
    return telling.milliseconds(row["first_byte_us"])


def source(named: str) -> Cell:
    """Where the figures come from, as a badge."""
    words, tone = telling.SOURCES.get(named, (named, ""))
    return Cell(told_as(words), tone=tone)
