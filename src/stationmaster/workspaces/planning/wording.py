"""A plan, as it is shown everywhere, in a reader's words. Owns: what the command line and the console both say of one.

Takes plans and steps as the services show them (`plans.showing`), which came over REST perhaps.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.i18n import marked, told, tr
from stationmaster.workspaces.planning.prices import Terms, amount
from stationmaster.workspaces.planning.values import TOLD

STEPS: Final[Mapping[str, str]] = {
    "adopt": marked("take over"),
    "close": marked("close"),
    "withdraw": marked("take the invitation back"),
    "remove": marked("remove"),
    "unassign": marked("take the licence back"),
    "role": marked("change the role"),
    "projects": marked("add to projects"),
    "reinvite": marked("invite again"),
    "invite": marked("invite"),
    "assign": marked("give a licence"),
    "manual": marked("by hand"),
    "blocked": marked("cannot be done"),
    "skip": marked("left alone"),
}


def to_do(plan: Mapping[str, Any]) -> bool:
    """Whether anything is to be done."""
    return any(kind not in TOLD for kind in plan["counts"])


def change_of(step: Mapping[str, Any]) -> str:
    """From what to what, briefly: "reader → owner", and projects that are added."""
    before, after = step["before"], step["after"]
    role = " → ".join(str(side["role"]) for side in (before, after) if side.get("role"))
    return " ".join(part for part in (role, ", ".join(after.get("projects") or ())) if part)


def seats(workspace: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """How many seats of a workspace are used, and of how many: as its vendor says; else the members that were read there, and
    the policy's limit. None: nobody knows."""
    used, total = workspace["seats_used"], workspace["seats_total"]
    return (workspace["found"].get("members") if used is None else used,
            (workspace["seat_limit"] or None) if total is None else total)  # fmt: skip


def costs(plan: Mapping[str, Any]) -> str:
    """What a cycle costs more once it is done, by currency; empty: nothing that is known."""
    return ", ".join(amount(minor, currency) for currency, minor in plan["cost_minor"].items())


def terms_said(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """For each workspace where seats are bought or given back: its name, and what that means in money."""
    for name, terms in plan["terms"].items():
        yield name, " ".join(_said(terms))


def _said(terms: Terms) -> Iterator[str]:
    if terms["words"]:
        yield told(terms["words"]) if "{" not in terms["words"] else terms["words"]
    if terms["price_minor"] is None:
        yield tr("What a seat costs is not known here; the workspace's policy can say it.")
    else:
        yield tr("A seat costs {amount} a cycle.", amount=amount(terms["price_minor"], terms["currency"]))
    if terms["cycle_ends"]:
        yield tr("The cycle ends on {day}.", day=terms["cycle_ends"])
