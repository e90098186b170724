"""What stands beside every page for who is signed in. Owns: which pages that leads to, in which groups and which order.

What somebody may not see is left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.urls import reverse

from stationmaster.i18n import tr
from stationmaster.operators.services import allowed
from stationmaster.store.actor import Actor


@dataclass(frozen=True)
class Entry:
    """One link: its address, its words, whether it leads to the page that is shown, its picture, the group it stands in."""

    address: str
    text: str
    here: bool
    icon: str = ""
    group: str = ""


@dataclass(frozen=True)
class Group:
    """Entries below one heading; without words they stand by themselves."""

    text: str
    entries: tuple[Entry, ...]

    @property
    def here(self) -> bool:
        """Whether one of them leads to the page that is shown."""
        return any(each.here for each in self.entries)


@dataclass(frozen=True)
class _Known:
    """A page of the navigation: its name among the addresses, its words, its picture, the right that it takes (none: everybody's)
    and the addresses, besides its own, whose pages belong to it."""

    name: str
    text: Callable[[], str]
    icon: str
    action: str = ""
    more: tuple[str, ...] = ()


_GROUPS: tuple[tuple[Callable[[], str], tuple[_Known, ...]], ...] = (
    (lambda: "", (
        _Known("home", lambda: tr("Overview"), "layout-dashboard", more=("/start",)),
    )),
    (lambda: tr("Accounts"), (
        _Known("workspaces", lambda: tr("Workspaces"), "building", "workspaces:read", ("/vendors",)),
        _Known("people", lambda: tr("People"), "users", "people:read", ("/groups", "/imports")),
        _Known("people_grid", lambda: tr("Who is where"), "layout-grid", "people:read"),
        _Known("seats", lambda: tr("Seats"), "armchair", "seats:read"),
        _Known("assignments", lambda: tr("Assignments"), "link", "assignments:read"),
        _Known("plans", lambda: tr("Plans"), "clipboard-check", "plans:read", ("/runs",)),
    )),
    (lambda: tr("API"), (
        _Known("credentials", lambda: tr("Credentials"), "lock", "credentials:read", ("/calendar",)),
        _Known("pools", lambda: tr("Pools"), "stack-2", "pools:read"),
        _Known("routes", lambda: tr("Routes"), "route", "routes:read"),
        _Known("keys", lambda: tr("Virtual keys"), "key", "keys:read"),
        _Known("targets", lambda: tr("Targets"), "target", "targets:read", ("/publications", "/publish", "/exports")),
    )),
    (lambda: tr("Traffic"), (
        _Known("requests", lambda: tr("Requests"), "activity", "usage:read"),
        _Known("usage", lambda: tr("Usage"), "chart-bar", "usage:read"),
        _Known("bills", lambda: tr("Bills"), "receipt", "bills:read"),
    )),
    (lambda: tr("Running"), (
        _Known("jobs", lambda: tr("Jobs"), "player-play", "jobs:read", ("/workers",)),
        _Known("alerts", lambda: tr("Alerts"), "bell", "alerts:read"),
        _Known("gateways", lambda: tr("Gateways"), "server", "gateways:read"),
        _Known("audit", lambda: tr("Audit"), "history", "audit:read"),
        _Known("operators", lambda: tr("Operators"), "user-shield", "operators:read", ("/tokens",)),
        _Known("settings", lambda: tr("Settings"), "settings", "settings:read"),
    )),
    (lambda: tr("Me"), (
        _Known("access", lambda: tr("My access"), "id"),
        _Known("account", lambda: tr("My account"), "user"),
        _Known("api_docs", lambda: tr("API documentation"), "api"),
    )),
)  # fmt: skip


def entries(path: str, actor: Actor | None) -> list[Entry]:
    """The links for `actor`, seen from the page at `path`: what they may not see is no link."""
    return [entry for group in groups(path, actor) for entry in group.entries]


def groups(path: str, actor: Actor | None) -> list[Group]:
    """The same in their groups; a group of nothing is none."""
    seen = [(text(), [(each, reverse(each.name)) for each in known if _open_to(actor, each)]) for text, known in _GROUPS]
    here = _nearest(path, [pair for _, pairs in seen for pair in pairs])
    made = (Group(text, tuple(_entries(text, pairs, here))) for text, pairs in seen)
    return [group for group in made if group.entries]


def _entries(group: str, pairs: Sequence[tuple[_Known, str]], here: str) -> Iterator[Entry]:
    for known, address in pairs:
        yield Entry(address, known.text(), known.name == here, known.icon, group)


def _open_to(actor: Actor | None, known: _Known) -> bool:
    if known.name == "home" and actor is not None and actor.role == "member":
        return False  # it leads them to their own access
    return not known.action or (actor is not None and allowed(actor, known.action))


def _nearest(path: str, pairs: Sequence[tuple[_Known, str]]) -> str:
    """The name of the entry that the page at `path` belongs to: the one whose address is the longest part of it."""
    found = [(len(start), known.name) for known, address in pairs for start in (address, *known.more) if _under(path, start)]
    return max(found, default=(0, ""))[1]


def _under(path: str, start: str) -> bool:
    return path == start or (start != "/" and path.startswith(f"{start}/"))
