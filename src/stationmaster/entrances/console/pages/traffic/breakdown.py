"""Usage, taken apart. Owns: what each part is called, its row and the last row with the sum of all, the course of the largest
ones, and the same as a file. The headline is made of the same answer, so that it equals the sum of the parts."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from stationmaster.entrances.console.pages.names import of_workspaces
from stationmaster.entrances.console.pages.parts import Cell, Head, Row, Table, number
from stationmaster.entrances.console.pages.pictures import Stacked
from stationmaster.entrances.console.pages.traffic import telling
from stationmaster.entrances.console.pages.traffic.asked import FINER, Asked
from stationmaster.entrances.console.pages.traffic.owners import persons
from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import tr, trn
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.spreadsheet import safe
from stationmaster.usage import services as usage
from stationmaster.vendors.registry import VENDORS

TOP: Final = 10  # parts with a colour of their own; the others are one
MOST: Final = 100  # rows of the table; the others are one
_AT_ONCE: Final = 10_000  # parts of a course that are read in one question
_KINDS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")
_WHOLE: Final = ("input", "cache_read", "cache_write", "output")  # reasoning is part of output
_NANO: Final = 1_000_000_000
Names = Mapping[str, tuple[str, str]]


def measured(part: Mapping[str, Any], measure: str) -> int:
    """How much a part is, by the measure that is looked at."""
    return int(part[measure] if measure != "tokens" else sum(part[kind] for kind in _WHOLE))


def ordered(parts: Sequence[Mapping[str, Any]], asked: Asked) -> list[Mapping[str, Any]]:
    """The largest first."""
    return sorted(parts, key=lambda part: (-measured(part, asked.measure), -part["requests"], str(part[asked.by])))


def names(actor: Actor, by: str, values: Iterable[str]) -> Names:
    """What people call the values of a dimension, and where each leads."""
    known = [each for each in values if each]
    if by == "owner":
        return {owner: (name, f"/people/{which}") for owner, (which, name) in persons(actor, known).items()}
    if by == "workspace":
        return {which: (name, f"/workspaces/{which}") for which, name in of_workspaces(actor, known).items()}
    return {each: _plain(by, each) for each in known}


def _plain(by: str, value: str) -> tuple[str, str]:
    if by == "vendor":
        return (VENDORS[value].title if value in VENDORS else value), ""
    if by == "usage_source":
        return told_as(telling.SOURCES.get(value, (value, ""))[0]), ""
    places = {"key": "keys", "credential": "credentials", "pool": "pools"}
    return value, f"/{places[by]}/{value}" if by in places else ""


def name_of(value: str, called: Names) -> str:
    """What a value is called; where there is none, or nobody knows it, that."""
    return called[value][0] if value in called else value or tr("not known")


def table(asked: Asked, parts: Sequence[Mapping[str, Any]], total: Mapping[str, int], called: Names, download: str) -> Table:
    """A row a part, the rest as one, and their sum."""
    shown, rest = parts[:MOST], parts[MOST:]
    rows = [_row(asked, part, total, called) for part in shown]
    if rest:
        words = trn("{number} other", "{number} others", len(rest))
        rows.append((Cell(words, tone="off"), *_figures(asked, added(rest), total), Cell()))
    sums = (Cell(tr("All")), *_figures(asked, total, total), Cell()) if rows else ()
    empty = tr("Nothing was used in this time. Ask for a longer one, or call a gateway with a virtual key.")
    return Table(_heads(asked), tuple(rows), empty, download=download if rows else "", sums=sums)


def by_words(by: str) -> str:
    """What a dimension is called."""
    return {
        "vendor": tr("Vendor"), "tenant": tr("Team"), "owner": tr("Person"), "key": tr("Key"), "model": tr("Model"),
        "credential": tr("Credential"), "pool": tr("Pool"), "workspace": tr("Workspace"), "usage_source": tr("Where counted"),
    }[by]  # fmt: skip


def measure_words(measure: str) -> str:
    """What a measure is called."""
    return {"cost": tr("Cost"), "requests": tr("Requests"), "tokens": tr("Tokens"), "errors": tr("Errors")}[measure]


def _heads(asked: Asked) -> tuple[Head, ...]:
    def head(text: str, measure: str = "") -> Head:
        href = asked.link(measure=measure) if measure and measure != asked.measure else ""
        return Head(text, href, "descending" if measure == asked.measure else "", number=True)

    return (
        Head(by_words(asked.by)), head(tr("Cost"), "cost"), head(tr("Share")), head(tr("Requests"), "requests"),
        head(tr("Errors"), "errors"), head(tr("Tokens"), "tokens"), head(tr("Input")), head(tr("From a cache")),
        head(tr("Into a cache")), head(tr("Output")), head(tr("Of it reasoning")), head(tr("Price not known")),
        Head(tr("Further apart")),
    )  # fmt: skip


def _row(asked: Asked, part: Mapping[str, Any], total: Mapping[str, int], called: Names) -> tuple[Cell, ...]:
    """The part's name, its figures, of which requests and errors lead to their rows, and the way to the same taken apart more."""
    value = str(part[asked.by])
    only = replace(asked, filters=(*(each for each in asked.filters if each.field != asked.by), Filter(asked.by, "eq", value)))
    finer = only.link(by=FINER[asked.by])
    name, href = called.get(value, (value or tr("not known"), ""))
    cost_, share, requests, errors, *others = _figures(asked, part, total)
    errors = replace(errors, href=only.requests(Filter("failed", "eq", "true")) if part["errors"] else "")
    apart = Cell(tr("by {dimension}", dimension=by_words(FINER[asked.by])).replace(" ", telling.TIED), finer)
    named = Cell(name, href or finer, tone=None if value else "off")
    return named, cost_, share, replace(requests, href=only.requests()), errors, *others, apart


