"""Claims that contradict each other. Owns: finding them. Which of two persons a vendor's member is, a person decides, by
moving a log-in or correcting an address; nothing is guessed and nothing merged by itself.
"""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from django.db.models import Count, Exists, F, OuterRef

from stationmaster.operators.access import require
from stationmaster.people.models import Person, PersonEmail, PersonLogin
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Page, Query
from stationmaster.vendors.registry import VENDORS

MOST = 500      # that are shown at once
_KNOW_ADDRESSES = tuple(name for name, vendor in VENDORS.items() if vendor.known_by == "email")

Conflict = Mapping[str, Any]


def list_conflicts(actor: Actor, query: Query) -> Page:
    """The like as a page; there is only one, of at most `query.limit`. Raises `Forbidden`."""
    found = conflicts(actor)
    return Page(found[: query.limit], "", len(found))


def conflicts(actor: Actor) -> list[Conflict]:
    """The first 500: `kind`, `vendor` (empty: every one that goes by addresses), `name`, and the ids of the `persons`.

    `address`: an e-mail address of several active persons. `login`: what a vendor knows one person by is another's address.
    `several`: one person has several log-ins at a vendor, so that it could be either. Raises `Forbidden`.
    """
    require(actor, "people:export")
    return list(islice(chain(_addresses(), _logins(), _several()), MOST))


def _addresses() -> Iterator[Conflict]:
    active = PersonEmail.objects.filter(person__active=True)
    first = Person.objects.filter(active=True, email_folded=OuterRef("folded")).exclude(id=OuterRef("person_id"))
    shared = active.values("folded").annotate(number=Count("id")).filter(number__gt=1).values("folded")
    taken = active.filter(Exists(first)).values_list("folded", flat=True)
    for name in sorted({*taken[:MOST], *shared.values_list("folded", flat=True)[:MOST]}):
        holders = active.filter(folded=name).values_list("person_id", flat=True)
        firsts = Person.objects.filter(active=True, email_folded=name).values_list("id", flat=True)
        yield {"kind": "address", "vendor": "", "name": name, "persons": sorted({*holders, *firsts})}


def _logins() -> Iterator[Conflict]:
    others = Person.objects.filter(active=True, email_folded=OuterRef("folded")).exclude(id=OuterRef("person_id"))
    rows = PersonLogin.objects.filter(vendor__in=_KNOW_ADDRESSES, person__active=True).filter(Exists(others))
    for row in rows.order_by("vendor", "folded")[:MOST]:
        other = Person.objects.filter(active=True, email_folded=row.folded).values_list("id", flat=True)
        yield {"kind": "login", "vendor": row.vendor, "name": row.login, "persons": sorted({row.person_id, *other})}


def _several() -> Iterator[Conflict]:
    counted = PersonLogin.objects.filter(person__active=True).values("person_id", "vendor").annotate(number=Count("id"))
    for each in counted.filter(number__gt=1).order_by(F("vendor"), F("person_id"))[:MOST]:
        held = PersonLogin.objects.filter(person_id=each["person_id"], vendor=each["vendor"]).order_by("folded")
        names = ", ".join(held.values_list("login", flat=True))
        yield {"kind": "several", "vendor": each["vendor"], "name": names, "persons": [each["person_id"]]}
