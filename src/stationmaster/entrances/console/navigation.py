"""What stands at the head of every page for who is signed in. Owns: which pages that leads to, and in which order."""

from dataclasses import dataclass

from django.urls import reverse

from stationmaster.i18n import tr
from stationmaster.operators.services import allowed
from stationmaster.store.actor import Actor


@dataclass(frozen=True)
class Entry:
    """One link: its address, its words, whether it leads to the page that is shown."""

    address: str
    text: str
    here: bool


def entries(path: str, actor: Actor | None) -> list[Entry]:
    """The links for `actor`, seen from the page at `path`: what they may not see is no link."""
    pages = (
        ("home", tr("Overview"), "", ()), ("workspaces", tr("Workspaces"), "workspaces:read", ("/vendors",)),
        ("credentials", tr("Credentials"), "credentials:read", ("/calendar",)),
        ("targets", tr("Targets"), "targets:read", ("/publications", "/publish", "/exports")),
        ("people", tr("People"), "people:read", ("/groups", "/imports")),
        ("seats", tr("Seats"), "seats:read", ("/assignments", "/plans", "/runs")),
        ("bills", tr("Bills"), "bills:read", ()),
        ("jobs", tr("Jobs"), "jobs:read", ("/workers",)),
        ("settings", tr("Settings"), "settings:read", ()),
        ("account", tr("My account"), "", ()), ("api_docs", tr("API documentation"), "", ()),
    )  # fmt: skip
    return [
        Entry(reverse(name), text, _leads(path, reverse(name), more)) for name, text, action, more in pages
        if not action or (actor is not None and allowed(actor, action))
    ]  # fmt: skip


def _leads(path: str, address: str, more: tuple[str, ...]) -> bool:
    """Whether the page at `path` is one of those that stand behind `address`."""
    return path == address or any(path == each or path.startswith(f"{each}/") for each in (address, *more) if each != "/")
