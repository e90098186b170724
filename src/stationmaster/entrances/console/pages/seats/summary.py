"""A plan at a glance: how many steps of which kind, why they are there, what became of them. Owns those parts of its page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Note, Part, Row, Section
from stationmaster.entrances.console.pages.pictures import Tile, Tiles
from stationmaster.i18n import marked, told, tr
from stationmaster.workspaces.planning.reasons import REASONS
from stationmaster.workspaces.planning.values import REMOVALS, TOLD

_OFFBOARDING: Final = "left"  # the reason of what ends because somebody left the company
# Sentences for several steps at once, whose facts are not all the same.
_GENERAL: Final[Mapping[str, str]] = {
    "role_of_invite": marked("are invited with another role"), "role": marked("have another role"),
    "role_by_hand": marked("have another role: roles are given at the vendor"),
    "owner": marked("hold a role that is given and taken at the vendor only"),
    "last_owner": marked("are the last with their role"),
    "no_seat": marked("no seat is free"), "domain": marked("addresses that are not allowed in their workspace"),
    "renamed": marked("are in, and known at the vendor by another name"),
}


def tiles(row: Row, reasons: Sequence[Row]) -> Tiles:
    """How many steps of each kind there are; once they are done, how many came to which end."""
    kinds = [Tile(words.name(words.STEPS, kind), f"{count:,}", _steps(kind=kind), tone=words.STEPS[kind][1])
             for kind, count in row["counts"].items()]  # fmt: skip
    ended: Counter[str] = Counter()
    for each in reasons:
        ended.update({outcome: count for outcome, count in each["outcomes"].items() if outcome})
    return Tiles((*kinds, *(_outcome(outcome, ended[outcome]) for outcome in words.OUTCOMES if ended[outcome])))


def _outcome(outcome: str, count: int) -> Tile:
    name, tone = words.name(words.OUTCOMES, outcome), words.OUTCOMES[outcome][1]
    return Tile(name, f"{count:,}", _steps(outcome=outcome), tr("of the steps"), tone)


def why(row: Row, reasons: Sequence[Row]) -> list[Section]:
    """Why the steps are there, by kind; what keeps others from being done stands by itself."""
    done = [each for each in reasons if each["kind"] not in TOLD]
    kept = [each for each in reasons if each["kind"] in TOLD]
    sections = []
    if done:
        sections.append(Section(tr("Why"), (*_leavers(done), _table(done)), half=bool(kept)))
    if kept:
        sections.append(Section(tr("What is not done, and why"), (_table(kept),), half=bool(done)))
    return sections if len(reasons) > 1 or kept or row["state"] == "open" else []


def comes_to(row: Row) -> str:
    """What an approval is for, in one sentence."""
    counts = [f"{words.name(words.STEPS, kind)}: {count:,}" for kind, count in row["counts"].items() if kind not in TOLD]
    return tr("What is done at {workspaces}: {steps}.", workspaces=", ".join(row["workspaces"]), steps=", ".join(counts))


def _leavers(reasons: Sequence[Row]) -> list[Part]:
    """Offboarding is said apart from what differs for other reasons, and that no last owner goes."""
    removals = [each for each in reasons if each["kind"] in REMOVALS]
    if not removals:
        return []
    left = sum(each["count"] for each in removals if each["reason"] == _OFFBOARDING)
    others = sum(each["count"] for each in removals) - left
    text = tr("Taken out because they left the company: {left}; because nothing assigns them, or for other reasons: {others}. "
              "The last owner of a workspace is never removed.", left=left, others=others)  # fmt: skip
    return [Note(text)]


def _table(reasons: Sequence[Row]) -> Part:
    columns = (
        Column(tr("Step"), lambda each: words.state(words.STEPS, each["kind"])),
        Column(tr("Why"), lambda each: Cell(_sentence(each["reason"]))),
        Column(tr("Steps"), _number, number=True),
    )
    return lists.plain(columns, reasons)


def _number(each: Row) -> Cell:
    return Cell(f"{each['count']:,}", _steps(kind=each["kind"], reason=each["reason"]), number=True)


def _sentence(reason: str) -> str:
    """A reason without the facts of each step."""
    known = _GENERAL.get(reason) or REASONS.get(reason)
    return told(known) if known else reason


def _steps(**asked: str) -> str:
    return "?" + urlencode([("filter", f"{name}:eq:{value}") for name, value in asked.items()])
