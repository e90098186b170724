"""Whose usage it is. Owns: what takes one's own, and nothing of whoever had the same address before.

Gateways report a key's owner as the key spells it, and a company gives addresses on. So under a name counts what came by one's
own keys, and of keys that are gone, what came since one is known here; never what came by keys of somebody else.
"""

from typing import Any

from django.db.models import Q, QuerySet

from stationmaster.people.services import person_of
from stationmaster.routing.keys import earlier_keys, own_keys, owner_spellings
from stationmaster.store.actor import Actor
from stationmaster.usage.models import UsageEvent
from stationmaster.usage.rollups import day_of


def own(actor: Actor, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Those of `rows`, requests or sums, that are the actor's own."""
    mine = Q(owner__in={actor.id, actor.person} - {""}) | Q(key__in=own_keys(actor))
    person = person_of(actor)
    if person is not None:
        at = "at" if rows.model is UsageEvent else "start"
        known = person.created_at if rows.model is UsageEvent else day_of(person.created_at)
        mine |= Q(owner=person.id) | Q((f"{at}__gte", known))
    return rows.filter(mine, owner__in=owner_spellings(actor)).exclude(key__in=earlier_keys(actor))
