"""Plans, made and kept. Owns: computing one from the rows, and writing it down."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stationmaster.errors import Invalid
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.lookup import find
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import Plan, PlanWorkspace, Workspace
from stationmaster.workspaces.planning.guards import cost
from stationmaster.workspaces.planning.prices import Terms
from stationmaster.workspaces.planning.values import DECIDED, KINDS, TOLD
from stationmaster.workspaces.plans import ending, prices, showing, storing
from stationmaster.workspaces.plans.lately import taken_out
from stationmaster.workspaces.plans.loading import Supposing, load
from stationmaster.workspaces.policy import policy


@dataclass(frozen=True)
class Computed:
    """A plan as it is now. `cost` by currency, as far as prices are known; `terms` by workspace (name)."""

    steps: tuple[planning.Step, ...]
    guards: tuple[str, ...]
    cost: Mapping[str, int]
    terms: Mapping[str, Terms]

    @property
    def hash(self) -> str:
        """What it is known by."""
        return planning.digest(self.steps)

    @property
    def counts(self) -> dict[str, int]:
        """How many steps of each kind there are."""
        found = Counter(step.kind for step in self.steps)
        return {kind: found[kind] for kind in KINDS if found[kind]}


def compute(
    workspaces: Sequence[Workspace], only: Collection[str] = KINDS, *, but: str = "", unasked: bool = False,
    supposing: Supposing | None = None,
) -> Computed:  # fmt: skip
    """The plan for these workspaces, by the rows as they are now, of steps of the kinds in `only`. What other plans than `but`
    (an id) removed lately counts for whether it takes a second approval. `unasked`: without what people alone decide on;
    `supposing`: with other assignments than there are."""
    places: list[tuple[planning.Place, int]] = []
    steps: list[planning.Step] = []
    for loaded in load(workspaces, supposing):
        places.append((loaded.place, loaded.inside))
        steps += (step for step in loaded.steps() if step.kind in only and not (unasked and step.reason in DECIDED))
    found = planning.guards(places, steps, policy().removals, taken_out([row.id for row in workspaces], but))
    return Computed(tuple(steps), found, cost(steps, prices.prices(workspaces)), prices.told(workspaces, steps))


def make_plan(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Make a plan for the `workspaces` (names or ids; left out: all that are in use), with a `note`. It changes nothing but
    itself. Raises `Forbidden`, `NotFound`, `Invalid`."""
    require(actor, "plans:create")
    known_only(given, frozenset({"workspaces", "note"}))
    about = asked(given.get("workspaces"))
    note = given.get("note") or ""
    if not isinstance(note, str) or len(note) > 1000:
        raise Invalid("error.config.bad_value", "note: expected a text of up to 1000 characters", fields={"note": "too long"})
    refuse_odd_text(note, "note")
    return showing.show(keep_plan(actor, about, compute(about), note))


def keep_plan(actor: Actor, about: Sequence[Workspace], computed: Computed, note: str) -> Plan:
    """Write a plan down, for whoever looks at it and approves it. One in which there is nothing to do is over at once; what was
    made by itself for one of these workspaces and waits for people is outdated by it."""
    over = all(step.kind in TOLD for step in computed.steps)
    with change(actor) as edit:
        for each in about:
            ending.outdate(edit, each, ending.LATER)
        row = Plan(
            **(ending.nothing() if over else {}),
            hash=computed.hash, made_by=actor.id, counts=computed.counts, guards=[*computed.guards], note=note,
            cost_minor=dict(computed.cost), terms=dict(computed.terms), names="\n".join(each.name for each in about),
        )  # fmt: skip
        with edit.creating(row):
            _keep(row, about, computed.steps)
    return row


def asked(names: Any) -> list[Workspace]:
    """The workspaces by these names or ids, each once, by name. Raises `NotFound`, `Invalid`."""
    if not names:
        return list(Workspace.objects.filter(disabled=False).order_by("name"))
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Invalid("error.config.bad_value", "workspaces: expected names", fields={"workspaces": "expected names"})
    rows = {row.id: row for row in (find(Workspace, name) for name in names)}
    return sorted(rows.values(), key=lambda row: row.name)


def _keep(row: Plan, about: Iterable[Workspace], steps: Iterable[planning.Step]) -> None:
    PlanWorkspace.objects.bulk_create(PlanWorkspace(plan=row, workspace=each, read_at=each.read_at) for each in about)
    storing.store(row.id, steps)
