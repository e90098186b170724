"""Finding rows. Owns: by id or by name, and what is said when there is none or the name is taken."""

from collections.abc import Iterable
from typing import Any, TypeVar

from django.db.models import Q

from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.gateway.config.problems import quoted
from stationmaster.store.rows import ConfigRow

MAX_NAME = 255      # of every id and name, all of them printable ASCII

R = TypeVar("R", bound=ConfigRow)


def find(model: type[R], which: str) -> R:
    """The row with this id or name. Raises `NotFound`."""
    could_be = len(which) <= MAX_NAME and which.isascii() and which.isprintable()
    row = (model.objects.filter(id=which).first() or _by_name(model, which)) if could_be else None
    if row is None:
        raise NotFound(f"error.{model.KIND}.not_found", f"there is no {model.KIND} {quoted(which)}")
    return row


def find_all(model: type[R], which: Iterable[str]) -> dict[str, R]:
    """Rows by the ids or names in `which`; those that do not exist are left out."""
    wanted = set(which)
    found = {row.id: row for row in model.objects.filter(id__in=wanted)}
    return found | {row.known_as(): row for row in model.objects.filter(Q(("name__in", wanted)))}


def free_name(model: type[ConfigRow], name: str) -> None:
    """Raise `Conflict` when a row has this name."""
    if model.objects.filter(Q(("name", name))).exists():
        message = f"the name {quoted(name)} is taken"
        hint = f"choose another, or change the {model.KIND} that there is"
        raise Conflict("error.config.duplicate", message, hint=hint, fields={"name": message})


def same_name(row: Any, given: Any) -> None:
    """Raise `Invalid` for another name: gateways know the row, its health and what it spent, by it."""
    if given.get("name", row.name) != row.name:
        why = "a name is for good"
        raise Invalid("error.store.name_fixed", f"name: {why}", hint="make a new one, then delete this", fields={"name": why})


def unused(row: ConfigRow, users: Iterable[str]) -> None:
    """Raise `Conflict` when something still needs `row`; `users` say what ("pool a", "route 3")."""
    found = sorted(users)
    if found:
        listed = ", ".join(found[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")
        message = f"{row.KIND} {row.known_as()} is still used by {listed}"
        raise Conflict("error.store.in_use", message, hint="take it out there first")


def _by_name(model: type[R], which: str) -> R | None:
    named = any(field.name == "name" for field in model._meta.concrete_fields)
    return model.objects.filter(Q(("name", which))).first() if named else None
