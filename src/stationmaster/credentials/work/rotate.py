"""Minting and rotating: a new secret brought in, the old one out, without a request failing. One item a credential.

Each step reads where things stand and does the next thing (`steps`), so that it goes on wherever a worker died, and after a
person cancelled it and began anew.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.utils import timezone

from stationmaster.credentials import acknowledging, copies, generations, health, kinds
from stationmaster.credentials.models import COMING, DRAINING, FAILED, KEPT, Credential, CredentialSecret
from stationmaster.credentials.policy import policy
from stationmaster.credentials.sources import clock
from stationmaster.credentials.work import minting
from stationmaster.credentials.work.identifying import identify
from stationmaster.credentials.work.steps import Facts, Step, next_step
from stationmaster.errors import Conflict
from stationmaster.jobs.kinds import Done, Failed, NewItem, Outcome, Postponed, Skipped
from stationmaster.jobs.models import ENDED, Job, JobItem
from stationmaster.jobs.run import Run
from stationmaster.line.errors import RemoteError
from stationmaster.store.changes import Change

FAULTY: Final = "credential.faulty"


class Rotating:
    """Implements `jobs.kinds.Handler`, for `mint` and `rotate`."""

    def prepare(self, run: Run) -> Iterator[NewItem]:
        """One item a credential."""
        for which in [run.args["credential"]] if run.args.get("credential") else _of_workspace(run):
            yield NewItem(f"credential-{which}", str(which))

    def perform(self, run: Run, item: JobItem) -> Outcome:
        """Step by step, until it has to wait."""
        while True:
            run.check()
            found = _look(run, item.subject)
            if isinstance(found, Skipped):
                return found
            outcome = self._do(run, *found)
            if outcome is not None:
                return outcome

    def _do(self, run: Run, row: Credential, step: Step) -> Outcome | None:
        """Do one step; None: what is next may be done at once."""
        if step.name == "begin":
            minting.mint(run, row, minting.begin(run, row))
            return None
        if step.name == "wait":
            return Postponed(step.seconds, f"credential.{run.kind}", step.why)
        return _DEEDS[step.name](run, row, step)

    def conclude(self, run: Run) -> Mapping[str, Any]:
        """Which number serves now."""
        rows = Credential.objects.filter(id__in=list(JobItem.objects.filter(job_id=run.id).values_list("subject", flat=True)))
        return {"live": dict(rows.values_list("name", "generation")[:100])}


def _look(run: Run, which: str) -> tuple[Credential, Step] | Skipped:
    """A credential as it is now, and what is next for it."""
    row: Credential | None = Credential.objects.filter(id=which).first()
    if row is None:
        return Skipped("credential.gone", "there is no such credential any more")
    mine = _mine(run, row)
    if isinstance(mine, Skipped):
        return mine
    if run.kind == kinds.ROTATE and mine is None and not row.secret:
        return Skipped("credential.no_secret", "there is no secret to follow any more: it was revoked")
    return row, next_step(_facts(row, mine))


@contextmanager
def _still(run: Run, row: Credential, step: Step) -> Iterator[tuple[Change, Credential, CredentialSecret] | None]:
    """An open change, with row and generation as they are in it, where nobody else changes them; None: this is the step no more.
    People revoke, go back and edit at any time, and what was read before would be saved over that."""
    with run.recording() as edit:
        found = _look(run, row.id)
        if isinstance(found, Skipped) or _what(found[1]) != _what(step):
            yield None
        else:
            yield edit, found[0], _about(found[1])


def _what(step: Step) -> tuple[str, int, str]:
    return step.name, step.percent, step.generation.id if step.generation is not None else ""


def _of_workspace(run: Run) -> list[str]:
    rows = Credential.objects.filter(workspace=run.workspace, disabled=False, generation__gt=0)
    return list(rows.order_by("name").values_list("id", flat=True))


def _mine(run: Run, row: Credential) -> CredentialSecret | Skipped | None:
    """The generation that this job brings in. One that an ended job left on its way is taken over."""
    mine: CredentialSecret | None = (
        CredentialSecret.objects.filter(credential=row, job=run.id)
        .exclude(cause__in=(minting.INTERRUPTED, generations.REVOKING)).select_related("credential").order_by("-number").first()
    )  # fmt: skip
    if mine is not None and not _may_try_again(mine):
        return mine
    other = generations.coming(row)
    if other is None:
        return None
    if other.job and other.job != run.id and Job.objects.filter(id=other.job).exclude(state__in=ENDED).exists():
        return Skipped("credential.rotating", "another job rotates it already")
    with run.recording() as edit, edit.updating(other, action="take_over"):
        other.job = run.id
    return other


def _may_try_again(mine: CredentialSecret) -> bool:
    """What failed because nobody answered may be begun anew by the same job."""
    return bool(mine.state == FAILED and mine.cause.startswith("error.vendor."))


def _facts(row: Credential, mine: CredentialSecret | None) -> Facts:
    rules = policy()
    rows = generations.of(row)
    coming = mine is not None and mine.state in COMING
    return Facts(
        row, rows, mine, acknowledging.behind(row.revision, rules.connected),
        [] if coming else acknowledging.behind(row.revision, rules.absent),
        coming and mine is not None and health.faulty(row, mine.number), clock.now(), rules,
        [] if coming else copies.behind(row, row.generation), timezone.now(),
    )  # fmt: skip


def _sweep(run: Run, row: Credential, step: Step) -> None:
    minting.sweep(run, row, _about(step))


def _prove(run: Run, row: Credential, step: Step) -> Outcome | None:
    return minting.prove(run, row, _about(step))


def _share(run: Run, row: Credential, step: Step) -> None:
    with _still(run, row, step) as found:
        if found is None:
            return
        generations.share(*found, step.percent)
    run.log(f"{row.name}: {step.percent} % of sessions with {_about(step).number}")


def _promote(run: Run, row: Credential, step: Step) -> None:
    with _still(run, row, step) as found:
        if found is None:
            return
        generations.promote(*found)
    run.log(f"{row.name}: {_about(step).number} serves")
    if _about(step).origin == "pasted" and row.workspace:
        _identify(run, row.id)


def _identify(run: Run, which: str) -> None:
    """Find out which of the vendor's keys was pasted, where a workspace reaches it: to revoke it there one day, and to know it
    on the bill. That nobody can say keeps nothing from serving; a probe asks again."""
    row = Credential.objects.get(id=which)
    try:
        identify(run, row, row.secret.reveal("rotate"))
    except (RemoteError, Conflict) as error:
        run.log(f"{row.name}: which of the vendor's keys it is, is not known: {error.message}", "warning")


def _keep(run: Run, row: Credential, step: Step) -> None:
    with _still(run, row, step) as found:
        if found is not None:
            generations.keep(found[0], found[2], found[1].keep_hours)


def _discard(run: Run, row: Credential, step: Step) -> Outcome | None:
    words = "gateways met faults with the new secret; the one before serves on"
    with _still(run, row, step) as found:
        if found is None:
            return None
        minting.give_up(*found, FAULTY, words)
    minting.revoke_at_vendor(run, _about(step))
    return Failed(FAULTY, words)


def _revoke(run: Run, row: Credential, step: Step) -> None:
    left = copies.behind(row, row.generation)
    with _still(run, row, step) as found:
        if found is None:
            return
        generations.let_go(*found)
    if left:
        run.log(f"{row.name}: copies that still hold the secret before: {', '.join(left[:5])}", "warning")
    revoke(run, row, _about(step))


def _over(run: Run, row: Credential, step: Step) -> Outcome:
    one = _about(step)
    if one.state in (DRAINING, KEPT):
        run.log(f"{row.name}: a person went back to the secret before {one.number}, which is kept", "warning")
    return Done({"credential": row.name, "generation": one.number, "state": one.state})


def _failed(_run: Run, _row: Credential, step: Step) -> Outcome:
    return Failed(_about(step).cause or FAULTY, _about(step).words)


def _about(step: Step) -> CredentialSecret:
    assert step.generation is not None  # noqa: S101  every step but "begin" and "wait" has one
    return step.generation


def revoke(run: Run, row: Credential, old: CredentialSecret) -> None:
    """Make it useless at the vendor, and write down that it is; or that a person has to. It was let go before: nobody can have
    gone back to it meanwhile."""
    done = minting.revoke_at_vendor(run, old)
    with run.recording() as edit:
        found = CredentialSecret.objects.select_related("credential").filter(id=old.id).first()
        if found is None:
            return
        (generations.end if done else generations.leave_to_people)(edit, found.credential, found)
    run.log(f"{row.name}: {old.number} {'revoked' if done else 'is to be revoked by hand'}")


_DEEDS: Final = {
    "sweep": _sweep, "prove": _prove, "share": _share, "promote": _promote, "keep": _keep, "discard": _discard, "revoke": _revoke,
    "over": _over, "failed": _failed,
}  # fmt: skip
