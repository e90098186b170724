"""What is to be done with a credential at a target. Pure: what is wanted and what is there go in, steps come out. Knows no rows,
no secret, no clock.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stationmaster.i18n import marked
from stationmaster.publishing.terms import Terms
from stationmaster.targets._base import Entry
from stationmaster.targets.matching import differences

Action = Literal["create", "update", "adopt", "skip", "withdraw"]
ACTIONS: Final = ("create", "update", "adopt", "skip", "withdraw")

SAME: Final = "publication.same"
VENDOR: Final = "publication.vendor"
NOT_API_KEY: Final = "publication.not_api_key"
REFRESHED: Final = "publication.refreshed"
ENDS_SOON: Final = "publication.ends_soon"
DISABLED: Final = "publication.disabled"
NO_SECRET: Final = "publication.no_secret"      # noqa: S105  a reason
PATTERNS: Final = "publication.patterns"
CANNOT_HOLD: Final = "publication.cannot_hold"
GROUPS: Final = "publication.groups"
NOT_THERE: Final = "publication.not_there"
LEAVING: Final = "publication.leaving"
# Why a credential is left out, for people (i18n ids).
REASONS: Final[Mapping[str, str]] = {
    SAME: marked("It is there as it is wanted."),
    VENDOR: marked("Targets of this kind take no credentials of this vendor."),
    NOT_API_KEY: marked("Its secret is not an API key."),
    REFRESHED: marked("Its secret is refreshed all the time: a copy would be out of date at once."),
    ENDS_SOON: marked("Its secret ends within a day: a copy would outlive it."),
    DISABLED: marked("It is switched off."),
    NO_SECRET: marked("It has no secret."),
    PATTERNS: marked("Its pool takes models by patterns, and targets take names: name the target's models."),
    CANNOT_HOLD: marked("The target cannot hold it."),
    GROUPS: marked("The groups that it should be in are not there."),
    NOT_THERE: marked("Nothing of ours is published there."),
    LEAVING: marked("It is about to be withdrawn there."),
}  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """One credential, and what is known of it at a target. `unfit`: a reason why it is left out; `words`: what else there is to
    say of that. `known`: we published it there, or began to. `same_secret`: the secret that was sent last is the one that
    serves. `found`: entries with its marker, the one that we know first."""

    credential: str
    name: str
    terms: Terms = field(default_factory=Terms)
    unfit: str = ""
    words: str = ""
    known: bool = False
    same_secret: bool = False
    expected: Entry | None = None
    found: Sequence[Entry] = ()


@dataclass(frozen=True)
class Step:
    """What is done with one credential. `fields`: what differs ("secret": another one was sent last, or nobody knows which;
    "duplicate": there is more than one entry of it)."""

    credential: str
    name: str
    action: Action
    fields: tuple[str, ...] = ()
    reason: str = ""
    sentence: str = ""
    terms: Terms = field(default_factory=Terms)


def step_of(one: Candidate) -> Step:
    """What has to be done so that it is there once, as wanted."""
    if one.unfit or one.expected is None:
        return _skip(one, one.unfit or CANNOT_HOLD)
    if not one.found:
        return Step(one.credential, one.name, "create", terms=one.terms)
    fields = changes(one.expected, one.found, same_secret=one.same_secret)
    if not one.known:
        return Step(one.credential, one.name, "adopt", fields, terms=one.terms)
    if not fields:
        return _skip(one, SAME)
    return Step(one.credential, one.name, "update", fields, terms=one.terms)


def changes(expected: Entry, found: Sequence[Entry], *, same_secret: bool) -> tuple[str, ...]:
    """The fields in which what is there differs from what is wanted."""
    odd = differences(expected, found[0])
    secret = () if same_secret or "secret" in odd else ("secret",)
    return (*odd, *secret, *(("duplicate",) if len(found) > 1 else ()))


def leaving_step(one: Candidate) -> Step:
    """What has to be done so that it is not there. Only what we published is ever taken away."""
    if not one.known:
        return _skip(one, NOT_THERE)
    return Step(one.credential, one.name, "withdraw", terms=one.terms)


def digest_of(place: str, steps: Iterable[Step]) -> str:
    """A hash over all that a plan would do, and where; the same plan has the same one."""
    rows = [[each.credential, each.action, each.fields, each.reason, each.terms.plain()] for each in steps]
    return hashlib.sha256(json.dumps([place, rows], sort_keys=True).encode()).hexdigest()


def counted(steps: Iterable[Step]) -> dict[str, int]:
    """How many steps there are of each action."""
    counts: dict[str, Any] = dict.fromkeys(ACTIONS, 0)
    for each in steps:
        counts[each.action] += 1
    return counts


def _skip(one: Candidate, reason: str) -> Step:
    return Step(one.credential, one.name, "skip", (), reason, one.words, one.terms)
