"""How a credential is to be published: what a pool's member or a target says, in the words of targets. Pure: knows no rows, no
clock. Owns the translation of priorities, weights and patterns of models."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from stationmaster.targets._base import PRIORITIES, USUAL_PRIORITY


@dataclass(frozen=True)
class Terms:
    """`priority`: 1 to 100, lower first; `models`: empty for all; `groups`: ids at the target; `pool`: the id of the pool that it
    is published by, if it is by one."""

    models: tuple[str, ...] = ()
    priority: int = USUAL_PRIORITY
    concurrency: int = 0
    groups: tuple[str, ...] = ()
    pool: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "models": list(self.models), "groups": list(self.groups)}


def terms_of(given: Mapping[str, Any]) -> Terms:
    """The opposite of `plain`."""
    return Terms(tuple(given["models"]), given["priority"], given["concurrency"], tuple(given["groups"]), given["pool"])


def priority_of(target: int, member: int) -> int:
    """A pool counts its tiers from 0, the first one first; they follow the target's own priority, as far as numbers go."""
    return min(PRIORITIES[-1], max(PRIORITIES[0], target + member))


def concurrency_of(target: int, member: int) -> int:
    """The smaller limit holds; 0 is none."""
    return min(target, member) if target and member else target or member


def models_of(patterns: Sequence[str], target: Sequence[str]) -> tuple[str, ...] | None:
    """The models that a pool's member takes, by name: targets know no patterns. Of a pattern, those of the target's own list that
    it takes. Empty: all; None: none can be named."""
    if not patterns or "*" in patterns:
        return tuple(target)
    plain = [each for each in patterns if not _is_pattern(each)]
    named = [each for each in target if any(_is_pattern(p) and fnmatchcase(each, p) for p in patterns)]
    allowed = [each for each in plain if not target or each in target]
    return tuple(dict.fromkeys([*allowed, *named])) or None


def _is_pattern(text: str) -> bool:
    return any(mark in text for mark in "*?[")
