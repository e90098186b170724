"""What targets can be asked for. Owns: one Protocol a capability, and the values that go in and out. May not know any target.

A target is somebody's gateway with other people's entries in it. An entry is ours when it carries our marker with the id of a
credential; nothing else is ever changed, moved or deleted. Ids are unique among all installations, so that two may publish into
one target: an entry with an id that the caller never published belongs to the other one, and is left alone.

What none of these promises:
- that what was just written serves at once: targets reload and cache.
- that the secret which a target holds is the one that was sent: most never show it. `Entry.digest` is empty there.
- that a create is done once: targets refuse no duplicates, and a create whose answer was lost may arrive late. Adapters look
  for the marker before they raise, and `matching.surplus` says which entries are too many.
- that health is about the credential: a target tells what it believes.

Why it is so: docs/decisions/0019.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Protocol, runtime_checkable

from stationmaster.errors import Invalid
from stationmaster.line import access as line
from stationmaster.line.errors import Party

PRIORITIES = range(1, 101)     # ours: lower first, 50 is usual
USUAL_PRIORITY = 50

HealthState = Literal["active", "paused", "limited", "invalid", "unknown"]

_ID = re.compile(r"[a-z0-9_]{1,64}")
_KEY = re.compile(r"(?<![A-Za-z0-9])(?:(?:sk|rk|key|gsk|xai|pplx|hf)[-_][^\s,;\"']{8,}|AIza[\w-]{12,}|[A-Za-z0-9+/]{32,}={0,2})")


class Capability(StrEnum):
    """One thing that some targets offer an interface for."""

    CONNECT = "connect"
    PUBLISH = "publish"
    READ = "read"              # health and usage
    GROUPS = "groups"


def _alone() -> AbstractContextManager[object]:
    """Nobody else writes."""
    return nullcontext()


@dataclass(frozen=True)
class Access(line.Access):
    """How a target is reached. `kind`: of the registry. `secret`: its admin key, or the password. `user`: who logs in, or the
    user id that goes with the key, where the kind asks for one. `base_url`: where it listens. `exclusive` is entered around a
    change of a list that is replaced as a whole, and keeps other processes out meanwhile."""

    PARTY: ClassVar[Party] = "target"

    kind: str
    user: str = field(default="", kw_only=True)
    exclusive: Callable[[], AbstractContextManager[object]] = field(default=_alone, kw_only=True)


@dataclass(frozen=True)
class Wanted:
    """One credential as a target shall hold it.

    `id`: of the credential, `[a-z0-9_]{1,64}`; it is what the marker says. `base_url`: as in our gateway, with or without `/v1`;
    empty: the vendor's own. `models`: empty for all. `priority`: of `PRIORITIES`, lower first, whatever the target's own
    direction. `concurrency`: requests at once; 0: as the target likes. `groups`: ids at the target. Raises `Invalid`.
    """

    id: str
    name: str
    vendor: str
    secret: str = field(repr=False)
    base_url: str = ""
    models: tuple[str, ...] = ()
    priority: int = USUAL_PRIORITY
    concurrency: int = 0
    groups: tuple[str, ...] = ()
    enabled: bool = True

    def __post_init__(self) -> None:
        wrong = {
            "id": not _ID.fullmatch(self.id), "secret": not self.secret.strip(), "priority": self.priority not in PRIORITIES,
            "concurrency": self.concurrency < 0,
        }  # fmt: skip
        odd = {name: "not of the values that are published" for name, is_wrong in wrong.items() if is_wrong}
        if odd:
            raise Invalid("error.target.bad_entry", f"{', '.join(odd)} cannot be published like this", fields=odd)

    @property
    def digest(self) -> str:
        """SHA-256 of the secret, in hex: to compare with what a target shows, and never to be shown."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One of our entries as a target lists it, in our words and types.

    `id`: what the target knows it by; empty for one that is only expected. `marker`: the credential's id. `place`: where it is
    kept there (a collection, a list). None: the target does not keep this, or does not tell. `digest`: SHA-256 of the secret
    where the target shows it; `mask`: its ends with stars between them, where it shows only those. Neither is ever shown.
    """

    id: str
    marker: str
    place: str = ""
    name: str | None = None
    base_url: str | None = None
    models: tuple[str, ...] | None = None
    priority: int | None = None
    concurrency: int | None = None
    groups: tuple[str, ...] | None = None
    enabled: bool | None = None
    digest: str = field(default="", repr=False)
    mask: str = field(default="", repr=False)


@dataclass(frozen=True)
class Connected:
    """A target that answered and took the credential. `version`: empty where it does not say; `warnings`: what its people
    should know, a sentence each."""

    version: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Health:
    """What a target believes of an entry. `until`: a limit ends then. `words`: the target's own, which may be those of a vendor
    about a key that we do not know: what looks like one is left out."""

    state: HealthState
    words: str = ""
    until: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", _KEY.sub("[hidden]", self.words))


@dataclass(frozen=True)
class Usage:
    """What a target counted for an entry: `span` says since when ("today", "total", "since start"). None: not told. `cost_nano`:
    nanodollars, by the target's own prices."""

    span: str
    requests: int | None = None
    failures: int | None = None
    tokens: int | None = None
    cost_nano: int | None = None


@dataclass(frozen=True)
class Reading:
    """An entry, its health, and what it did."""

    entry: Entry
    health: Health
    usage: Usage | None = None


@dataclass(frozen=True)
class Group:
    """A group of entries at a target. Names are not unique. `vendors`: whose entries it takes; empty: anybody's."""

    id: str
    name: str
    vendors: frozenset[str] = frozenset()


@runtime_checkable
class Connects(Protocol):
    """Capability CONNECT. Not promised: that the credential may write."""

    def test(self) -> Connected:
        """Whether the target answers and takes the credential. Changes nothing and is not tried again when it is refused: some
        targets ban an address after a few failures. Raises `StopRun`, `Transient`."""


@runtime_checkable
class Publishes(Protocol):
    """Capability PUBLISH. Calls of one target come one after another: the caller sees to that over all processes."""

    def expected(self, wanted: Wanted) -> Entry:
        """What would be listed after publishing, with the fields that this target keeps for such a credential; asks nobody.
        Raises `Rejected` for what the target cannot hold."""

    def entries(self) -> list[Entry]:
        """All entries that carry our marker, or an error: never a part of them."""

    def create(self, wanted: Wanted) -> Entry:
        """Make an entry. When the answer is lost or bad, the marker is looked for, and what was made is adopted. Raises
        `Transient(maybe_done=True)` when that cannot be told: read `entries` before another try."""

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """Bring an entry of ours in line, by what differs alone. `secret`: send it too, since another one was published before or
        nobody knows which; pauses that were earned by the old one are lifted where the target can. Raises `NotFound`."""

    def withdraw(self, entry: Entry) -> None:
        """Delete an entry of ours. Raises `NotFound` when there is none, which is success."""


@runtime_checkable
class ReadsBack(Protocol):
    """Capability READ. Nothing that is read costs a request at a vendor."""

    def read_back(self) -> list[Reading]:
        """All entries that carry our marker, with what the target tells about them, or an error."""


@runtime_checkable
class HasGroups(Protocol):
    """Capability GROUPS."""

    def groups(self) -> list[Group]:
        """All of the target."""


PROTOCOLS: Mapping[Capability, type] = {
    Capability.CONNECT: Connects, Capability.PUBLISH: Publishes, Capability.READ: ReadsBack, Capability.GROUPS: HasGroups,
}  # fmt: skip
