"""Routes seen together. Owns: that each can be reached, and that an alias leads to a model, not an alias.

A route takes the models its patterns match and the names of its aliases; the first such route wins.
"""

from collections.abc import Sequence

from stationmaster.gateway.config.patterns import covers
from stationmaster.gateway.config.problems import Place, quoted
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.tables import RouteTable

Routes = Sequence[Placed[RouteTable]]
_ORDER = "the first matching route wins: move this one up, or take it out"

Taken = dict[str, Place]  # pattern or alias name → the route that takes it first


def check_reach(routes: Routes, report: Report) -> None:
    """Report every route whose patterns and aliases are all taken by routes above it."""
    taken: Taken = {}
    for route in routes:
        names = [*route.table.models, *route.table.aliases]
        takers = [_taker(name, taken) for name in names]
        if takers and all(takers):
            report.add("error.config.unreachable", route.place, _beaten_by(takers, report), _ORDER)
        for name in names:
            taken.setdefault(name, route.place)


def check_aliases(routes: Routes, report: Report) -> None:
    """Report aliases that are patterns, are empty, or lead to another alias."""
    known = {name: route.place for route in reversed(routes) for name in route.table.aliases}
    for route in routes:
        for name, target in route.table.aliases.items():
            place = (*route.place, "aliases", name)
            fault = _fault_in_alias(name, target)
            if fault:
                report.add("error.config.bad_value", place, fault)
            elif target in known:
                line = report.line((*known[target], "aliases", target))
                message = f"leads to {quoted(target)}, which is an alias itself ({report.unit} {line})"
                report.add("error.config.bad_value", place, message, "name the model that it stands for")


def _taker(name: str, taken: Taken) -> Place | None:
    if name in taken:
        return taken[name]
    return next((place for pattern, place in taken.items() if covers(pattern, name)), None)


def _beaten_by(takers: Sequence[Place | None], report: Report) -> str:
    lines = sorted({report.line(place) for place in takers if place})
    if len(lines) == 1:
        return f"never reached: the route at {report.unit} {lines[0]} takes all of its models"
    return f"never reached: the routes at {report.unit}s {', '.join(map(str, lines))} take all of its models"


def _fault_in_alias(name: str, target: str) -> str:
    if not name or any(mark in name for mark in "*?["):
        return "an alias is one exact name, not a pattern"
    return "" if target and not any(mark in target for mark in "*?[") else "an alias leads to one exact model"
