"""Rows of plans: the difference between who should be in and who is, as it was shown and approved. Owns their tables."""

from typing import Any, ClassVar, Final, Literal, get_args

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.workspaces.models.workspace import Workspace

Outcome = Literal["done", "failed", "skipped"]      # of a step
STATES: Final = ("open", "approved", "applying", "applied", "stale", "refused")
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


class Plan(ConfigRow):
    """What would be done to one workspace or several. `hash` is over its steps: what is applied is what was approved.

    `counts`: how many steps of each kind. `guards`: why it takes a second approval by another operator (codes), empty if it
    does not. `approvals`: `{by, person, at}` each. `cost_minor` by currency: what a cycle costs more (less when negative), as
    far as prices are known; `terms`: of each workspace (its name) where seats are bought or given back, what was known of it
    then (`planning.prices.Terms`).
    `jobs`: what applies it, by workspace. `made_by` is the id of whoever made it; `names`: the workspaces it is about, a line
    each.
    """

    PREFIX = "plan"
    KIND = "plan"
    SEARCH = ("id", "state", "made_by", "names", "note")

    state = AsciiField(max_length=10, default="open", db_index=True)
    hash = AsciiField(max_length=64)
    made_by = AsciiField(max_length=64, default="")
    counts = JsonText(default=dict)
    guards = JsonText(default=list)
    approvals = JsonText(default=list)
    cost_minor = JsonText(default=dict)
    terms = JsonText(default=dict)
    jobs = JsonText(default=dict)
    names = models.TextField(default="")
    closed_at = models.DateTimeField(null=True)
    note = models.TextField(default="", blank=True)                # of whoever made it
    why = models.TextField(default="", blank=True)                 # it was refused, or what changed


class PlanWorkspace(models.Model):
    """A workspace that a plan is about, and when its vendor had been read."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["plan", "workspace"], name="planned_once")]

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="about")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    read_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()


class PlanStep(models.Model):
    """One line of a plan: `kind` (`planning.values.Kind`) for one person, or for a stranger whom only the vendor knows.

    `known_as` is a stranger's address or login; what a person is written to by stays with the person, so that erasing them
    erases it. `member` and `invite` are the vendor's ids. `before` and `after`:
    role and projects (empty: none). `reason`: a code of `planning.reasons`, `facts` the values in its sentence.
    `outcome`: done, failed or skipped, once it was applied or ticked, and who ticked it (`done_by`). `ticked`: of a step that is
    done by hand, which sentences of its checklist (`planning.checklists`, from 1) were ticked: `{item, by, at}` each.
    """

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["plan", "position"], name="step_once")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["plan", "kind", "outcome"])]

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="steps", db_index=False)
    position = models.PositiveIntegerField()
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = AsciiField(max_length=12)
    person = models.ForeignKey("people.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    known_as = models.TextField(default="")
    member = AsciiField(max_length=191, default="")
    invite = AsciiField(max_length=191, default="")
    before = JsonText(default=dict)
    after = JsonText(default=dict)
    reason = AsciiField(max_length=40, default="")
    facts = JsonText(default=dict)
    ticked = JsonText(default=list)
    outcome = AsciiField(max_length=8, default="")
    outcome_detail = models.TextField(default="")
    done_by = AsciiField(max_length=64, default="")
    done_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()
