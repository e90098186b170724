"""What is known here of credentials that somebody wants published. Owns: who is chosen, why one is left out, and reading rows and
a target into candidates. Takes secrets out, for the comparison with what was sent last, and gives none on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from stationmaster.credentials import expiry
from stationmaster.credentials.checking import checked_secret
from stationmaster.credentials.models import Credential
from stationmaster.errors import Invalid, StationmasterError
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.publishing import planning
from stationmaster.publishing.models import SKIPPED, Publication, Target
from stationmaster.publishing.planning import Candidate
from stationmaster.publishing.policy import SHORTEST_LIFE
from stationmaster.publishing.terms import Terms, concurrency_of, models_of, priority_of
from stationmaster.routing.models import PoolMember
from stationmaster.store import keyholder
from stationmaster.targets._base import Entry, Group, Wanted
from stationmaster.targets.matching import named_groups
from stationmaster.targets.registry import kind

USE: Final = "publish"
_TOKENS: Final = frozenset({"access_token", "bedrock_short_key"})      # what ends within hours, though nobody says when


@dataclass(frozen=True)
class Asked:
    """A credential and how it is asked for; `unfit` and `words`: why it cannot be, where the asking already says so."""

    row: Credential
    terms: Terms
    unfit: str = ""
    words: str = ""


def by_target(rows: Iterable[Credential], target: Target) -> list[Asked]:
    """Credentials as the target has them by default."""
    terms = Terms(tuple(target.models), target.priority, target.concurrency, tuple(target.groups))
    return [Asked(row, terms) for row in rows]


def by_pool(members: Iterable[PoolMember], target: Target) -> list[Asked]:
    """Credentials as a pool has them: its tiers, limits and models. Targets know no weights."""
    found = []
    for each in members:
        models = models_of(each.models, target.models)
        terms = Terms(
            models or (), priority_of(target.priority, each.priority), concurrency_of(target.concurrency, each.max_concurrency),
            tuple(target.groups), each.pool_id,
        )  # fmt: skip
        found.append(Asked(each.credential, terms, "" if models is not None else planning.PATTERNS))
    return found


def again(row: Publication) -> Terms:
    """How a publication was wanted last."""
    return Terms(tuple(row.models), row.priority, row.concurrency, tuple(row.groups), row.pool)


def grouped(asked: Sequence[Asked], target: Target, groups: Sequence[Group]) -> list[Asked]:
    """The same with the ids of the groups that the target's `group_names` are, for each vendor those that take it."""
    if target.groups or not target.group_names:
        return list(asked)
    return [_grouped(each, tuple(target.group_names), groups) for each in asked]


def _grouped(one: Asked, names: tuple[str, ...], groups: Sequence[Group]) -> Asked:
    try:
        return replace(one, terms=replace(one.terms, groups=named_groups(names, groups, one.row.vendor)))
    except Invalid as error:
        return replace(one, unfit=one.unfit or planning.GROUPS, words=error.message)


def unfit(row: Credential, target: Target, now: datetime, *, known: bool) -> str:
    """Why a credential is not to be copied there; empty: it may be. One that is switched off stays where it is, switched off."""
    if row.vendor not in kind(target.kind).vendors:
        return planning.VENDOR
    if not row.secret:
        return planning.NO_SECRET
    if expiry.seen_to(row):
        return planning.REFRESHED
    if row.expires_at is not None and row.expires_at < now + SHORTEST_LIFE:
        return planning.ENDS_SOON
    if not _is_api_key(row.secret.reveal(USE), row.vendor):
        return planning.NOT_API_KEY
    return planning.DISABLED if not known and not enabled(row) else ""


def enabled(row: Credential) -> bool:
    """Whether people want it in service."""
    return not row.disabled and row.override != "out"


def wanted_of(row: Credential, terms: Terms) -> Wanted:
    """What a target is to hold, with the secret that serves now. Raises `Invalid`."""
    return Wanted(
        id=row.id, name=row.name, vendor=row.vendor, secret=row.secret.reveal(USE), base_url=row.base_url,
        models=terms.models, priority=terms.priority, concurrency=terms.concurrency, groups=terms.groups, enabled=enabled(row),
    )  # fmt: skip


def secret_digest(wanted: Wanted) -> str:
    """A keyed hash of its secret: tells whether two are the same, to whoever holds our keys."""
    return keyholder.digests().fingerprint(wanted.secret)


def candidates(
    asked: Sequence[Asked], target: Target, adapter: Any, entries: Mapping[str, Sequence[Entry]], now: datetime
) -> list[Candidate]:  # fmt: skip
    """What is known of each."""
    ids = [each.row.id for each in asked]
    rows = {row.credential_id: row for row in Publication.objects.filter(target=target, credential__in=ids)}
    return [_candidate(each, target, adapter, rows.get(each.row.id), entries.get(each.row.id, ()), now) for each in asked]


def _candidate(
    one: Asked, target: Target, adapter: Any, row: Publication | None, found: Sequence[Entry], now: datetime
) -> Candidate:  # fmt: skip
    known = row is not None and (bool(row.entry) or row.state != SKIPPED)
    base = Candidate(one.row.id, one.row.name, one.terms, one.unfit, one.words, known)
    why = "" if row is None or row.wanted else planning.LEAVING
    why = why or one.unfit or unfit(one.row, target, now, known=known)
    if why:
        return replace(base, unfit=why)
    try:
        wanted = wanted_of(one.row, one.terms)
        expected = adapter.expected(wanted)
    except StationmasterError as error:
        return replace(base, unfit=planning.CANNOT_HOLD, words=error.message)
    same = row is not None and row.digest == secret_digest(wanted)
    return replace(base, same_secret=same, expected=expected, found=first_known(found, row.entry if row is not None else ""))


def by_marker(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Entries of each credential, in their order."""
    found: dict[str, list[Entry]] = {}
    for each in entries:
        found.setdefault(each.marker, []).append(each)
    return found


def first_known(found: Sequence[Entry], entry: str) -> list[Entry]:
    """The entry that we know stands first: the others are too many."""
    return sorted(found, key=lambda each: each.id != entry)


def _is_api_key(secret: str, vendor: str) -> bool:
    """Whether it is what the vendor issues as an API key, or has no form of its own."""
    try:
        checked_secret(secret, vendor)
    except Invalid:
        return False
    return shape_of(secret).kind not in _TOKENS
