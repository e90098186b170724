"""A further secret: asked of the vendor, or pasted, until it is here and works. Owns what is left at the vendor when that
breaks off: nothing. """

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from stationmaster.credentials import generations, health
from stationmaster.credentials.models import MINTED, MINTING, PROBED, Credential, CredentialSecret
from stationmaster.credentials.policy import policy
from stationmaster.credentials.sources import clock
from stationmaster.credentials.work.opening import admin, minting, probe
from stationmaster.jobs.cleaning import clean
from stationmaster.jobs.kinds import Failed, Outcome, Postponed
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import sentence_of
from stationmaster.line.errors import NotFound, RemoteError, Transient
from stationmaster.store.changes import Change
from stationmaster.vendors._base import HasKeys, Key, Minted, Probe

REFUSED: Final = "credential.refused"
INTERRUPTED: Final = "credential.interrupted"
UNREACHED: Final = "credential.unreached"
_PATIENCE: Final = timedelta(minutes=1)      # with a vendor that gives no answer, from the first try on
_PAUSES: Final = (0.2, 1.0, 3.0, 10.0)       # seconds between two probes of a new key


def begin(run: Run, row: Credential) -> CredentialSecret:
    """Write down that a key is about to be made, before anybody is asked for it. Raises `Cancelled` for a job that was cancelled
    just now, as for a leak."""
    run.beat()
    run.check()
    with run.recording() as edit:
        return generations.add(
            edit, row, "", origin="minted", state=MINTING, job=run.id, workspace=row.workspace, project=row.project,
            scopes=list(row.scopes),
        )  # fmt: skip


def mint(run: Run, row: Credential, wanted: CredentialSecret) -> None:
    """Have the vendor make it. Its secret is stored in the transaction that follows the answer. Raises what the vendor's refusal
    is; then it is over, and may be begun anew."""
    adapter = minting(run, wanted.workspace)
    seconds = row.lifetime_days * 86_400
    try:
        made = adapter.mint_key(wanted.project, wanted.name, expires_in=seconds, scopes=list(wanted.scopes))
    except RemoteError as error:
        unsure = isinstance(error, Transient) and error.maybe_done
        _lost(run, row, wanted, error.code, sentence_of(error), unsure=unsure)
        raise
    with run.recording() as edit:
        kept = CredentialSecret.objects.filter(id=wanted.id, state=MINTING, revision=wanted.revision).exists()
        if kept:
            generations.step(edit, wanted, MINTED, secret=made.secret, **_facts(made))
    if not kept:      # the credential was revoked meanwhile
        adapter.unmint(wanted.project, made.service_account)
        run.beat()
        return
    run.log(f"minted {wanted.number} of {row.name}")


def _facts(made: Minted) -> dict[str, object]:
    return {
        "vendor_key": made.key.id, "service_account": made.service_account, "minted_at": made.key.created_at or clock.now(),
        "expires_at": made.key.expires_at,
    }  # fmt: skip


def sweep(run: Run, row: Credential, lost: CredentialSecret) -> None:
    """An earlier try left its row, and no secret: whatever the vendor made of it is of no use to anybody. Then it is over."""
    remove_named(run, lost)
    _lost(run, row, lost, INTERRUPTED, "the answer with the secret was lost", unsure=True)


def remove_named(run: Run, lost: CredentialSecret) -> int:
    """Delete at the vendor what was made under its name; how many."""
    adapter = minting(run, lost.workspace)
    found = adapter.minted_as(lost.project, lost.name)
    for account in found:
        with suppress(NotFound):
            adapter.unmint(lost.project, account.id)
        run.log(f"deleted {account.id} at the vendor, whose key nobody holds", "warning")
    return len(found)


def _lost(run: Run, row: Credential, wanted: CredentialSecret, code: str, words: str, *, unsure: bool) -> None:
    until = clock.now() + policy().swept if unsure else None
    with run.recording() as edit:
        generations.give_up(edit, row, wanted, code[:64], words, sweep_until=until)


def prove(run: Run, row: Credential, new: CredentialSecret) -> Outcome | None:
    """Ask the vendor whether it works; None: it does. A part of the vendor may hear of a new key a little later."""
    secret = new.secret.reveal("probe")
    try:
        found = probe(run, row, secret)
    except Transient as error:
        return _unheard(run, row, new, error.message)
    if not found.ok and not _restricted(found):
        return _later(new, found.words) or _refuse(run, row, new, found)
    health.note_probe(row, new.number, found)
    with run.recording() as edit:
        generations.step(edit, new, PROBED, words=found.words if not found.ok else "", cause="")
    return None


def _unheard(run: Run, row: Credential, new: CredentialSecret, why: str) -> Outcome:
    """Nobody answered: its row says why while it is tried again, and for ever once patience is over."""
    if new.cause != UNREACHED:
        _note(run, new, why)
    elif clock.now() - new.since > min(_PATIENCE, policy().probing):
        discard(run, row, new, UNREACHED, clean(why))
        return Failed(UNREACHED, f"the new key could not be tried: {why}")
    return _put_off(new, why)


def _note(run: Run, new: CredentialSecret, why: str) -> None:
    """Write down that nobody answered, unless it was taken back meanwhile; patience begins now."""
    with run.recording() as edit:
        if CredentialSecret.objects.filter(id=new.id, state=MINTED, revision=new.revision).exists():
            generations.step(edit, new, MINTED, cause=UNREACHED, words=clean(why))


def _restricted(found: Probe) -> bool:
    """A key that may call models need not be allowed to list them."""
    return found.code in ("403", "insufficient_permissions", "missing_scope", "permission_denied")


def _later(new: CredentialSecret, words: str) -> Outcome | None:
    return None if clock.now() - new.since > policy().probing else _put_off(new, words)


def _put_off(new: CredentialSecret, words: str) -> Postponed:
    waited = clock.now() - new.since
    return Postponed(next((pause for pause in _PAUSES if waited < timedelta(seconds=pause * 3)), _PAUSES[-1]),
        "credential.unproved",
                     f"the new key does not work yet: {words}")  # fmt: skip


def _refuse(run: Run, row: Credential, new: CredentialSecret, found: Probe) -> Outcome:
    discard(run, row, new, REFUSED, found.words or found.code)
    return Failed(REFUSED, f"the vendor refuses the new key: {found.words or found.code}")


def discard(run: Run, row: Credential, new: CredentialSecret, cause: str, words: str) -> None:
    """It will not serve: gateways forget it first, then the vendor deletes it."""
    with run.recording() as edit:
        give_up(edit, row, new, cause, words)
    revoke_at_vendor(run, new)


def give_up(edit: Change, row: Credential, new: CredentialSecret, cause: str, words: str) -> None:
    """Gateways and we forget it; the vendor is to be asked next."""
    generations.give_up(edit, row, new, cause, words, sweep_until=_swept(new))


def _swept(new: CredentialSecret) -> datetime | None:
    """Until it is deleted there, `tend` tries: a worker may die in between."""
    return clock.now() + policy().swept if new.origin == "minted" else None


def revoke_at_vendor(run: Run, old: CredentialSecret) -> bool:
    """Make it useless at the vendor; False: only a person can. What is gone already is success."""
    if old.origin == "minted" and old.service_account:
        with suppress(NotFound):
            minting(run, old.workspace).unmint(old.project, old.service_account)
        return True
    if not old.vendor_key or not old.workspace:
        return False
    adapter = admin(run, old.workspace)
    if not isinstance(adapter, HasKeys):
        return False
    with suppress(NotFound):
        adapter.revoke_key(Key(old.vendor_key, "", project=old.project))    # no owner: nothing else goes with it
    return True

