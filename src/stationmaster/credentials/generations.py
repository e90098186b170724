"""The secrets that follow one another in a credential. Owns: where each is kept, and every step from one state to the next.

The live one's secret is the credential's own column, which gateways get; the others keep theirs in their own rows. A secret is in
one place only, and in none once it is over. May not know vendors, jobs or gateways; who writes holds an open change.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Max

from stationmaster.credentials import hooks
from stationmaster.credentials.models import (
    COMING,
    DRAINING,
    FAILED,
    KEPT,
    LIVE,
    MINTED,
    OVER,
    PROBED,
    REVOKED,
    Credential,
    CredentialSecret,
)
from stationmaster.credentials.sources import clock
from stationmaster.errors import Conflict
from stationmaster.store.changes import Change

BY_HAND: Final = "by_hand"     # a person revokes it
REVOKING: Final = "revoking"   # no secret of it is here any more, and the vendor is asked until it does not know it either
WIPED: Final = "revoked"      # why a credential is switched off whose secrets were revoked
MOVING: Final = "rotate"      # the use that a secret is taken out of one row for, to be put into another


def of(row: Credential) -> list[CredentialSecret]:
    """All that are known, the newest first. A secret that was stored before anything followed it has no row."""
    return list(CredentialSecret.objects.filter(credential=row).select_related("credential").order_by("-number"))


def numbered(row: Credential, number: int) -> CredentialSecret | None:
    """The one with this number; None: it has no row."""
    found: CredentialSecret | None = (
        CredentialSecret.objects.filter(credential=row, number=number).select_related("credential").first()
    )
    return found


def live(row: Credential) -> CredentialSecret:
    """The one that serves; where nothing ever followed it, a row that is not stored."""
    return numbered(row, row.generation) or _unwritten(row)


def coming(row: Credential) -> CredentialSecret | None:
    """The one that is about to follow, however far it has come."""
    rows = CredentialSecret.objects.filter(credential=row, state__in=COMING).exclude(cause=REVOKING).select_related("credential")
    found: CredentialSecret | None = rows.order_by("-number").first()
    return found


def before(row: Credential) -> CredentialSecret | None:
    """The one that the live one replaced and that is still held here: the way back."""
    rows = CredentialSecret.objects.filter(credential=row, state__in=(DRAINING, KEPT)).exclude(cause__in=(BY_HAND, REVOKING))
    rows = rows.select_related("credential")
    found: CredentialSecret | None = rows.order_by("-number").first()
    return found


def reveal(generation: CredentialSecret, use: str) -> str:
    """Its secret, wherever it is kept; empty when it is over. Raises what `Sealed.reveal` does."""
    row = generation.credential
    return str((row.secret if generation.number == row.generation else generation.secret).reveal(use))


def add(
    edit: Change, row: Credential, secret: str, *, origin: str, state: str, **facts: Any
) -> CredentialSecret:  # fmt: skip
    """A further one. Raises `Conflict` when one is about to follow already."""
    other = coming(row)
    if other is not None:
        raise Conflict("error.credential.rotating", f"{row.name} is being rotated already", hint="wait for it, or roll it back",
                       fields={"generation": str(other.number)})  # fmt: skip
    made = CredentialSecret(credential=row, number=_next(row), origin=origin, state=state, since=clock.now(), **facts)
    if secret:
        made.secret = secret
    edit.create(made)
    return made


def step(edit: Change, generation: CredentialSecret, state: str, *, secret: str | None = None, **facts: Any) -> None:
    """Bring it to a state, with what is known since; `secret`: to be kept in its row, empty to forget it."""
    with edit.updating(generation, action=state):
        generation.state, generation.since = state, clock.now()
        for name, value in facts.items():
            setattr(generation, name, value)
        if secret is not None:
            generation.secret = secret


def share(edit: Change, row: Credential, generation: CredentialSecret, percent: int) -> None:
    """Have gateways serve so many percent of the sessions with it; 0: none."""
    with edit.updating(row, action="share"):
        row.incoming, row.share = (generation.number, percent) if percent else (0, 0)


def promote(edit: Change, row: Credential, generation: CredentialSecret) -> CredentialSecret | None:
    """Make it the live one; the one before, if there was one, whose way out begins now. Its secret moves into its own row, so
    that it can be taken back."""
    old = _ensured(edit, row) if row.secret else None
    old_secret, secret = row.secret.reveal(MOVING), generation.secret.reveal(MOVING)
    with edit.updating(row, action="promote"):
        row.secret, row.generation, row.incoming, row.share = secret, generation.number, 0, 0
        row.expires_at, row.secret_since = generation.expires_at, clock.now()
        if old is None and row.disabled_reason == WIPED:
            row.disabled, row.disabled_reason = False, ""
    if old is not None:
        step(edit, old, DRAINING, secret=old_secret)
    step(edit, generation, LIVE, secret="", keep_until=None)
    hooks.tell_promoted(edit, row, generation)
    return old


def keep(edit: Change, generation: CredentialSecret, hours: int) -> None:
    """Nothing runs with it any more: it is the way back for so many hours."""
    step(edit, generation, KEPT, keep_until=clock.now() + timedelta(hours=hours))


def turn_back(edit: Change, row: Credential) -> CredentialSecret:
    """Serve with the one before again; the one that serves now is kept instead. Raises `Conflict` when there is none."""
    old = before(row)
    if old is None or not old.secret:
        raise Conflict("error.credential.no_way_back", f"{row.name} has no earlier secret that is still valid")
    now = promote(edit, row, old)
    if now is not None:
        keep(edit, now, row.keep_hours)
    return old


def give_up(edit: Change, row: Credential, generation: CredentialSecret, cause: str, words: str = "", **facts: Any) -> None:
    """It never served, or not enough: gateways forget it, and so do we."""
    if row.incoming == generation.number:
        share(edit, row, generation, 0)
    step(edit, generation, FAILED, secret="", cause=cause, words=words, **facts)


def let_go(edit: Change, row: Credential, generation: CredentialSecret) -> None:
    """The vendor is about to be asked to revoke it: from here on there is no way back to it, and no copy of it anywhere."""
    if reveal_there(generation):
        hooks.tell_revoked(edit, row, generation)
    if generation.cause != REVOKING:
        step(edit, generation, generation.state, secret="", cause=REVOKING, words="")


def end(edit: Change, row: Credential, generation: CredentialSecret) -> None:
    """The vendor does not know it any more. Whoever holds a copy is told, unless they were when its secret was wiped."""
    if generation.state in OVER:
        return
    if reveal_there(generation):
        hooks.tell_revoked(edit, row, generation)
    words = generation.words if generation.cause in (REVOKING, BY_HAND) else ""      # why it was wiped, if somebody said so
    step(edit, generation, REVOKED, secret="", cause="", words=words, revoked_at=clock.now())


def leave_to_people(edit: Change, row: Credential, generation: CredentialSecret) -> None:
    """Nobody uses it any more, and only a person can revoke it, in the vendor's console; they say when they did (`end`)."""
    if reveal_there(generation):
        hooks.tell_revoked(edit, row, generation)
    step(edit, generation, KEPT, secret="", cause=BY_HAND, keep_until=None)


