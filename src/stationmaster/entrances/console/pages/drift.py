"""What is different from what should be, on a page. Owns: that section, of a workspace and of the job that found it."""

import json
from typing import Any

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Facts, Note, Part, Row, Section, moment, number, text
from stationmaster.i18n import tr


def section(found: Row | None) -> Section:
    """The drift of a workspace, as the services show it; None: it was never reconciled."""
    return Section(tr("Drift"), _parts(found), "drift")


def result(row: Row) -> list[Section]:
    """What a job says at its end, name by name; nothing before."""
    if not row["result"]:
        return []
    facts = tuple((name, text(_plain(value))) for name, value in row["result"].items() if name != "steps")
    steps = row["result"].get("steps")
    table = (_table([{"name": "", **step} for step in steps]),) if steps else ()
    return [Section(tr("Result"), (Facts(facts), *table), "result")]


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
    name = step["name"] or step["person"] or step["member"] or step["invite"]
    return text(name, f"/people/{step['person']}" if step["person"] else "")


def _plain(value: Any) -> str:
    """A value of a result: data, as it is."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_plain(each)}" for name, each in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
