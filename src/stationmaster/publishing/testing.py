"""Testing a connection. Owns: what it is opened with, that it changes nothing there, and what is noted of it.

Fields that nobody saved may be tested by whoever may save them; a target as it is stored, by operators too. A stored credential
is sent to the address that it was stored for, as the user that it was stored for, and to no other.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils import timezone

from stationmaster.jobs.verdicts import sentence_of
from stationmaster.line.errors import RemoteError, StopRun
from stationmaster.operators.access import require
from stationmaster.publishing.checking import checked
from stationmaster.publishing.mending import catch_up
from stationmaster.publishing.models import Target
from stationmaster.publishing.reaching import READING, USE, is_tested, reached_as, waited_for
from stationmaster.publishing.tables import TargetTable
from stationmaster.publishing.targeting import FIELDS, merged
from stationmaster.store import writeonly
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only
from stationmaster.store.lookup import find
from stationmaster.targets._base import Access, Connected
from stationmaster.targets.registry import open_target
from stationmaster.workspaces.addresses import entries

UNSAVED: Final = "unsaved"


def test_target(actor: Actor, given: Given, which: str = "") -> Mapping[str, Any]:  # noqa: PT028  no test of pytest's
    """Whether a target answers and takes the credential: `ok`, `code` and `words` of what went wrong, `version`, `warnings`. Of
    fields that nobody saved, over those of the target `which`, if it is named; `stored`: it was of the target as it is stored,
    and is noted there. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "targets:test")
    if given or not which:
        require(actor, "targets:update" if which else "targets:create")
    known_only(given, FIELDS)
    row = find(Target, which) if which else None
    table = merged(row, given) if row is not None else checked({"name": UNSAVED, **given})
    secret = writeonly.new(given) or (row.secret.reveal(USE) if row is not None else "")
    with waited_for() as pace:
        tested, error = _asked(_access(table, secret, pace))
    stored = row is not None and _is_as_stored(row, table, given)
    if row is not None and stored:
        _note(actor, row, tested, error)
    return {
        "ok": error is None, "code": error.code if error else "", "words": sentence_of(error) if error else "",
        "version": tested.version if tested else "", "warnings": list(tested.warnings) if tested else [], "stored": stored,
    }  # fmt: skip


def _access(table: TargetTable, secret: str, pace: Callable[[], None]) -> Access:
    return Access(
        table.kind, user=table.user, secret=secret, base_url=table.base_url.rstrip("/"), allowed=entries(),
        insecure=table.allow_insecure_http, dry_run=True, timeout=READING, pace=pace,
    )  # fmt: skip


def _asked(access: Access) -> tuple[Connected | None, RemoteError | None]:
    try:
        return open_target(access).test(), None
    except RemoteError as error:
        return None, error


def _is_as_stored(row: Target, table: TargetTable, given: Given) -> bool:
    """Whether what was tested is what a run would use."""
    secret = writeonly.new(given)
    same_secret = not secret or secret == row.secret.reveal(USE)
    parts = ("kind", "user", "allow_insecure_http")
    return (same_secret and table.base_url.rstrip("/") == row.base_url
            and all(getattr(table, name) == getattr(row, name) for name in parts))  # fmt: skip


def _note(actor: Actor, row: Target, tested: Connected | None, error: RemoteError | None) -> None:
    """Write it on the target as it is now: what was saved meanwhile was not tested. A target that is away for a moment is as well
    tested as it was. Then what waited for it goes on."""
    as_tested = reached_as(row)
    with change(actor) as edit:
        now = find(Target, row.id)
        if reached_as(now) != as_tested:
            return
        words = sentence_of(error) if error else ""
        trouble = "" if error is None else words if isinstance(error, StopRun) else now.trouble
        works = error is None or (is_tested(now) and not isinstance(error, StopRun))
        Target.objects.filter(id=row.id).observe(
            tested_at=timezone.now(), tested_ok=works, tested_words=words, tested_as=as_tested, trouble=trouble,
            version=tested.version if tested else now.version,
        )
        code = error.code if error else ""
        edit.record(f"publishing:{row.id}:test", after={"name": row.name, "ok": error is None, "code": code})
        if error is None:
            catch_up(row)
