"""What entrances may ask of the audit trail. Owns: its list, its check, people's names in it and their erasure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from django.utils import timezone

from stationmaster.audit import trail
from stationmaster.audit.models import AuditEvent, Person
from stationmaster.audit.trail import Fault, Head, Verdict
from stationmaster.errors import NotFound
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor, Kind
from stationmaster.store.changes import change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.scope import demand

__all__ = [
    "EVENTS", "Fault", "Head", "Verdict", "erase_person", "export_events", "ids_of", "list_events", "name_person", "people",
    "verify",
]

ERASED = "(erased)"


def show(event: AuditEvent) -> Mapping[str, Any]:
    """An event as plain values; `before` and `after` are objects or null."""
    return {
        "seq": event.seq, "at": event.at, "source": event.source, "subject": event.subject, "action": event.action,
        "actor_kind": event.actor_kind, "actor": event.actor, "role": event.role, "request_id": event.request_id,
        "revision": event.revision, "before": _parsed(event.before), "after": _parsed(event.after),
    }


EVENTS = Listing(
    noun="audit",
    columns=(
        Column("seq", kind="number"), Column("at", kind="time"), Column("source"), Column("subject"), Column("action"),
        Column("actor"), Column("actor_kind", sortable=False, values=get_args(Kind)), Column("request_id", sortable=False),
        Column("revision", kind="number", sortable=False),
    ),
    show=show, search="about", sort="-seq", key="seq",
)


def list_events(actor: Actor, query: Query) -> Page:
    """One page of the trail, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "audit:read")
    return page(EVENTS, AuditEvent.objects.all(), query)


def export_events(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """The trail as a file, piece by piece. Raises `Forbidden`, `Invalid`."""
    require(actor, "audit:export")
    return export(EVENTS, AuditEvent.objects.all(), query, form)


def verify(actor: Actor, since: Head | None = None) -> Verdict:
    """Check the whole trail, against a head kept elsewhere if one is given. Raises `Forbidden`."""
    require(actor, "audit:verify")
    return trail.verify(since)


def name_person(person: str, name: str, email: str) -> None:
    """Say whom an id stands for; part of the change that makes or changes that person. Who was erased stays so."""
    demand()
    if not Person.objects.filter(id=person).exclude(erased_at=None).exists():
        Person.objects.update_or_create(id=person, defaults={"name": name, "email": email})


def ids_of(email: str) -> list[str]:
    """The ids that stand for this e-mail address, of people who were not erased; the latest last. Asked by services that
    decided who may ask."""
    return list(Person.objects.filter(email=email, erased_at=None).order_by("id").values_list("id", flat=True))


def people(actor: Actor, ids: Iterable[str]) -> dict[str, str]:
    """Names for ids; an erased one says so, an unknown id (a token's, a gateway's) is left out. Raises `Forbidden`."""
    require(actor, "audit:read")
    found = Person.objects.filter(id__in=set(ids))
    return {person.id: ERASED if person.erased_at else person.name for person in found}


def erase_person(actor: Actor, person: str) -> None:
    """Forget name and e-mail address behind an id. The events stay, and so does the chain. Raises `Forbidden`, `NotFound`."""
    require(actor, "audit:erase")
    with change(actor) as edit:
        emptied = {"name": "", "email": "", "erased_at": timezone.now()}
        if not Person.objects.filter(id=person, erased_at=None).update(**emptied):
            raise NotFound("error.audit.no_person", "no person has this id, or they were erased already")
        edit.record(f"audit:{person}:erase")


def _parsed(text: str) -> Any:
    return json.loads(text) if text else None
