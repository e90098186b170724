"""What a command works at: the control plane, whether it is this machine's own or one reached over REST.

Owns the one Protocol that nouns are written against, and the values that cross it. All values are plain JSON; times are
texts (ISO 8601). `noun` is the thing's name in REST's paths: "credentials", "gateway-tokens", "usage/events". May not know
how either desk is reached.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from stationmaster.errors import StationmasterError

Row = Mapping[str, Any]
Step = Literal["hour", "day"]
MAX_PAGE = 500


@dataclass(frozen=True)
class Asked:
    """What is asked of a list: words that all occur, conditions `field:op:value` that all hold, a column to sort by ("-"
    before it: downwards)."""

    search: str = ""
    filters: tuple[str, ...] = ()
    sort: str = ""


@dataclass(frozen=True)
class Page:
    """Some rows of a list, the cursor of the next page (empty on the last), how many rows there are in all."""

    items: list[Row]
    next: str = ""
    total: int = 0


@dataclass(frozen=True)
class Made:
    """What was made, and the secret that is shown this once (empty: there is none to show)."""

    row: Row
    secret: str = field(default="", repr=False)


@dataclass(frozen=True)
class Happened:
    """An audit event: `source:subject:action`, and the values before and after."""

    event: str
    before: Row | None
    after: Row | None


@dataclass(frozen=True)
class UsageAsked:
    """Which usage: from `since` to `until`, conditions as in `Asked`, the dimension to take the sums apart by."""

    since: datetime
    until: datetime
    filters: tuple[str, ...] = ()
    by: str = ""


class Desk(Protocol):
    """Every method raises `StationmasterError`. `version`: the revision that the caller read; None: whichever."""

    local: bool

    def page(self, noun: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """A page of a list."""

    def get(self, noun: str, which: str) -> Row:
        """One thing, by id or name."""

    def create(self, noun: str, given: Row) -> Made:
        """Make a thing."""

    def update(self, noun: str, which: str, given: Row, version: int | None = None) -> Row:
        """Change the fields that are given."""

    def delete(self, noun: str, which: str, version: int | None = None) -> None:
        """Take a thing away."""

    def rotate(self, noun: str, which: str, given: Row) -> Made:
        """Give a virtual key or a gateway token another secret."""

    def act(self, noun: str, which: str, verb: str, given: Row) -> Row:
        """Do to one thing what is no edit, such as cancelling a job."""

    def part(self, noun: str, which: str, name: str, asked: Asked, cursor: str = "", limit: int = MAX_PAGE) -> Page:
        """A page of a list that belongs to one thing, such as a job's items."""

    def log(self, which: str, after: int) -> Row:
        """Lines of a job's log behind the number `after`: `lines`, `next`, `ended`, `state`."""

    def workers(self) -> list[Row]:
        """Processes that run jobs, the latest first; `alive` says which do now."""

    def artifact(self, which: str, name: str) -> Iterator[str]:
        """A file that a job left, as pieces of text."""

    def upload(self, which: str, offset: int, data: bytes, noun: str = "people/imports") -> Row:
        """Send the part of an import's file that begins at `offset`; the import then. `noun`: "imports", of an older setup."""

    def roster(self, form: str) -> Iterator[str]:
        """Teams, people and states as an older setup keeps them, as pieces of text."""

    def invite(self, which: str) -> Row:
        """A link by which an operator, by id or e-mail address, chooses a password: `link`, `expires_at`."""

    def erase(self, which: str) -> None:
        """Forget name and e-mail address of an operator who was deleted."""

    def totals(self, asked: UsageAsked) -> Row:
        """Sums of usage."""

    def series(self, asked: UsageAsked, step: Step) -> Row:
        """Sums of usage by hour or day."""

    def verify(self, since: Row | None) -> Row:
        """Check the audit trail; `since`: a head kept elsewhere, `{"count": …, "hash": …}`."""

    def settings(self) -> list[Row]:
        """Every setting."""

    def setting(self, name: str) -> Row:
        """One setting."""

    def save_setting(self, name: str, value: Any) -> Row:
        """Save a setting."""

    def clear_setting(self, name: str) -> Row:
        """Take a saved setting away."""

    def rehearse(self, work: Callable[[], object]) -> list[Happened]:
        """Do `work` and undo it; what would have been written down."""

    def together(self) -> AbstractContextManager[object]:
        """Make all changes within it one change, where that can be."""

    def takes(self, noun: str, which: str, secret: str) -> bool:
        """Tell whether `secret` (of a virtual key: its hash) is another than the one stored for `which`; where that
        cannot be known, that it is."""

    def here(self, what: str) -> "Machine":
        """This machine's own means, for `what` takes them."""


class Machine(Protocol):
    """What only works where the database and the keys are."""

    def admin_link(self) -> Row:
        """A link that makes whoever opens it an admin: `link`, `expires_at`."""

    def key_users(self) -> tuple[str, Mapping[str, int]]:
        """The active master key, and how many stored secrets need which."""

    def rotate_master_key(self) -> tuple[str, int, tuple[str, ...]]:
        """Make a new master key: its id, how many secrets were sealed anew, which do not open."""

    def rewrap(self) -> tuple[int, tuple[str, ...]]:
        """Go on with a rotation that was interrupted."""

    def retire(self, key_id: str) -> None:
        """Take a master key out of the ring."""

    def check(self, names: tuple[str, ...]) -> list[Row]:
        """Ask vendors whether credentials work: one row a credential."""


def stay_here(what: str, environ: Mapping[str, str]) -> None:
    """Raise `StationmasterError` when the environment names a control plane elsewhere, of which `what` cannot tell."""
    if environ.get("STATIONMASTER_URL"):
        raise local_only(what)


def local_only(what: str) -> StationmasterError:
    """What a remote desk says of `what`."""
    hint = "run it there without STATIONMASTER_URL and --url"
    return StationmasterError("error.usage.local_only", f"{what} works only on the control plane's own machine", hint=hint)
