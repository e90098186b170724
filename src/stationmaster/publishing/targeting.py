"""Targets: attached, changed, detached. Owns: their checks and changes, which one is the default, and what is shown of them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import Count, QuerySet

from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.publishing import kinds
from stationmaster.publishing.checking import checked
from stationmaster.publishing.kindlist import shown_kind
from stationmaster.publishing.models import THERE, Publication, Target
from stationmaster.publishing.reaching import is_tested, reading
from stationmaster.publishing.tables import PLAIN, TargetTable
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name, same_name, unused
from stationmaster.targets._base import HasGroups
from stationmaster.targets.registry import KINDS, kind

FIELDS: Final = frozenset({"name", "base_url", "secret", "default", "disabled_reason", *PLAIN})
_NAMED: Final = 5        # credentials in a message
_OBSERVED: Final = ("tested_at", "tested_ok", "tested_words", "trouble", "version", "read_at", "read_words")


def show(row: Target) -> Mapping[str, Any]:
    """A target as plain values; of its secret only whether there is one."""
    return {
        "id": row.id, "name": row.name, "base_url": row.base_url, "secret_set": bool(row.secret), "default": row.default,
        "disabled_reason": row.disabled_reason, **{name: getattr(row, name) for name in PLAIN}, "state": state_of(row),
        **{name: getattr(row, name) for name in _OBSERVED},
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


def state_of(row: Target) -> str:
    """What can be done there: disabled, refused (it turned us away), untested (since it was changed), or ready."""
    states = ((row.disabled, "disabled"), (bool(row.trouble), "refused"), (not is_tested(row), "untested"))
    return next((name for holds, name in states if holds), "ready")


TARGETS: Final = Listing(
    noun="targets",
    columns=(
        Column("id"), Column("name"), Column("label"), Column("kind", values=KINDS), Column("default", kind="flag"),
        Column("disabled", kind="flag"), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show,
)  # fmt: skip


def list_targets(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "targets:read")
    return page(TARGETS, Target.objects.all(), query)


def export_targets(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "targets:export")
    return export(TARGETS, Target.objects.all(), query, form)


def get_target(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id or name, with what its kind offers, how many publications it has by state and by what was read back, and the
    last job of each kind. Raises `Forbidden`, `NotFound`."""
    require(actor, "targets:read")
    row = find(Target, which)
    return {**show(row), "offers": shown_kind(kind(row.kind)), "counts": _counted(row, "state"), "seen": _counted(row, "seen"),
            "last_jobs": jobs.last_of(row.id)}  # fmt: skip


def list_groups(actor: Actor, which: str) -> list[Mapping[str, Any]]:
    """The groups of a target, asked there now; none where it has none. Raises `Forbidden`, `NotFound`,
    `Conflict`, `RemoteError`."""
    require(actor, "targets:test")
    with reading(find(Target, which)) as adapter:
        found = adapter.groups() if isinstance(adapter, HasGroups) else ()
        return [{"id": each.id, "name": each.name, "vendors": sorted(each.vendors)} for each in found]


