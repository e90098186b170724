"""What the parts of a worker ask of each other, so that each knows only those below it. Interfaces, no code.

From the bottom: answers → exchange → uploads, catalogue → inbound → worker.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from stationmaster.gateway.core.affinity import Named
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.faults import Fault
from stationmaster.gateway.core.health import Health
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.replies import Reply
from stationmaster.gateway.core.requests import RequestHead
from stationmaster.gateway.core.retries import RetryBudget
from stationmaster.gateway.core.table import Table
from stationmaster.gateway.core.tokens import Source, Tokens
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.core.verdict import Verdict

if TYPE_CHECKING:
    from stationmaster.gateway.server.outbound import UpstreamPool


class Taker(Protocol):
    """What an answer asks of its exchange."""

    head: RequestHead
    worker: "House"
    upstream: Upstream | None
    request_id: str
    bytes_in: int
    pin: str
    tokens: Tokens | None
    source: Source

    def write(self, payload: bytes) -> None:
        """Body bytes for the client."""

    @property
    def begun(self) -> bool:
        """Whether the client has seen a byte of an answer."""

    def learn_made(self, body: bytes) -> None:
        """Remember whose it is what the answer says was made."""

    def learn(self, things: tuple[Named, ...]) -> None:
        """Remember whose these things are."""

    def judged(self, verdict: Verdict) -> bool:
        """Take note of what an upstream's error means. True: another member serves the request now."""

    def pass_error(self, reply: Reply, body: bytes) -> None:
        """An upstream's error for the client, as it came."""

    def fail(self, fault: Fault) -> None:
        """End with an error of ours."""


class Waiting(Protocol):
    """What a worker and a client connection ask of an exchange under way."""

    def tick(self, now: float) -> None:
        """A coarse tick has passed."""

    def drain(self) -> None:
        """End now, audibly."""


class Client(Protocol):
    """What an exchange asks of the connection it answers."""

    transport: asyncio.Transport
    slow: bool

    def keeps_alive(self, head: RequestHead) -> bool:
        """Whether another request may follow on this connection."""

    def hold(self, hold: bool) -> None:
        """Stop reading from the client, or go on."""

    def upload_may_flow(self) -> None:
        """The upstream is there: hand over what waited."""

    def tunnel_open(self) -> None:
        """The connection carries upgraded bytes from now on."""

    def exchange_over(self, *, close: bool) -> None:
        """The exchange is done with this connection."""


class House(Protocol):
    """What everything in a worker asks of it. `now` is coarse, `clock` exact, both monotonic seconds; adding
    `epoch` makes wall-clock time."""

    table: Table
    now: float
    epoch: float
    health: Health
    retries: RetryBudget
    memory: Memory
    buffered: int
    draining: bool
    farewell: float
    clock: Callable[[], float]
    record: Callable[[Event], None]
    traced: bool                # what clients say of their traces is noted

    @property
    def upstreams(self) -> "UpstreamPool":
        """Connections to upstreams."""

    @property
    def orphans(self) -> set[Waiting]:
        """Exchanges whose client left while the upstream is still read."""

    def new_request_id(self) -> str:
        """Unique over workers and restarts."""

    def anybody(self) -> int:
        """The number of a session that nobody named: spread evenly."""

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call something in a while."""

    def tell_owners(self) -> None:
        """Let the other workers know at once whose the ids are that were learned."""

    def report(self, error: Exception) -> None:
        """Say that we made a mistake, and where."""
