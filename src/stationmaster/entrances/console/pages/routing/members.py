"""A pool's members as a table. Owns: how each stands, its place, and its share of the traffic beside the one that its weight
asks for."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from stationmaster.entrances.console.pages import lists
from stationmaster.entrances.console.pages.credentials.parts import health
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import NOTHING, Cell, Link, Row, Sorting, Table, number, texts
from stationmaster.entrances.console.pages.routing.shared import requests_of
from stationmaster.i18n import tr, trn

Held = Mapping[str, Row]


def table(row: Row, held: Held, shares: Mapping[str, tuple[int, int]], *, changing: bool) -> Table:
    """The members in the order in which they are asked. `shares`: requests of each in the last day, and of all."""
    members = sorted(row["members"], key=lambda each: each["priority"])
    weights = _weights(members)
    columns = [
        Column(tr("Credential"), lambda each: _named(each, held)),
        Column(tr("Health"), lambda each: health(held[each["credential"]]) if each["credential"] in held else NOTHING),
        Column(tr("Priority"), lambda each: number(each["priority"]), number=True),
        Column(tr("Weight"), lambda each: Cell(f"{each['weight']:,}", number=True, note=f"{weights[each['credential']]} %")),
        Column(tr("Requests in 24 hours"), lambda each: _carried(each, shares)),
        Column(tr("Limits"), _limits),
        Column(tr("Models"), lambda each: texts([] if each["models"] == ["*"] else each["models"])),
    ]
    if changing:
        columns.append(Column("", lambda each: Cell(links=(_change(row, each),))))
    made = lists.plain(columns, members)
    if not changing or len(members) < 2:
        return made
    order = tuple(each["credential"] for each in members)
    return replace(made, sorting=Sorting(order, "credential", "order", tr("Save the order")))


def _change(row: Row, each: Row) -> Link:
    return Link(tr("Change"), f"/pools/{row['id']}/member?{urlencode({'credential': each['credential']})}", dialog=True)


def _named(each: Row, held: Held) -> Cell:
    found = held.get(each["credential"])
    return Cell(each["credential"], f"/credentials/{found['id']}", note=found["vendor"]) if found else Cell(each["credential"])


def _weights(members: list[Row]) -> Mapping[str, int]:
    """The share, in per cent, that each one's weight asks for among those of its priority."""
    sums: dict[int, int] = {}
    for each in members:
        sums[each["priority"]] = sums.get(each["priority"], 0) + each["weight"]
    return {each["credential"]: round(100 * each["weight"] / max(sums[each["priority"]], 1)) for each in members}


def _carried(each: Row, shares: Mapping[str, tuple[int, int]]) -> Cell:
    """What it carried of the pool's traffic."""
    if each["credential"] not in shares:
        return Cell(tr("none"), tone="off")
    mine, all_of_them = shares[each["credential"]]
    share = f"{round(100 * mine / max(all_of_them, 1))} %"
    note = trn("{number} request", "{number} requests", mine)
    return Cell(share, requests_of("credential", each["credential"]), note, meter=(mine, max(all_of_them, 1)))


def _limits(each: Row) -> Cell:
    told = (
        tr("{number} at once", number=f"{each['max_concurrency']:,}") if each["max_concurrency"] else "",
        tr("{number} requests a minute", number=f"{each['rpm']:,}") if each["rpm"] else "",
        tr("{number} tokens a minute", number=f"{each['tpm']:,}") if each["tpm"] else "",
    )
    found = tuple(Cell(text) for text in told if text)
    return Cell(many=found) if found else NOTHING
