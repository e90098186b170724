"""The guard against a directory that empties itself. Owns: how many SCIM may have leave within an hour, what is held, and
what becomes of it (docs/decisions/0016-scim.md).

A directory that is read wrongly looks like one whose people have all left. So beyond the limits that
plans have too (`people.limits`), counted over an hour, nobody leaves by SCIM until an operator has said so; up to `ALWAYS` pass,
for small companies. A token
that was stolen, or a directory that errs, must not lock the admins out either: they are held whatever the number.
"""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from stationmaster.errors import StationmasterError
from stationmaster.operators.access import rights
from stationmaster.people import limits
from stationmaster.people.access_ends import operator_of
from stationmaster.people.models import Person
from stationmaster.people.scim.models import APPROVED, HELD, LEFT, Leaver
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change

WITHIN: Final = timedelta(hours=1)
ALWAYS: Final = 3             # people, however few there are
TOO_MANY: Final = "more people would leave within an hour than may without an operator's approval"
AN_ADMIN: Final = "this person is an admin here, who leaves by an admin's approval only"
_RULES: Final = "operators:update"      # who may say who may log in
_KEPT = timedelta(days=7)     # rows of what is over


class Held(StationmasterError):
    """This one stays until an operator approves: too many would leave (`why`). `person` is their id, `seconds` when it may be
    asked again."""

    STATUS = 429

    def __init__(self, person: str, deletes: bool, why: str = TOO_MANY) -> None:
        self.person, self.deletes = person, deletes
        self.seconds = int(WITHIN.total_seconds())
        super().__init__(
            "error.scim.held", why, retryable=True,
            hint="nothing was changed; have an operator look at `stationmaster scim held`",
        )


def beyond(left: int, active: int) -> bool:
    """Tell whether one more is too many, when `left` left within the time and `active` are there."""
    return limits.beyond(left + 1, active + left, limits.limits(), always=ALWAYS)


def leave(edit: Change, row: Person, *, deletes: bool) -> None:
    """Note that an active person is about to leave by SCIM. Raises `Held` when they may not; whoever asks tells `hold` then,
    once the change is undone. Somebody whom SCIM itself made within the time is not counted: taking back what was just
    given is no leaving; but whoever is an operator was here before, and an admin's way in does not end by SCIM's word."""
    operator = operator_of(row) if row.active else None
    may_log_in = operator is not None and operator.active
    if operator is not None and operator.active and _RULES in rights(operator.role):
        raise Held(row.id, deletes, AN_ADMIN)
    if not row.active or (_made_lately(row) and not may_log_in):
        return
    now = timezone.now()
    Leaver.objects.exclude(state=HELD).filter(at__lt=now - _KEPT).delete()
    left = Leaver.objects.filter(state=LEFT, at__gte=now - WITHIN).count()
    if beyond(left, Person.objects.filter(active=True).count()):
        raise Held(row.id, deletes)
    Leaver.objects.create(person=row.id, deletes=deletes, token=edit.actor.id, at=now, asked_at=now)


def hold(actor: Actor, held: Held) -> None:
    """Write down that somebody's leaving waits for approval; once, however often SCIM asks."""
    now = timezone.now()
    with change(actor) as edit:
        known = Leaver.objects.filter(person=held.person, state=HELD)
        if known.update(asked_at=now):
            known.exclude(deletes=held.deletes).update(deletes=held.deletes)
        elif Person.objects.filter(id=held.person).exists():
            Leaver.objects.create(person=held.person, state=HELD, deletes=held.deletes, token=actor.id, at=now, asked_at=now)
            edit.record(f"people:{held.person}:hold_leaving", after={"deletes": held.deletes})


def settle(person: str, state: str = APPROVED) -> None:
    """What was held of this person is over."""
    Leaver.objects.filter(person=person, state=HELD).update(state=state, at=timezone.now())


def withdraw(person: str) -> None:
    """SCIM said whether they are active, and it was done: what was held of them before is over, as if it had not been asked."""
    Leaver.objects.filter(person=person, state=HELD).delete()


def _made_lately(row: Person) -> bool:
    return row.source == "scim" and timezone.now() - row.created_at < WITHIN
