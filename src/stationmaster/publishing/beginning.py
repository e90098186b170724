"""What a plan that is about to run writes down first. Owns: that it goes where it was shown, and a row for each credential,
before anything is sent for it."""

from collections.abc import Sequence

from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict
from stationmaster.publishing import planning
from stationmaster.publishing.models import FAILED, PENDING, PUBLISHED, SKIPPED, Publication, PublishPlan, PublishStep, Target
from stationmaster.publishing.planning import Step, digest_of
from stationmaster.publishing.reaching import place_of
from stationmaster.publishing.terms import terms_of
from stationmaster.store.changes import Change


def goes_where_it_was_shown(plan: PublishPlan) -> None:
    """Raise `Conflict` when a plan's target is another place than when it was made."""
    steps = (Step(each.credential, each.name, each.action, tuple(each.fields), each.reason, each.sentence, terms_of(each.terms))
             for each in plan.steps.order_by("position"))  # fmt: skip
    if digest_of(place_of(plan.target), steps) != plan.digest:
        raise moved(plan.target.name)


def moved(target: str) -> Conflict:
    """What somebody gets whose plan's target is elsewhere by now."""
    return Conflict("error.publication.moved", f"{target} leads elsewhere since this plan was made", hint="make a new one")


def begin(edit: Change, plan: PublishPlan, job: str, steps: Sequence[PublishStep]) -> None:
    """From now on rows say what is about to be done with the credentials of some `steps`; a write at the target never stands
    without one. May be done again. What is to be withdrawn since the plan was made stays so."""
    names = [each.credential for each in steps]
    here = Credential.objects.in_bulk(names)
    known = Publication.objects.filter(target=plan.target, credential__in=names).select_related("credential")
    rows = {row.credential_id: row for row in known}
    for step in steps:
        row = rows.get(step.credential)
        if step.credential in here and (row is None or row.wanted):
            _mark(edit, plan.target, here[step.credential], row, step, job)


def _mark(
    edit: Change, target: Target, credential: Credential, row: Publication | None, step: PublishStep, job: str
) -> None:  # fmt: skip
    if step.action == "skip":
        _mark_skipped(edit, target, credential, row, step, job)
        return
    if row is None:
        if step.action in ("update", "withdraw"):      # it was taken away since the plan was made
            return
        row = Publication(credential=credential, target=target, job=job)
        _ask(row, step)
        edit.create(row)
        return
    row.target = target
    with edit.updating(row, action=step.action):
        row.state, row.cause, row.words, row.job, row.wanted = PENDING, "", "", job, step.action != "withdraw"
        _ask(row, step)


def _mark_skipped(
    edit: Change, target: Target, credential: Credential, row: Publication | None, step: PublishStep, job: str
) -> None:  # fmt: skip
    if step.reason in (planning.NOT_THERE, planning.LEAVING):
        return
    same = step.reason == planning.SAME
    if row is None and same:
        return
    words = step.sentence or planning.REASONS.get(step.reason, "")
    if row is None:
        edit.create(Publication(
            credential=credential, target=target, job=job, state=SKIPPED, cause=step.reason, words=words, pool=step.terms["pool"],
        ))  # fmt: skip
        return
    may_be_there = not row.entry and row.state in (PENDING, FAILED)      # a create that was lost is not forgotten
    with edit.updating(row, action="skip"):
        left_out = (FAILED if may_be_there else SKIPPED, step.reason, words)
        row.state, row.cause, row.words = (PUBLISHED, "", "") if same else left_out
        if same:
            _ask(row, step)


def _ask(row: Publication, step: PublishStep) -> None:
    terms = terms_of(step.terms)
    row.models, row.priority, row.concurrency = list(terms.models), terms.priority, terms.concurrency
    row.groups, row.pool = list(terms.groups), terms.pool
