"""Plans: what a run would do at a target, shown before it is done. Owns: making one from what is here and what the target has,
and running exactly that one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils import timezone

from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Invalid, NotFound
from stationmaster.gateway.config.problems import quoted
from stationmaster.i18n import marked
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.publishing import kinds, planning
from stationmaster.publishing.beginning import goes_where_it_was_shown
from stationmaster.publishing.choosing import Asked, again, by_marker, by_pool, by_target, candidates, grouped
from stationmaster.publishing.models import SKIPPED, Publication, PublishPlan, PublishStep, Target
from stationmaster.publishing.planning import ACTIONS, Candidate, Step, counted, digest_of, leaving_step, step_of
from stationmaster.publishing.policy import KEEP_PLANS, MAX_CHOSEN
from stationmaster.publishing.reaching import place_of, reading, require_ready
from stationmaster.publishing.targeting import chosen
from stationmaster.routing.models import Pool
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, find_all
from stationmaster.targets._base import HasGroups

WEIGHTS: Final = marked("Targets know no weights: those of the pool are not carried over.")
_ASKS: Final = frozenset({"target", "credentials", "pool", "withdraw"})


def show(row: PublishPlan) -> Mapping[str, Any]:
    """A plan as plain values, without its steps."""
    return {
        "id": row.id, "target": row.target_id, "target_name": row.target.name, "pool": row.pool, "withdraw": row.withdraw,
        "hash": row.digest, "state": row.state, "counts": row.counts, "notes": row.notes, "job": row.job, "made_by": row.made_by,
        "created_at": row.created_at,
    }  # fmt: skip


def show_step(row: PublishStep) -> Mapping[str, Any]:
    """A step as plain values; `sentence` says why something is left out."""
    return {
        "position": row.position, "credential": row.credential, "name": row.name, "action": row.action, "fields": row.fields,
        "reason": row.reason, "sentence": row.sentence or planning.REASONS.get(row.reason, ""), **row.terms,
    }  # fmt: skip


PLANS: Final = Listing(
    noun="publish plans",
    columns=(
        Column("id"), Column("target", "target_id"), Column("pool"),
        Column("state", values=("made", "applied")), Column("made_by"),
        Column("created_at", kind="time"),
    ),
    show=show,
)  # fmt: skip
STEPS: Final = Listing(
    noun="publish steps",
    columns=(
        Column("position", kind="number"), Column("credential"), Column("name"),
        Column("action", values=ACTIONS), Column("reason"),
    ),
    show=show_step, sort="position", key="position",
)  # fmt: skip


def list_plans(actor: Actor, query: Query) -> Page:
    """One page of them, the newest first. Raises `Forbidden`, `Invalid`."""
    require(actor, "publications:read")
    return page(PLANS, PublishPlan.objects.select_related("target"), query)


def get_plan(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "publications:read")
    return show(_find(which))


def list_steps(actor: Actor, which: str, query: Query) -> Page:
    """One page of a plan's steps, in their order. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "publications:read")
    return page(STEPS, PublishStep.objects.filter(plan=_find(which)), query)


def make_plan(actor: Actor, given: Given) -> Mapping[str, Any]:
    """What publishing `credentials` (names or ids) or a `pool` at a `target` (the default, if none is named) would do; with
    `withdraw`, what taking them away would. Reads the target, and changes nothing there. Raises `Forbidden`, `NotFound`,
    `Invalid`, `Conflict` for a target that is not ready, `RemoteError`."""
    require(actor, "publications:plan")
    require(actor, "credentials:read")
    if given.get("pool"):
        require(actor, "pools:read")
    known_only(given, _ASKS)
    refuse_odd_text(given)
    target = chosen(str(given.get("target") or ""))
    require_ready(target)
    pool = find(Pool, str(given["pool"])) if given.get("pool") else None
    withdraws = given.get("withdraw") is True
    asked, left = _asked(given, pool, target)
    steps = _leaving(asked, target) if withdraws else [*_coming(asked, target), *_leaving(left, target)]
    return _keep(actor, target, pool, withdraws, steps, _notes(pool))