def create_target(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Attach a target; the first becomes the default. It has to be tested before anything is published there. Raises
    `Forbidden`, `Invalid`, `Conflict`."""
    require(actor, "targets:create")
    known_only(given, FIELDS)
    writeonly.new(given)
    table = checked(given)
    with change(actor) as edit:
        free_name(Target, table.id)
        _is_alone(Target.objects.all(), table)
        row = Target(name=table.id)
        _fill(row, table, given)
        row.secret = table.secret
        row.default = table.default or not Target.objects.exists()
        if row.default:
            _unset_default(edit)
        edit.create(row)
        _schedule(edit, row)
    return show(row)


def update_target(actor: Actor, which: str, given: Given, version: int | None = None) -> Mapping[str, Any]:
    """Change the fields that are given; an empty secret keeps the old one, unless the kind, the address or the user is another.
    One that has copies of ours stays where it is. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`,
    `Stale`, `Invalid`, `Conflict`."""
    require(actor, "targets:update")
    known_only(given, FIELDS)
    with change(actor) as edit:
        row = find(Target, which)
        same_name(row, given)
        _stays_default(row, given)
        secret = writeonly.new(given)
        if given.get("default") is True and not row.default:
            _unset_default(edit)
        with edit.updating(row, version):
            table = merged(row, given)
            _stays_there(row, table)
            _is_alone(Target.objects.exclude(pk=row.pk), table)
            _fill(row, table, {"disabled_reason": row.disabled_reason, **given})
            row.secret, row.default = secret or row.secret, row.default or table.default
        _schedule(edit, row)
    return show(row)


def delete_target(actor: Actor, which: str, version: int | None = None, *, forget: bool = False) -> None:
    """Detach a target that has no entries of ours, nor may have some. `forget`: with them; they stay there, and nobody here knows
    of them any more.
    Another target becomes the default, if this was. Raises `Forbidden`, `NotFound`, `Stale`, `Conflict`."""
    require(actor, "targets:delete")
    with change(actor) as edit:
        row = find(Target, which)
        if not forget:
            unused(row, _holds(row))
        jobs.unschedule(edit, kinds.READ_BACK, row.id)
        was_default = row.default
        edit.delete(row, version)
        heir = Target.objects.order_by("disabled", "created_at").first() if was_default else None
        if heir is not None:
            with edit.updating(heir):
                heir.default = True


def chosen(which: str) -> Target:
    """The target with this id or name; the default for none. Raises `NotFound`, `Conflict`."""
    if which:
        return find(Target, which)
    row: Target | None = Target.objects.filter(default=True).first()
    if row is None:
        raise Conflict("error.target.none", "there is no target yet", hint="attach one first")
    return row


def merged(row: Target, given: Given) -> TargetTable:
    """The fields of a row with those that are given over them, checked; the stored secret stands in for an empty one. Raises
    `Invalid` when it would be sent to another address than it was given for."""
    secret = writeonly.new(given)
    stored = {name: getattr(row, name) for name in FIELDS - {"secret"}}
    table = checked({**stored, **given, "secret": secret or (writeonly.KEPT if row.secret else "")})
    same = (table.kind, table.base_url.rstrip("/"), table.user) == (row.kind, row.base_url, row.user)
    if not secret and row.secret and not same:
        why = "needed together with another kind, base_url or user"
        raise Invalid("error.secret.needed", f"secret: {why}", hint="a stored secret is sent as it was stored: give it anew",
                      fields={"secret": why})  # fmt: skip
    return table


def _holds(row: Target) -> list[str]:
    """The credentials that it has copies of, or may have."""
    there = Publication.objects.filter(THERE, target=row).select_related("credential").order_by("credential__name")
    return [f"credential {each.credential.name}" for each in there]


def _stays_there(row: Target, table: TargetTable) -> None:
    """What has to be withdrawn would be looked for, and not found, at the other place. Raises `Conflict`."""
    if (table.kind, table.base_url.rstrip("/")) == (row.kind, row.base_url):
        return
    there = _holds(row)
    if there:
        message = f"{row.name} has copies where it is: {', '.join(there[:_NAMED])}{', …' if len(there) > _NAMED else ''}"
        raise Conflict("error.target.holds_copies", message, hint="withdraw them first, or attach the other address as a target")


def _is_alone(others: "QuerySet[Any]", table: TargetTable) -> None:
    """Two of one gateway would take each other's entries for their own: withdrawing from one empties the other. Raises
    `Conflict`."""
    other = others.filter(kind=table.kind, base_url__in=(table.base_url, table.base_url.rstrip("/"))).first()
    if other is not None:
        raise Conflict("error.target.there_already", f"{other.name} is the target at this address",
                       hint="use that one; what a pool needs of its own is said when publishing")  # fmt: skip


def _counted(row: Target, field: str) -> dict[str, int]:
    found = Publication.objects.filter(target=row).order_by().values_list(field).annotate(Count("id"))
    return {state: number for state, number in found if state}


def _stays_default(row: Target, given: Given) -> None:
    if row.default and given.get("default") is False:
        why = "make another target the default instead"
        raise Invalid("error.target.default", f"default: {why}", fields={"default": why})


def _unset_default(edit: Change) -> None:
    """Take the mark from whichever has it; another one gets it in the same change."""
    for other in Target.objects.filter(default=True):
        with edit.updating(other):
            other.default = False


def _schedule(edit: Change, row: Target) -> None:
    """Have it read back as often as it says, by whichever worker is there."""
    if row.read_minutes and not row.disabled:
        jobs.schedule(edit, kinds.READ_BACK, row.id, row.read_minutes * 60)
    else:
        jobs.unschedule(edit, kinds.READ_BACK, row.id)


def _fill(row: Target, table: TargetTable, given: Given) -> None:
    row.base_url, row.disabled_reason = table.base_url.rstrip("/"), given.get("disabled_reason") or ""
    for name in PLAIN:
        setattr(row, name, getattr(table, name))
