"""Whose usage it is. Owns: what takes one's own, and nothing of whoever had the same address before.

Gateways report a key's name and owner as they were spelled, and a company gives addresses on, and names of keys. So what came
since one is known here counts. From before, what came by one's own keys counts, each since it was made, where nobody who left
was called the same. What came by keys of somebody else never does.
"""

from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from stationmaster.people.services import called_before, person_of
from stationmaster.routing.keys import earlier_keys, own_keys, owner_spellings
from stationmaster.store.actor import Actor
from stationmaster.usage.models import UsageEvent
from stationmaster.usage.rollups import day_of

_MOST: Final = 200  # keys that are older than what is known of who has them: a condition each


def own(actor: Actor, rows: "QuerySet[Any]") -> "QuerySet[Any]":
    """Those of `rows`, requests or sums, that are the actor's own."""
    others, person = earlier_keys(actor), person_of(actor)
    known = None if person is None else person.created_at
    mine = _since(rows, known) if known else Q(pk__in=())
    if not others and not called_before(actor):
        mine |= _before(actor, rows, known or timezone.now())
    return rows.filter(mine, owner__in=owner_spellings(actor)).exclude(key__in=others)


def _before(actor: Actor, rows: "QuerySet[Any]", known: datetime) -> Q:
    """What came by the actor's id, or by a key of theirs since it was made."""
    mine = Q(owner__in={actor.id, actor.person} - {""})
    for name, made in own_keys(actor, known, _MOST):
        mine |= Q(key=name) & _since(rows, made)
    return mine


def _since(rows: "QuerySet[Any]", at: datetime) -> Q:
    """Requests from then on; sums from that day on, which is as exactly as they know it."""
    return Q(at__gte=at) if rows.model is UsageEvent else Q(start__gte=day_of(at))
