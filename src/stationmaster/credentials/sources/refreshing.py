"""One refresh, from taking it on to what came of it. Owns the order: lease, note that it is sent, ask, store, tell.

Nothing is held open while the issuer is asked. What it gives is stored in one transaction, with the refresh token that came with
it, before anything uses it. A refresh token whose answer was lost may be spent: it is tried once more, and then people are asked,
since an issuer that sees it twice may end everything that came of it (RFC 9700 §4.14.2).
"""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from stationmaster.credentials import generations
from stationmaster.credentials.models import OVER, Credential
from stationmaster.credentials.sources import clock, hosts, identity, judging, leasing, times
from stationmaster.credentials.sources.models import FAILING, LAST, NEEDS_YOU, NEW, OK, SENT, UNUSED, TokenSource
from stationmaster.credentials.sources.policy import policy
from stationmaster.errors import StationmasterError
from stationmaster.issuers._base import Access, Issued
from stationmaster.issuers.registry import KINDS, open_issuer
from stationmaster.line.errors import RateLimited, Rejected, Transient
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import Change, change
from stationmaster.workspaces.addresses import entries

PATIENCE: Final = 30.0         # seconds that who needs a token waits for who fetches it
_WORDS: Final = 400
_log = logging.getLogger(__name__)


def refresh_due(most: int = 32) -> int:
    """Refresh what it is time for, one after another; how many this process took on."""
    return sum(refresh(source, serial) for source, serial in leasing.due(most))


def refresh(source: str, serial: int) -> bool:
    """Refresh it, if it is still as it was at `serial` and nobody else is at it. Whether this process did."""
    lease = leasing.claim(source, serial)
    if not lease:
        return False
    row = TokenSource.objects.select_related("credential").filter(id=source, lease=lease).first()
    if row is None:
        return False
    if row.moved:
        _needs_you(row, "error.source.moved", "the credential has another address now: say again that it may have these secrets")
        return True
    if KINDS[row.kind].rotates:
        if row.sent == LAST:
            _needs_you(row, "error.source.answer_lost", "what the issuer answered was lost twice: the refresh token may be spent")
            return True
        if not _note_sent(row):      # the lease ended on the way here, and another process may be sending it
            return False
    asked_at = clock.now()
    try:
        issued = _ask(row)
    except Exception as error:  # noqa: BLE001  whatever it is, it is told and tried again
        _failed(row, error)
        return True
    try:
        ends_at = judging.ends_at(issued, row, asked_at)
    except StationmasterError as error:
        _keep_rotating(row, issued)
        _failed(row, error)
    else:
        _store(row, issued, asked_at, ends_at)
    return True


def fresh(source: str) -> str:
    """Its secret, refreshed first if it is over. Of many that come at a time, in however many processes, one refreshes and the
    others wait. Raises `StationmasterError` when there is none."""
    row = _current(source)
    if not _good(row):
        if not refresh(row.id, row.serial):
            leasing.wait(row.id, row.serial, PATIENCE)
        row = _current(source)
    if not _good(row):
        raise StationmasterError("error.source.none", f"{row.credential.name} has no secret that is still valid",
                                 retryable=True, fault="operator")  # fmt: skip
    return str(row.credential.secret.reveal("rotate"))


def _current(source: str) -> TokenSource:
    row: TokenSource = TokenSource.objects.select_related("credential").get(id=source)
    return row


def _good(row: TokenSource) -> bool:
    return bool(row.credential.secret) and row.expires_at is not None and row.expires_at > clock.now()


def _note_sent(row: TokenSource) -> bool:
    """Write down that the refresh token is about to be sent; False: it is not ours to send any more."""
    row.sent = LAST if row.sent == SENT else SENT
    rows = TokenSource.objects.filter(id=row.id, lease=row.lease, lease_until__gt=clock.now())
    return bool(rows.observe(sent=row.sent, lease_until=clock.now() + leasing.HELD))


def _ask(row: TokenSource) -> Issued:
    kind = KINDS[row.kind]
    hosts.check(row.credential, row.kind)      # what was allowed then may not be any more
    options: Any = msgspec.convert(row.options, kind.shape)
    giver: Callable[[], str] = identity.giver(options.identity, fresh) if getattr(options, "identity", "") else str
    return open_issuer(Access(
        row.kind, options, row.secret.reveal("refresh"), row.rotating.reveal("refresh"), giver, entries(), policy().ambient,
    )).issue()  # fmt: skip


def _keep_rotating(row: TokenSource, issued: Issued) -> None:
    """The refresh token that came with something of no use is the next one to send all the same."""
    with change(SYSTEM) as edit:
        mine = TokenSource.objects.filter(id=row.id).first()
        if mine is not None and issued.rotating and _wanted(mine, row, issued):
            with edit.updating(mine, action="rotate"):
                mine.rotating = issued.rotating
            row.sent = UNUSED


