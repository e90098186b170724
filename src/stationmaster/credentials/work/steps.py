"""How far a rotation has come, and what is next. Pure: rows and times in, one step out. Knows no vendor and writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from stationmaster.credentials.models import (
    DRAINING,
    KEPT,
    LIVE,
    MINTED,
    MINTING,
    OVER,
    PROBED,
    Credential,
    CredentialSecret,
)
from stationmaster.credentials.policy import RotationPolicy

Name = Literal[
    "begin", "sweep", "prove", "share", "promote", "keep", "revoke", "discard", "wait", "over", "failed"
]


@dataclass(frozen=True)
class Step:
    """What to do now. `percent` for a share, `seconds` and `why` for a wait, `generation` what it is about."""

    name: Name
    generation: CredentialSecret | None = None
    percent: int = 0
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known: the slot, its generations (newest first), the one that this job brings in, gateways that do not go by the
    slot's last change (`behind`: connected ones; `absent`: those that may come back), whether faults were reported, the time by
    the database, and where copies still hold the secret before (`copies`). `here`: the time by this host, whose clock says when
    the slot was saved; None: the same."""

    row: Credential
    generations: Sequence[CredentialSecret]
    mine: CredentialSecret | None
    behind: Sequence[str]
    absent: Sequence[str]
    faulty: bool
    now: datetime
    policy: RotationPolicy
    copies: Sequence[str] = ()
    here: datetime | None = None


def next_step(facts: Facts) -> Step:
    """The step that brings a rotation on. The same facts give the same step, whoever did those before."""
    mine = facts.mine
    if mine is None:
        return _clear_the_way(facts) or Step("begin")
    if mine.state == MINTING:
        return Step("sweep", mine)
    if mine.state == MINTED:
        return Step("prove", mine)
    if mine.state == PROBED:
        return _bring_in(facts, mine)
    if mine.state in OVER:
        return Step("failed" if not mine.revoked_at else "over", mine)
    if mine.state != LIVE:      # a person went back to the one before
        return Step("over", mine)
    return _clear_the_way(facts) or Step("over", mine)


def _bring_in(facts: Facts, mine: CredentialSecret) -> Step:
    """Share by share, each only when all gateways go by the one before and it had time to show faults."""
    row, shares = facts.row, facts.policy.shares
    if not row.secret:
        return Step("promote", mine)
    if facts.faulty:
        return Step("discard", mine)
    if row.incoming != mine.number:
        return Step("share", mine, percent=shares[0])
    waits = _acknowledged(facts.behind, facts.policy) or _held(row.updated_at, facts.policy.hold, facts.here or facts.now)
    if waits is not None:
        return waits
    larger = next((each for each in shares if each > row.share), None)
    return Step("promote", mine) if larger is None else Step("share", mine, percent=larger)


def _clear_the_way(facts: Facts) -> Step | None:
    """Earlier ones that are still valid: drained, kept for their time, revoked. At most two keys of a slot are ever valid: a new
    rotation waits for no time that a way back had left. None: there is none any more."""
    old = next((each for each in facts.generations if each.state == DRAINING), None)
    if old is not None:
        waits = _acknowledged(facts.behind, facts.policy) or _held(old.since, facts.policy.drain, facts.now)
        return waits or Step("keep", old)
    kept = next((each for each in facts.generations if each.state == KEPT and each.keep_until is not None), None)
    if kept is None or kept.keep_until is None:
        return None
    left = (kept.keep_until - facts.now) / timedelta(seconds=1) if facts.mine is not None else 0.0
    if left > 0:
        return Step("wait", kept, seconds=left, why="the secret before is kept as the way back")
    if facts.absent:
        return Step("wait", kept, seconds=60.0, why=f"gateways that may still use it: {', '.join(facts.absent[:5])}")
    if facts.copies and facts.now < kept.keep_until + facts.policy.copied:
        return Step("wait", kept, seconds=facts.policy.look, why=f"copies that still hold it: {', '.join(facts.copies[:5])}")
    return Step("revoke", kept)


def _acknowledged(behind: Sequence[str], policy: RotationPolicy) -> Step | None:
    if not behind:
        return None
    return Step("wait", seconds=policy.look, why=f"gateways that do not go by it yet: {', '.join(behind[:5])}")


def _held(since: datetime, wanted: timedelta, now: datetime) -> Step | None:
    left = (since + wanted - now) / timedelta(seconds=1)
    return Step("wait", seconds=max(left, 0.05), why="it has its time to show faults, or to drain") if left > 0 else None