def reveal_there(generation: CredentialSecret) -> bool:
    """Whether a secret of it is still held here."""
    row = generation.credential
    return bool(row.secret if generation.number == row.generation else generation.secret)


def replace(edit: Change, row: Credential, secret: str, *, way_back: bool = True) -> None:
    """A person gave another secret, which serves from now on; part of the caller's change of `row`, which is open. What is
    known of the one before is kept, with its secret, as long as its way back lasts. No `way_back`: without its secret, which
    its owner gave for another address."""
    old = numbered(row, row.generation)
    if old is not None and row.secret:
        held = row.secret.reveal(MOVING) if way_back else ""
        step(edit, old, KEPT, secret=held, keep_until=clock.now() + timedelta(hours=row.keep_hours))
    row.generation, row.secret, row.expires_at, row.secret_since = _next(row), secret, None, clock.now()
    hooks.tell_promoted(edit, row, _unwritten(row))


def refresh(edit: Change, row: Credential, secret: str, expires_at: datetime | None) -> None:
    """Another short-lived secret of the same generation: what the vendor knows it as stays the same. Not for what people
    paste."""
    with edit.updating(row, action="refresh"):
        row.secret, row.expires_at, row.secret_since = secret, expires_at, clock.now()
    written = numbered(row, row.generation)
    if written is not None:
        with edit.updating(written, action="refresh"):
            written.expires_at = expires_at


def recognised(edit: Change, row: Credential, vendor_key: str, project: str, expires_at: datetime | None) -> None:
    """The live one is this key of the vendor's."""
    current = _ensured(edit, row)
    with edit.updating(current, action="recognise"):
        current.vendor_key, current.project, current.workspace = vendor_key, project, row.workspace
        current.expires_at = expires_at
    with edit.updating(row, action="recognise"):
        row.expires_at, row.project = expires_at or row.expires_at, row.project or project


def wipe(edit: Change, row: Credential, reason: str = "") -> None:
    """Take every secret of the credential out, here and in gateways: it was leaked, or nobody may use it any more. `reason`
    stays with each, for people."""
    _ensured(edit, row)
    with edit.updating(row, action="revoke"):
        row.secret, row.disabled, row.incoming, row.share, row.expires_at = "", True, 0, 0, None
        row.disabled_reason = WIPED
    for each in of(row):
        if each.state in OVER:
            continue
        if each.cause != BY_HAND:
            step(edit, each, each.state, secret="", cause=REVOKING, words=reason)
        hooks.tell_revoked(edit, row, each)


def _ensured(edit: Change, row: Credential) -> CredentialSecret:
    """The live one's row, written if it never was."""
    found = numbered(row, row.generation)
    if found is None:
        found = _unwritten(row)
        edit.create(found)
    return found


def _unwritten(row: Credential) -> CredentialSecret:
    return CredentialSecret(
        credential=row, number=row.generation, origin="pasted", state=LIVE, since=row.created_at or clock.now(),
        project=row.project, workspace=row.workspace, expires_at=row.expires_at,
    )


def _next(row: Credential) -> int:
    top = CredentialSecret.objects.filter(credential=row).aggregate(top=Max("number"))["top"] or 0
    return max(int(top), int(row.generation)) + 1


__all__ = [
    "BY_HAND", "MINTED", "PROBED", "REVOKING", "WIPED", "add", "before", "coming", "end", "give_up", "keep", "leave_to_people",
    "let_go", "live", "numbered", "of", "promote", "recognised", "refresh", "replace", "reveal", "reveal_there", "share", "step",
    "turn_back", "wipe",
]  # fmt: skip
