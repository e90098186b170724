"""Whose keys used something. Owns: from an owner as a key spells it (an id, an address, any words) to the person, for all rows of
a page at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import Row
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

_MOST = 500


def persons(actor: Actor, owners: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Id and name of the person behind each owner that is one we know. By id, and by the address where it is one."""
    wanted = sorted({each for each in owners if each})[:_MOST]
    if not wanted or not operators.allowed(actor, "people:read"):
        return {}
    ids = [each for each in wanted if each.startswith("per_")]
    addresses = {each.casefold(): each for each in wanted if "@" in each and "," not in each}
    found = {str(row["id"]): (str(row["id"]), called(row)) for row in _asked(actor, "id", ids)}
    for row in _asked(actor, "email", list(addresses)):
        owner = addresses.get(str(row["email"]).casefold())
        found |= {owner: (str(row["id"]), called(row))} if owner else {}
    return found


def _asked(actor: Actor, field: str, values: Sequence[str]) -> list[Mapping[str, Any]]:
    if not values:
        return []
    query = Query(filters=(Filter(field, "in", list(values)),), limit=_MOST, counted=False)
    return people.list_people(actor, query).items


def named(actor: Actor, rows: list[Row]) -> list[Row]:
    """Rows with the name and the id of their owner's person, where there is one."""
    known = persons(actor, (str(row["owner"]) for row in rows))
    nobody = ("", "")
    return [
        {**row, "owner_id": known.get(str(row["owner"]), nobody)[0], "owner_name": known.get(str(row["owner"]), nobody)[1]}
        for row in rows
    ]
