"""What is different from what should be, on a page. Owns: that section, of a workspace and of the job that found it."""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.names import of_people
from stationmaster.entrances.console.pages.parts import (
    NOTHING,
    Cell,
    Facts,
    Note,
    Part,
    Row,
    Section,
    flag,
    moment,
    number,
    text,
    texts,
)
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor

_CALLED: Final[Mapping[str, Mapping[str, Any]]] = {"drift": words.STEPS, "found": words.LISTED, "unread": words.LISTED}
_RESULTS: Final = {**words.BILLS, **words.RESULTS}      # what jobs count, comparing bills among them


def section(found: Row | None) -> Section:
    """The drift of a workspace, as the services show it; None: it was never reconciled."""
    return Section(tr("Drift"), _parts(found), "drift")


def result(actor: Actor, row: Row) -> list[Section]:
    """What a job says at its end, in words; nothing before."""
    found = row["result"]
    if not found:
        return []
    facts = tuple((words.name(_RESULTS, name), _value(name, found[name])) for name in found if name != "steps")
    return [Section(tr("Result"), (Facts(facts), *_steps(actor, found.get("steps") or [])), "result")]


def _steps(actor: Actor, steps: list[Any]) -> tuple[Part, ...]:
    """The steps that a job found, whom each is about by name: it keeps ids alone."""
    names = of_people(actor, [step["person"] for step in steps])
    return (_table([{"name": names.get(step["person"], ""), **step} for step in steps]),) if steps else ()


def _parts(found: Row | None) -> list[Part]:
    if found is None:
        return [Note(tr("It was not reconciled yet."))]
    if not found["read"]:
        return [_when(found), Note(tr("The vendor could not be read to its end, so that nothing is known."), "bad")]
    if not found["kinds"]:
        same = tr("Nothing is different from what should be.")
        return [_when(found), Note(tr("What was different was mended since.") if found["done"] else same, "good")]
    more = [Note(tr("And {number} more.", number=found["more"]))] if found["more"] else []
    return [_when(found), _table(found["steps"]), *more]


def _when(found: Row) -> Facts:
    rows = [(tr("As of"), moment(found["at"])), (tr("Job"), Cell(tr("its job"), f"/jobs/{found['job']}"))]
    if found["kinds"]:
        counts = ", ".join(f"{words.name(words.STEPS, kind)}: {number}" for kind, number in found["kinds"].items())
        rows.append((tr("Steps"), text(counts)))
    if found["done"]:
        rows.append((tr("Mended since"), number(found["done"])))
    if found["unconfirmed"]:
        rows.append((tr("Writes that are not confirmed"), text(str(found["unconfirmed"]))))
    if found["plan"]:
        rows.append((tr("Plan"), Cell(tr("its plan"), f"/plans/{found['plan']}")))
    return Facts(tuple(rows))


def _table(steps: list[Any]) -> Part:
    columns = (
        Column(tr("Step"), lambda step: words.state(words.STEPS, step["kind"])),
        Column(tr("Who"), _who),
        Column(tr("Why"), lambda step: text(words.reason(step["reason"], step.get("facts") or {}, step["sentence"]))),
    )
    return lists.plain(columns, steps)


def _who(step: Row) -> Cell:
    name = step["name"] or (tr("a person") if step["person"] else step["member"] or step["invite"])
    return text(name, f"/people/{step['person']}" if step["person"] else "")


def _value(name: str, value: Any) -> Cell:
    """A value of a result."""
    if name == "plan":
        return Cell(tr("its plan"), f"/plans/{value}") if value else NOTHING
    if isinstance(value, bool):
        return flag(value)
    if isinstance(value, dict):
        called = _CALLED.get(name, {})
        return text(", ".join(f"{words.name(called, key)}: {each}" for key, each in value.items()))
    if isinstance(value, list):
        return texts(value)
    return text(value)