def apply_plan(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Run a plan as it was shown, and where: `hash` has to be its own. `dry_run`: nothing is written. Returns the job. Raises
    `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "publications:apply")
    known_only(given, frozenset({"hash", "dry_run"}))
    dry_run = given.get("dry_run") is True
    with change(actor) as edit:
        row = _find(which)
        if row.withdraw or row.counts.get("withdraw"):
            require(actor, "publications:remove")
        if given.get("hash") != row.digest:
            why = "is not the plan's that was shown"
            raise Invalid("error.publication.other_plan", f"hash: {why}", hint="look at the plan again", fields={"hash": why})
        if row.state != "made":
            raise Conflict("error.publication.applied", "this plan was run already", hint="make a new one")
        require_ready(row.target)
        goes_where_it_was_shown(row)
        job = jobs.submit(actor, kinds.PUBLISH, workspace=row.target_id, args={"plan": row.id}, dry_run=dry_run, item_retries=4)
        if not dry_run:
            with edit.updating(row, action="apply"):
                row.state, row.job = "applied", str(job["id"])
    return job


def _asked(given: Given, pool: Pool | None, target: Target) -> tuple[list[Asked], list[Asked]]:
    """Who is asked for, and who is there by the pool and not in it any more."""
    names = given.get("credentials")
    if (pool is None) == (names is None) or not (names is None or _is_names(names)):
        why = f"either a pool, or a list of one to {MAX_CHOSEN} credentials"
        raise Invalid("error.config.bad_value", f"credentials: {why}", fields={"credentials": why})
    if pool is None:
        assert names is not None  # noqa: S101
        return by_target(_named(names), target), []
    members = list(pool.members.select_related("credential").order_by("position"))
    inside = [each.credential_id for each in members]
    gone = Publication.objects.filter(target=target, pool=pool.id).exclude(credential__in=inside)
    return by_pool(members, target), [Asked(each.credential, again(each)) for each in gone.select_related("credential")]


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MAX_CHOSEN and all(isinstance(each, str) for each in value)


def _named(names: Sequence[str]) -> list[Credential]:
    found = find_all(Credential, names)
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise NotFound("error.credential.not_found", f"there is no credential {quoted(missing)}")
    return list({found[name].id: found[name] for name in names}.values())


def _coming(asked: Sequence[Asked], target: Target) -> list[Step]:
    with reading(target) as adapter:
        names = target.group_names and not target.groups and isinstance(adapter, HasGroups)
        wanted = grouped(asked, target, adapter.groups()) if names else asked
        return [step_of(each) for each in candidates(wanted, target, adapter, by_marker(adapter.entries()), timezone.now())]


def _leaving(asked: Sequence[Asked], target: Target) -> list[Step]:
    there = Publication.objects.filter(target=target).exclude(state=SKIPPED, entry="")
    known = set(there.values_list("credential_id", flat=True))
    return [leaving_step(Candidate(each.row.id, each.row.name, each.terms, known=each.row.id in known)) for each in asked]


def _notes(pool: Pool | None) -> list[str]:
    uneven = pool is not None and len(set(pool.members.values_list("weight", flat=True))) > 1
    return [WEIGHTS] if uneven else []


def _keep(
    actor: Actor, target: Target, pool: Pool | None, withdraw: bool, steps: Sequence[Step], notes: list[str]
) -> Mapping[str, Any]:  # fmt: skip
    with change(actor) as edit:
        for old in PublishPlan.objects.filter(created_at__lt=timezone.now() - KEEP_PLANS):
            edit.delete(old)
        row = PublishPlan(
            target=target, pool=pool.name if pool is not None else "", withdraw=withdraw, counts=counted(steps), notes=notes,
            digest=digest_of(place_of(target), steps), made_by=actor.id,
        )  # fmt: skip
        edit.create(row)
        PublishStep.objects.bulk_create([_row_of(row, place, each) for place, each in enumerate(steps, 1)], 500)
    return show(row)


def _row_of(plan: PublishPlan, place: int, step: Step) -> PublishStep:
    return PublishStep(
        plan=plan, position=place, credential=step.credential, name=step.name, action=step.action, fields=list(step.fields),
        reason=step.reason, sentence=step.sentence, terms=step.terms.plain(), search_text=step.name.casefold(),
    )  # fmt: skip


def _find(which: str) -> PublishPlan:
    return find(PublishPlan, which)
