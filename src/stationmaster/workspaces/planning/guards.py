"""What takes a second approval. Owns: telling it of a plan; how many removals are too many is the rule of `people.limits`."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from stationmaster.people.limits import Limits, beyond
from stationmaster.workspaces.planning.values import REMOVALS, SURPLUS, Place, Step

USUAL: Final = Limits()
GIVES: Final = frozenset({"invite", "reinvite", "role"})
NOBODY: Final[Mapping[str, int]] = {}


def guards(
    places: Iterable[tuple[Place, int]], steps: Sequence[Step], limits: Limits = USUAL, lately: Mapping[str, int] = NOBODY
) -> tuple[str, ...]:
    """Why these steps take a second approval by somebody else; empty: they do not. `places` come with how many people are in
    each, invitations among them. `lately`: how many other plans, which took no second approval for it, took out of which
    workspace lately: one large plan cut into many small ones is a large one still.

    `many_removals`: more people than `limits` let, by number, or by their share of a workspace; `buys_seats`: money is spent;
    `cancels_plan`: the last seat goes, and with it the vendor's plan; `gives_owner`: somebody is made an owner, who may more at
    the vendor than an admin here lets them.
    """
    removed = Counter(step.workspace for step in steps if _removes(step))
    assigned = Counter(step.workspace for step in steps if step.kind == "assign")
    unassigned = Counter(step.workspace for step in steps if step.kind == "unassign")
    given = {(step.workspace, dict(step.after).get("role")) for step in steps if step.kind in GIVES}
    found = set()
    if removed and beyond(removed.total() + sum(lately.values()), None, limits):
        found.add("many_removals")
    for place, people in places:
        before = lately.get(place.id, 0)
        if removed[place.id] and beyond(removed[place.id] + before, people + before, limits):
            found.add("many_removals")
        if place.buys and assigned[place.id]:
            found.add("buys_seats")
        if any((place.id, role) in given for role in place.owners):
            found.add("gives_owner")
        if place.buys and 0 < place.staying <= unassigned[place.id]:
            found.add("cancels_plan")
    return tuple(sorted(found))


def cost(steps: Iterable[Step], prices: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    """What a cycle costs more once the steps are done, in the smallest unit by currency. `prices`: of one seat, by workspace,
    for those that buy seats and say what they cost."""
    total: Counter[str] = Counter()
    for step in steps:
        if step.workspace in prices and step.kind in ("assign", "unassign"):
            currency, price = prices[step.workspace]
            total[currency] += price if step.kind == "assign" else -price
    return {currency: amount for currency, amount in sorted(total.items()) if amount}


def _removes(step: Step) -> bool:
    """Whoever keeps another invitation loses nothing."""
    return (step.kind in REMOVALS and step.reason != SURPLUS) or (step.kind == "manual" and step.reason == "remove_by_hand")