def _store(row: TokenSource, issued: Issued, asked_at: datetime, ends_at: datetime) -> None:
    recovered = row.state in (FAILING, NEEDS_YOU)
    with change(SYSTEM) as edit:
        mine = TokenSource.objects.select_related("credential").filter(id=row.id).first()
        if mine is None or not _wanted(mine, row, issued):
            return                     # a person gave it other parts meanwhile
        edited = mine.revision != row.revision
        if issued.rotating:
            with edit.updating(mine, action="rotate"):
                mine.rotating = issued.rotating
        if edited:                     # asked with other parts than it has now: only the next refresh token is of use
            _observe(mine, state=NEW, failures=0, last_error="", last_words="", sent=UNUSED, refresh_at=clock.now())
            return
        _hand_over(edit, mine.credential, issued.secret, ends_at)
        _observe(mine, state=OK, failures=0, last_error="", last_words="", sent=UNUSED, asked_at=asked_at, expires_at=ends_at,
                 refreshed_at=clock.now(), refresh_at=times.refresh_at(asked_at, ends_at))  # fmt: skip
        if recovered:
            _tell(edit, mine, "refresh_restored", "")


def _wanted(mine: TokenSource, asked: TokenSource, issued: Issued) -> bool:
    """Whether what the issuer gave is still for this source. Its refresh token is as long as the one that was spent for it is
    the one that we have, whatever was changed or noted meanwhile: nobody gets another for it."""
    if mine.serial == asked.serial:
        return True
    return bool(issued.rotating) and mine.kind == asked.kind and mine.rotating.holds(asked.rotating.reveal("refresh"))


def _hand_over(edit: Change, credential: Credential, secret: str, ends_at: datetime) -> None:
    """The credential serves with it. One that was revoked meanwhile stays out; one that a person took up again after that goes on
    with a number of its own."""
    if credential.disabled:
        return
    now = generations.live(credential)
    if now.state in OVER or now.cause == generations.REVOKING:
        with edit.updating(credential, action="refresh"):
            generations.replace(edit, credential, secret)
            credential.expires_at = ends_at
        return
    generations.refresh(edit, credential, secret, ends_at)


def _failed(row: TokenSource, error: Exception) -> None:
    """Say why, and when it is tried again: at once more seldom. A refresh token that was refused is not sent again."""
    known = error if isinstance(error, StationmasterError) else None
    lost = isinstance(error, Transient) and error.maybe_done
    code = known.code if known else "error.source.failed"
    words = known.message if known else f"it could not be asked ({type(error).__name__})"
    _log.warning("the secret of %s was not refreshed: %s", row.credential.name, code)
    rotates = KINDS[row.kind].rotates
    if rotates and (isinstance(error, Rejected) or (lost and row.sent == LAST)):
        _needs_you(row, code, words)
        return
    wait = times.pause(row.failures + 1, random.random())  # noqa: S311  spreads load, keeps no secret
    if isinstance(error, RateLimited):
        wait = max(wait, min(error.retry_after, times.LONGEST_PAUSE * 4))
    before = SENT if row.sent == LAST else UNUSED       # as it was: this time nothing was spent
    sent = row.sent if lost or known is None else before
    _note(row, FAILING, "refresh_failing", code, words, sent=sent, refresh_at=clock.now() + timedelta(seconds=wait))


def _needs_you(row: TokenSource, code: str, words: str) -> None:
    _note(row, NEEDS_YOU, "refresh_needs_you", code, words, refresh_at=None)


def _note(row: TokenSource, state: str, event: str, code: str, words: str, **values: Any) -> None:
    """Write it down; the first time, with an event."""
    values |= {"state": state, "failures": row.failures + 1, "last_words": words[:_WORDS],
               "last_error": code.encode("ascii", "replace").decode()[:128]}  # fmt: skip
    if row.state == state:
        _observe(row, **values)
        return
    with change(SYSTEM) as edit:
        if _observe(row, **values):
            _tell(edit, row, event, code)


def _observe(row: TokenSource, **values: Any) -> int:
    """What came of it, and the lease given back, unless a person gave it other parts meanwhile."""
    rows = TokenSource.objects.filter(id=row.id, serial=row.serial)
    done = int(rows.observe(**values, serial=row.serial + 1, lease="", lease_until=None))
    if not done and row.lease:
        TokenSource.objects.filter(id=row.id, lease=row.lease).observe(lease="", lease_until=None)
    return done


def _tell(edit: Change, row: TokenSource, event: str, code: str) -> None:
    after = {"name": row.credential.name, "source": row.id, "kind": row.kind, "error": code}
    edit.record(f"credentials:{row.credential_id}:{event}", after=after)


__all__ = ["PATIENCE", "fresh", "refresh", "refresh_due"]
