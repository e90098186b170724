"""What virtual keys spent. Owns: from usage to figures beside budgets, in the periods in which budgets hold (UTC)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stationmaster.entrances.console.pages.parts import Cell, Row, Tone
from stationmaster.entrances.console.pages.pictures import Tile
from stationmaster.entrances.console.pages.routing.shared import requests_of, usage_of
from stationmaster.entrances.console.pages.traffic.telling import usd
from stationmaster.i18n import tr, trn
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.usage import services as usage

NANO: Final = 1_000_000_000
_NEAR: Final = 0.8  # of a budget, from which on it is told apart
_LONG: Final = timedelta(days=3650)  # what "in all" looks back


def this_month(actor: Actor, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """The sums of this month for each of these keys that was used, in one question."""
    if not names or not operators.allowed(actor, "usage:read"):
        return {}
    now = datetime.now(UTC)
    asked = usage.Question(_month(now), _tomorrow(now), (Filter("key", "in", sorted(names)[:500]),), "key")
    return {str(part["key"]): part for part in usage.totals(actor, asked).parts}


def tiles(actor: Actor, row: Row) -> tuple[Tile, ...]:
    """Today, this month and in all, each beside its budget; and the limits a minute."""
    name, now, found = str(row["name"]), datetime.now(UTC), []
    if operators.allowed(actor, "usage:read"):
        for label, since, budget in (
            (tr("Today"), _today(now), row["budget"]["day_usd"]),
            (tr("This month"), _month(now), row["budget"]["month_usd"]),
            (tr("In all"), _today(now) - _LONG, row["budget"]["total_usd"]),
        ):
            asked = usage.Question(since, _tomorrow(now), (Filter("key", "eq", name),))
            found.append(_tile(label, name, usage.totals(actor, asked).total, budget))
    return (*found, *_limits(row))


def month_cell(row: Row) -> Cell:
    """What a key spent this month, of its month's budget if it has one (`month`: its sums)."""
    spent = int(row["month"]["cost"]) if row["month"] else 0
    budget = round(row["budget"]["month_usd"] * NANO)
    note = tr("of {budget}", budget=usd(budget)) if budget else ""
    return Cell(usd(spent), usage_of("key", row["name"]), note, _tone(spent, budget), meter=_meter(spent, budget))


def _tile(label: str, name: str, total: Mapping[str, int], dollars: float) -> Tile:
    spent, budget = total["cost"], round(dollars * NANO)
    note = tr("of {budget}", budget=usd(budget)) if budget else trn("{number} request", "{number} requests", total["requests"])
    if total["unpriced"]:
        note = tr("{note}; {number} without a known price", note=note, number=total["unpriced"])
    return Tile(label, usd(spent), usage_of("key", name), note, _tone(spent, budget) or "", _meter(spent, budget))


def _limits(row: Row) -> tuple[Tile, ...]:
    named = ((tr("Requests a minute"), row["rpm"]), (tr("Tokens a minute"), row["tpm"]),
             (tr("Requests at once"), row["max_concurrency"]))  # fmt: skip
    return tuple(Tile(label, f"{value:,}", requests_of("key", row["name"]), tr("at most")) for label, value in named if value)


def _meter(spent: int, budget: int) -> tuple[int, int] | None:
    """In cents: a bar needs no more."""
    cents = NANO // 100
    return (min(spent, budget) // cents, max(budget // cents, 1)) if budget else None


def _tone(spent: int, budget: int) -> Tone:
    if not budget or spent < budget * _NEAR:
        return ""
    return "bad" if spent >= budget else "busy"


def _today(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _tomorrow(now: datetime) -> datetime:
    return _today(now) + timedelta(days=1)


def _month(now: datetime) -> datetime:
    return _today(now).replace(day=1)