def _figures(asked: Asked, part: Mapping[str, Any], total: Mapping[str, int]) -> tuple[Cell, ...]:
    share, whole = measured(part, asked.measure), measured(total, asked.measure)
    return (
        cost(part), Cell(f"{share / whole:.1%}" if whole else "", number=True),
        number(part["requests"]), _errors(part), number(measured(part, "tokens")), *(number(part[kind]) for kind in _KINDS),
        Cell(f"{part['unpriced']:,}", tone="busy", number=True) if part["unpriced"] else number(0),
    )  # fmt: skip


def cost(part: Mapping[str, Any]) -> Cell:
    """What is known of the cost; where no price was, that, and not 0."""
    if part["unpriced"] and not part["cost"]:
        return Cell(tr("not known"), tone="off", number=True)
    return Cell(telling.usd(part["cost"], 4), number=True)


def _errors(part: Mapping[str, Any]) -> Cell:
    return Cell(f"{part['errors']:,}", number=True, note=f"{part['errors'] / part['requests']:.1%}" if part["errors"] else "")


def added(parts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The sums of some parts together."""
    held = dict.fromkeys(usage.MEASURES, 0)
    for part in parts:
        held = {name: held[name] + part[name] for name in usage.MEASURES}
    return held


def chart(actor: Actor, asked: Asked, parts: Sequence[Mapping[str, Any]], called: Names) -> Stacked:
    """The course of the largest parts, and of the others together."""
    top = [str(part[asked.by]) for part in parts[:TOP] if measured(part, asked.measure)]
    course = _course(actor, asked, top, len(parts))
    steps, value = asked.steps(), _drawn(asked.measure)
    lines = [(name_of(each, called), tuple(value(course.get((step, each), 0)) for step in steps)) for each in top]
    if any(course.get((step, None), 0) for step in steps):
        lines.append((tr("Others"), tuple(value(course.get((step, None), 0)) for step in steps)))
    labels = tuple(f"{step:%m-%d %H:%M}" if asked.step == "hour" else f"{step:%m-%d}" for step in steps)
    hrefs = tuple(asked.within(step) if asked.step == "day" else replace(asked, since=step, until=_end(asked, step)).requests()
                  for step in steps)  # fmt: skip
    title = tr("{measure} by {step}, by {dimension} (UTC)", measure=measure_words(asked.measure),
               step=tr("hour") if asked.step == "hour" else tr("day"), dimension=by_words(asked.by))  # fmt: skip
    return Stacked(title, labels, tuple(lines), "usd" if asked.measure == "cost" else "number", hrefs=hrefs if lines else (),
                   empty=tr("Nothing was used in this time."))  # fmt: skip


def _end(asked: Asked, step: Any) -> Any:
    following = [each for each in asked.steps() if each > step]
    return following[0] if following else asked.until


def _drawn(measure: str) -> Callable[[int], float | None]:
    return telling.dollars if measure == "cost" else float


def _course(actor: Actor, asked: Asked, top: Sequence[str], number_of_parts: int) -> dict[tuple[Any, str | None], int]:
    """By step and part; None: all others. Where there are many, the largest are asked for first, then all together: what comes
    in between makes the others no less."""
    held: dict[tuple[Any, str | None], int] = {}
    if not top:
        return held
    if number_of_parts * len(asked.steps()) <= _AT_ONCE:
        for part in usage.series(actor, asked.question(asked.by), asked.step).parts:
            value = str(part[asked.by])
            place = (part["start"], value if value in top else None)
            held[place] = held.get(place, 0) + measured(part, asked.measure)
        return held
    own = usage.series(actor, asked.question(asked.by, Filter(asked.by, "in", list(top))), asked.step)
    for part in own.parts:
        held[part["start"], str(part[asked.by])] = measured(part, asked.measure)
    for part in usage.series(actor, asked.question(), asked.step).parts:
        mine = sum(held.get((part["start"], each), 0) for each in top)
        held[part["start"], None] = measured(part, asked.measure) - mine
    return held


def as_file(asked: Asked, parts: Sequence[Row], total: Mapping[str, int], called: Names) -> Iterator[str]:
    """CSV: every part by its name, then their sum; cost in USD, nothing where it is not known."""
    yield _line([asked.by, "name", "cost_usd", *(each for each in usage.MEASURES if each != "cost"), "since", "until"])
    times = (asked.since.isoformat(), asked.until.isoformat())
    for part in parts:
        value = str(part[asked.by])
        yield _line([safe(value), safe(name_of(value, called)), *_values(part), *times])
    yield _line(["", "total", *_values(total), *times])


def _values(part: Mapping[str, Any]) -> list[object]:
    known = part["cost"] or not part["unpriced"]
    usd = f"{part['cost'] / _NANO:.9f}" if known else ""
    return [usd, *(part[each] for each in usage.MEASURES if each != "cost")]


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
