"""One thing to be done to one person at one vendor, as a value: a plan's step, or what was asked for by itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stationmaster.workspaces import planning
from stationmaster.workspaces.models import PlanStep


@dataclass(frozen=True)
class Task:
    """`kind` is that of `planning.values.Kind`; `workspace` an id, `vendor` a name. `person`: whom it is about here, empty for a
    stranger; `known_as`, `member`, `invite`: what the vendor is told of them; `role` and `projects`: what they get; `reason`: a
    code of `planning.reasons`; `step`: the plan's step that it is, 0 for none."""

    kind: str
    workspace: str
    vendor: str
    person: str = ""
    known_as: str = ""
    member: str = ""
    invite: str = ""
    role: str = ""
    projects: tuple[str, ...] = ()
    reason: str = ""
    step: int = 0


def of_step(row: PlanStep) -> Task:
    """A kept step, as `plans.doing` gives it."""
    return Task(
        row.kind, row.workspace_id, row.workspace.vendor, row.person_id or "", row.known_as, row.member, row.invite,
        *_given(row.after), row.reason, row.pk,
    )  # fmt: skip


def of_planned(step: planning.Step, vendor: str) -> Task:
    """A step that was computed, and that no plan keeps."""
    given = _given(dict(step.after))
    return Task(step.kind, step.workspace, vendor, step.person, step.known_as, step.member, step.invite, *given, step.reason)


def _given(after: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    return str(after.get("role") or ""), tuple(after.get("projects") or ())
