"""A plan's hash. Owns: what makes two plans the same one."""

import hashlib
import json
from collections.abc import Iterable

from stationmaster.workspaces.planning.values import TOLD, Step

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


def digest(steps: Iterable[Step]) -> str:
    """SHA-256, in hex, over what would be done, in whatever order it is given. What is only told (blocked, skipped) and the
    figures in reasons are left out: they change nothing that somebody approved."""
    lines = sorted(line(step) for step in steps if step.kind not in TOLD)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def line(step: Step) -> str:
    """What makes a step this one, as a text."""
    whom = (step.workspace, step.person, step.known_as, step.member, step.invite)
    parts = (*whom, step.kind, step.before, step.after, step.reason)
    return _ENCODER.encode(parts)
