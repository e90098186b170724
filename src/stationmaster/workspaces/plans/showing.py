"""Plans as plain values, and their lists."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.db.models import Count, OuterRef, Subquery, TextField, Value
from django.db.models.functions import Coalesce, NullIf

from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find
from stationmaster.workspaces.models import Plan, PlanStep, VendorMember
from stationmaster.workspaces.models.observed import RENAMED
from stationmaster.workspaces.models.plans import OUTCOMES, STATES
from stationmaster.workspaces.planning.checklists import Item, checklist
from stationmaster.workspaces.planning.reasons import REASONS, sentence
from stationmaster.workspaces.planning.values import BY_HAND, KINDS

_NOTHING: Final = Value("", output_field=TextField())


def show(row: Plan) -> Mapping[str, Any]:
    """A plan as plain values. `second_approval`: why it takes one, empty if it does not; `terms`: what seats cost, by workspace,
    where it buys some or gives some back."""
    return {
        "id": row.id, "state": row.state, "hash": row.hash, "workspaces": row.names.split("\n") if row.names else [],
        "counts": row.counts, "second_approval": row.guards, "approvals": row.approvals, "cost_minor": row.cost_minor,
        "terms": row.terms,
        "made_by": row.made_by, "note": row.note, "why": row.why, "jobs": row.jobs, "closed_at": row.closed_at,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


def show_step(row: PlanStep) -> Mapping[str, Any]:
    """A line of a plan: whom, from what to what, and why, as a code and as a sentence. `checklist`: what a person does, if
    nobody else can, and who ticked it."""
    person = row.person
    facts = {**row.facts, "known": _at_vendor(row) or "?"} if row.reason == "renamed" else row.facts
    return {
        "id": row.id, "position": row.position, "kind": row.kind, "workspace": row.workspace.name,
        "person": row.person_id or "", "name": str(person) if person is not None else row.known_as,
        "email": person.email if person is not None else "", "before": row.before, "after": row.after, "reason": row.reason,
        "facts": facts, "sentence": sentence(row.reason, facts) if row.reason in REASONS else row.reason,
        "checklist": _ticked(row), "outcome": row.outcome, "outcome_detail": row.outcome_detail, "done_by": row.done_by,
        "done_at": row.done_at,
    }  # fmt: skip


def checklist_of(row: PlanStep) -> tuple[Item, ...]:
    """The sentences of a step that a person does; empty for all others."""
    person = row.person
    at_vendor = _at_vendor(row) if row.kind == BY_HAND else ""
    who = at_vendor or ((person.email or str(person)) if person is not None else row.known_as)
    return checklist(row.reason, who, row.workspace.name, row.after) if row.kind == BY_HAND else ()


def _at_vendor(row: PlanStep) -> str:
    """What the vendor calls somebody who is called otherwise here; empty: nothing else. It is looked up, since no plan keeps
    what a person is called."""
    called = getattr(row, "called", None) if row.member else ""
    if called is None:
        called = _called(row.workspace_id, row.member).first()
    return str(called or "")


def _called(workspace: Any, member: Any) -> Any:
    rows = VendorMember.objects.filter(workspace_id=workspace, vendor_id=member, conflict=RENAMED).order_by()
    return rows.annotate(called=Coalesce(NullIf("email", _NOTHING), "login")).values_list("called", flat=True)


def _ticked(row: PlanStep) -> list[Mapping[str, Any]]:
    held = {each["item"]: each for each in row.ticked}
    return [
        {"item": number, "text": each.text, "facts": each.facts, "sentence": each.sentence,
         "ticked_by": held.get(number, {}).get("by", ""), "ticked_at": held.get(number, {}).get("at")}
        for number, each in enumerate(checklist_of(row), 1)
    ]  # fmt: skip


PLANS: Final = Listing(
    noun="plans",
    columns=(
        Column("id"), Column("state", values=STATES), Column("made_by"), Column("hash", sortable=False),
        Column("workspaces", "names", sortable=False), Column("created_at", kind="time"), Column("updated_at", kind="time"),
        Column("revision", kind="number"),
    ),
    show=show,
)

STEPS: Final = Listing(
    noun="plan steps",
    columns=(
        Column("id", kind="number"), Column("position", kind="number"), Column("kind", values=KINDS),
        Column("workspace", "workspace__name"), Column("person", "person_id", sortable=False),
        Column("reason", values=REASONS), Column("outcome", values=("", *OUTCOMES)),
    ),
    show=show_step, search="person__search_text", sort="position",
)  # fmt: skip


def list_plans(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "plans:read")
    return page(PLANS, Plan.objects.all(), query)


def export_plans(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "plans:export")
    return export(PLANS, Plan.objects.all(), query, form)


def get_plan(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by id. Raises `Forbidden`, `NotFound`."""
    require(actor, "plans:read")
    return show(find(Plan, which))


def list_steps(actor: Actor, which: str, query: Query) -> Page:
    """One page of a plan's steps, in their order. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "plans:read")
    return page(STEPS, _steps(which), query)


def plan_reasons(actor: Actor, which: str) -> list[Mapping[str, Any]]:
    """Why a plan's steps are there: for each kind and reason how many there are, in the order of the kinds, and how many of them
    came to which outcome (empty: none yet). Raises `Forbidden`, `NotFound`."""
    require(actor, "plans:read")
    found: dict[tuple[str, str], dict[str, int]] = {}
    rows = find(Plan, which).steps.order_by().values_list("kind", "reason", "outcome").annotate(number=Count("id"))
    for kind, reason, outcome, number in rows:
        found.setdefault((kind, reason), {})[outcome] = number
    return [
        {"kind": kind, "reason": reason, "count": sum(found[kind, reason].values()), "outcomes": found[kind, reason]}
        for kind, reason in sorted(found, key=lambda key: (KINDS.index(key[0]), key[1]))
    ]


def export_steps(actor: Actor, which: str, query: Query, form: Format) -> Iterator[str]:
    """All steps that the query asks for, as a file. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "plans:export")
    return export(STEPS, _steps(which), query, form)


def _steps(which: str) -> Any:
    """A plan's steps. Persons and workspaces are read for the page alone, by their ids: joined to all of a new plan's rows, of
    which PostgreSQL has no statistics yet, they took it half a minute."""
    called = Subquery(_called(OuterRef("workspace_id"), OuterRef("member"))[:1])
    return find(Plan, which).steps.prefetch_related("person", "workspace").annotate(called=Coalesce(called, _NOTHING))
