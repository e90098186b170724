"""Who serves a request: what its key may still use, whom it is bound to, which member of which pool, and what is
known of that afterwards. The part of an exchange that asks `gateway.core` for decisions; sends nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.affinity import Named, in_body, made
from stationmaster.gateway.core.callers import Caller
from stationmaster.gateway.core.endpoints import DIALECTS
from stationmaster.gateway.core.events import Try
from stationmaster.gateway.core.faults import Fault, in_time
from stationmaster.gateway.core.limits import retry_after
from stationmaster.gateway.core.owners import SHARED, Owner, decide
from stationmaster.gateway.core.peek import Refused
from stationmaster.gateway.core.pools import Plan, PoolMember, PoolState, Skipped, Ways
from stationmaster.gateway.core.sessions import Source as SessionSource
from stationmaster.gateway.core.table import Table, may_use
from stationmaster.gateway.core.tokens import Source, Tokens
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.server.response import Response

BYTES_A_TOKEN = 4          # of a request's body, roughly
USUAL_OUTPUT = 1000        # tokens expected of a request that states no limit


class Served(Response):
    """The choosing half of an exchange."""

    __slots__ = (
        "admitted", "before", "bytes_in", "cost", "estimate", "expected", "member", "most_output", "pin", "plan", "pool",
        "sent_model", "session", "session_by", "skipped", "source", "table", "tokens", "tried", "upstream",
    )

    # Set by `Exchange`, as `Response`'s are.
    table: Table
    session: int
    session_by: SessionSource
    sent_model: str
    pin: str                   # the vendor organisation that holds what the request names
    before: str                # the credential that served the turn before, if the request names that
    plan: Plan | None
    pool: PoolState | None
    member: PoolMember | None
    upstream: Upstream | None
    tried: tuple[Try, ...]     # members that failed this request
    skipped: Skipped | None    # members that were passed over for it
    tokens: Tokens | None
    source: Source
    cost: int | None           # nanodollars; None: no usage, or no known price
    bytes_in: int
    most_output: int           # tokens of output that it allows; 0: it does not say
    expected: int              # tokens, as far as can be told before
    estimate: int              # nanodollars, likewise
    admitted: bool             # its key's limits hold the estimate

    # What it may use, and where it has to go.

    def admit(self, caller: Caller) -> Fault | None:
        """Estimate the request, and set that aside of what its key may use."""
        expected = read = self.bytes_in // BYTES_A_TOKEN
        if self.head.metered:
            written = self.most_output or USUAL_OUTPUT
            expected += written
            if caller.purse is not None and self.plan is not None:
                self.estimate = self.plan.dearest(self.head.dialect, read, written)
        self.expected = expected
        if caller.quick(expected, self.estimate):
            self.admitted = True
            return None
        now = self.worker.clock()
        refused = caller.admit(expected, self.estimate, now, self.worker.epoch + now)
        self.admitted = refused is None
        return refused

    def find_owner(self, body: bytes) -> None:
        """What the request names may live in one vendor organisation, and may be another tenant's. Raises Refused."""
        head = self.head
        named = in_body(head.kind, body) if head.json else ()
        if not (named or head.named or head.listing) or head.key is None:
            return
        key = head.key
        found = decide(
            head.named + named, self.worker.memory.owners, tenant=key.tenant or key.id, shared=key.shared_resources,
            listing=head.listing,
        )
        if isinstance(found, Fault):
            raise Refused(found)
        if found is not None:
            self.pin, self.before = found.organisation, found.credential

    def plan_by_owner(self, fault: Fault) -> Plan:
        """No model tells where to go, but what is asked for may: it lives in one organisation. Raises Refused."""
        pools = self._holding(self._usable()) if self.pin else []
        if not pools:
            raise Refused(fault)
        return Plan(tuple(pools), "")

    def _usable(self) -> list[PoolState]:
        """Every pool that the key may use."""
        key = self.head.key
        return [pool for pool in self.table.pools.values() if key is not None and may_use(key, pool.id)]

    def _holding(self, pools: Iterable[PoolState]) -> list[PoolState]:
        """Those with credentials of the organisation that the request is bound to."""
        return [pool for pool in pools if any(member.upstream.organisation == self.pin for member in pool.members)]

    # Which member.

    def choose(self) -> bool:
        """Set pool, member and upstream; False when nobody can serve."""
        plan, worker = self.plan, self.worker
        assert plan is not None  # noqa: S101  routed before
        way = plan.home.get(self.head.dialect)
        session = self.session
        if way is not None and not (self.tried or self.pin):
            pool, tier, home = way
            if home is None:
                if not session:
                    session = worker.anybody()
                home = tier.members[tier.owners[bisect_left(tier.points, session)]]
            if not home.standing.rank and home.room is None and session not in pool.moved:
                self.pool, self.member, self.upstream = pool, home, home.upstream
                return True
        return self._choose_with_care(plan, session or worker.anybody())

    def _choose_with_care(self, plan: Plan, session: int) -> bool:
        """The same when it is not just the first that `session` meets: among the rest, remembering who was passed over
        and who moved."""
        now = self.worker.now
        tried = [one.credential for one in self.tried]
        skipped = self.skipped = {} if self.skipped is None else self.skipped
        for pool, tiers in self._bound(plan) if self.pin else plan.ways.get(self.head.dialect) or plan.find(self.head.dialect):
            if self.pin:
                member = pool.choose_in(self.pin, tiers, session, now, tried, self.before)
            else:
                member = pool.choose(tiers, session, now, tried, skipped)
            if member is not None:
                if self.session and not self.pin:
                    pool.settle(tiers, session, member)
                self.pool, self.member, self.upstream = pool, member, member.upstream.for_session(session)
                if member.room is not None:
                    member.room.enter(self.expected)
                return True
        return False

    def other_secret(self) -> Upstream | None:
        """The same member with the other of its two secrets, which this request was not sent with yet, or with the one that its
        token was refreshed to meanwhile; None: there is none that is in service."""
        member, upstream = self.member, self.upstream
        if member is None or upstream is None or any(one.credential == member.id for one in self.tried):
            return None
        if upstream.standing.heir is not None:
            fresh = self.worker.table.upstreams.get(upstream.id)
            return fresh if fresh is not None and fresh is not upstream and fresh.standing.rank < 2 else None
        if member.upstream.other is None:
            return None
        other = member.upstream.other if upstream is member.upstream else member.upstream
        return other if other is not upstream and other.standing.rank < 2 else None

    def _bound(self, plan: Plan) -> Ways:
        return tuple((pool, pool.tiers(self.head.dialect, plan.sent)) for pool in self._bound_pools(plan))

    def _bound_pools(self, plan: Plan) -> list[PoolState]:
        """Where a bound request may go: the plan's pools before others that the key may use."""
        return self._holding(dict.fromkeys((*plan.pools, *([] if plan.sent else self._usable()))))

    def nobody(self) -> Fault:
        """What to answer when no member can take the request: when one might, if that is known."""
        plan = self.plan
        assert plan is not None  # noqa: S101  routed before
        ways = self._bound(plan) if self.pin else plan.find(self.head.dialect)
        served = [(pool, tiers) for pool, tiers in ways if tiers]
        if not served:
            return faults.OWNER_OUT if self.pin else self._unserved(plan)
        found = [pool.wait(tiers, self.worker.now, self.pin) for pool, tiers in served]
        waits = [(wait[1], wait[0]) for wait in found if wait is not None]
        if self.pin:
            return in_time(faults.OWNER_OUT, retry_after(min(waits)[0])) if waits else faults.OWNER_OUT
        if not waits:
            return faults.POOL_OUT
        wait, why = min(waits)
        fault = faults.POOL_COOLING if why == "upstream" else faults.POOL_LIMITED
        return in_time(fault, retry_after(wait))

    def _unserved(self, plan: Plan) -> Fault:
        """Nobody is there who could ever serve the request: of the wrong dialect, or of a model that none may be sent."""
        upstreams = [member.upstream for pool in plan.pools for member in pool.members]
        spoken = [dialect for dialect in DIALECTS if any(each.speaks(dialect) for each in upstreams)]
        return faults.NO_MEMBER if self.head.dialect in spoken else faults.not_spoken(spoken)

    # Afterwards.

    def leave(self, member: PoolMember) -> None:
        """`member` is done with the request."""
        if member.room is not None:
            member.room.leave(self.expected, self.tokens.total if self.tokens is not None else 0)

    def settle(self) -> None:
        """Replace what was set aside by what it was."""
        caller, worker, tokens = self.head.caller, self.worker, self.tokens
        used = tokens.total if tokens is not None else 0
        self.admitted = False
        if caller is not None:
            caller.leave(self.expected, used, self.estimate, self.cost or 0, worker.epoch + worker.now)

    def learn_made(self, body: bytes) -> None:
        """Remember whose it is what the answer says was made."""
        head = self.head
        self.learn(made(head.kind, head.method, head.suffix, body, known=bool(self.pin)))

    def learn(self, things: tuple[Named, ...]) -> None:
        """Remember whose these things are."""
        key, upstream = self.head.key, self.upstream
        if not things or key is None or upstream is None:
            return
        owner = Owner(upstream.organisation, upstream.id, key.tenant or key.id, key.id)
        for named in things:
            self.worker.memory.owners.remember(named, owner)
        if any(named.kind in SHARED for named in things):    # refused where it is not known
            self.worker.tell_owners()
