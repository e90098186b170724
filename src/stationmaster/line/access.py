"""How the other side is reached. Owns: what a line needs to know before it calls, whoever is called."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from stationmaster.line.errors import Party


def nothing(_: str) -> None:
    """Nobody asked to be told."""


def no_pace() -> None:
    """Nobody limits the rate."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """The part that vendors and targets share.

    `secret` is the admin credential; `base_url` another address than the adapter's own, without a trailing slash. `allowed`:
    private addresses that it may lead to (entries of `outbound.allow_entry`); `insecure`: also by plain http beyond loopback.
    `pace` is called before every call that leaves, and waits while the rate is spent. `before_write` is called before every
    call that changes something, with what it is ("POST /organization/invites"); raising there keeps it from leaving. `told`
    hears of every call that was made, in one line without secrets.
    `dry_run`: no unsafe method leaves. Times are seconds. `PARTY`: whom errors are about, in their codes and words.
    """

    PARTY: ClassVar[Party] = "vendor"

    secret: str = field(default="", repr=False)
    base_url: str = ""
    allowed: frozenset[str] = frozenset()
    insecure: bool = False
    dry_run: bool = False
    timeout: float = 30.0
    pace: Callable[[], None] = no_pace
    before_write: Callable[[str], None] = nothing
    told: Callable[[str], None] = nothing
