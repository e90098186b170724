"""Which secrets a change hands over, and which are still to be had. Pure.

An entry says that there is a secret, and where it comes from, never what it is: `secret = "stored:NAME"`. Of a key nothing is
said; its hash is handed over with it, or when it is another. A refresh token that is stored is never replaced by a file's: its
issuer may have given another one in its place since, and may end everything when a spent one comes again.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from stationmaster.cli.declared import sources
from stationmaster.cli.declared.document import Document, Entry
from stationmaster.cli.declared.tables import Kind, Name, Sort

ASKED_FOR = "(asked for)"      # how a secret is shown that is still needed
ADDRESS: Mapping[Kind, tuple[str, ...]] = {
    "workspace": ("vendor", "base_url"), "credential": ("vendor", "base_url"), "target": ("kind", "base_url", "user"),
}  # fmt: skip
Takes = Callable[[Sort, str, str], bool]


@dataclass(frozen=True)
class Secret:
    """A secret that a file gives, and how it may be shown: its reference."""

    shown: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Handed:
    """A secret that goes with a change, and how it is shown. `needed`: it is still to be had."""

    name: Name
    shown: str
    needed: bool = False


def handed(kind: Kind, before: Entry | None, after: Entry, given: Mapping[Name, Secret], takes: Takes) -> Iterator[Handed]:
    """The secrets of a change from `before` (None: it is made) to `after`. `takes` tells whether a secret that is given is
    another than the one that is stored."""
    name = after["id"]
    moved = before is not None and any(before.get(each) != after.get(each) for each in ADDRESS.get(kind, ()))
    yield from _one((kind, name), "secret", before, after, moved, given, takes)
    if "source" in after:
        source, held = after["source"], (before or {}).get("source")
        elsewhere = held is not None and sources.moved(held, source)
        for mark in sources.sealed_of(source):
            yield from _one((sources.SEALED[mark], name), mark, held, source, elsewhere, given, takes)


def _one(
    name: Name, mark: str, before: Entry | None, after: Entry, moved: bool, given: Mapping[Name, Secret], takes: Takes
) -> Iterator[Handed]:
    found, wants = given.get(name), mark in after
    if before is None or (wants and (moved or mark not in before)):
        if found is not None or wants:
            yield Handed(name, found.shown if found else ASKED_FOR, found is None)
    elif found is not None and name[0] != "refresh_token" and takes(*name, found.value):
        yield Handed(name, found.shown)


def takers(document: Document) -> Iterator[Name]:
    """All of a document that may take a secret, or the hash of one."""
    for kind in ("workspace", "credential", "key", "target"):
        for name, entry in document.by_id(kind).items():
            source = entry.get("source")
            yield from ((sources.SEALED[mark], name) for mark in sources.sealed_of(source)) if source else ((kind, name),)


def shown(kind: Kind, entry: Entry, secrets: tuple[Handed, ...]) -> Entry:
    """The entry as a diff shows it: where its secrets come from."""
    for each in secrets:
        sort = each.name[0]
        if sort in sources.SEALED.values():
            mark = "secret" if sort == "source" else sort
            entry = {**entry, "source": {**entry["source"], mark: each.shown}}
        else:
            entry = {**entry, "secret_sha256" if kind == "key" else "secret": each.shown}
    return entry


def plain(entry: Entry) -> Entry:
    """The entry without what a diff shows of its own secret, and without its source."""
    return {name: value for name, value in entry.items() if name not in ("secret", "secret_sha256", "source")}
