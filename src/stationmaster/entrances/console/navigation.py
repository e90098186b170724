"""What stands at the head of every page for who is signed in. Owns: which pages that leads to, and in which order."""

from dataclasses import dataclass

from django.urls import reverse

from stationmaster.i18n import tr


@dataclass(frozen=True)
class Entry:
    """One link: its address, its words, whether it leads to the page that is shown."""

    address: str
    text: str
    here: bool


def entries(path: str) -> list[Entry]:
    """The links, seen from the page at `path`."""
    pages = (("home", tr("Overview")), ("account", tr("My account")), ("api_docs", tr("API documentation")))
    return [Entry(reverse(name), text, reverse(name) == path) for name, text in pages]
