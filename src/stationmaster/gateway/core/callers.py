"""A virtual key, ready for use: whom it stands for, what it may still do. May not know requests or sockets."""

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.faults import Fault, in_time
from stationmaster.gateway.core.limits import Room, retry_after
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.sessions import Scope
from stationmaster.gateway.core.snapshot import Budget, VirtualKey
from stationmaster.gateway.core.spend import Purse

_REFUSALS = {"rpm": faults.KEY_REQUESTS, "tpm": faults.KEY_TOKENS, "concurrency": faults.KEY_CALLS}
_NO_BUDGET = Budget()


class Caller:
    """One virtual key of one snapshot. `guarded`: something of it, or of whom it may be
    sent to, has to be counted for every request."""

    __slots__ = ("guarded", "key", "purse", "room", "scope")

    def __init__(self, key: VirtualKey, memory: Memory, *, guarded: bool = False) -> None:
        self.key = key
        self.scope = Scope(key.id)
        self.room: Room | None = memory.room(("key", key.id), key.max_concurrency, key.rpm, key.tpm)
        self.purse: Purse | None = memory.purse(key.id, key.budget) if key.budget != _NO_BUDGET else None
        self.guarded = guarded or self.room is not None or self.purse is not None or key.expires > 0

    def expired(self, wall: float) -> bool:
        """Whether the key counts no longer. `wall`: seconds since 1970."""
        return bool(self.key.expires) and wall >= self.key.expires

    def admit(self, tokens: int, estimate: int, now: float, wall: float) -> Fault | None:
        """Let a call of about `tokens` tokens and `estimate` nanodollars begin, or say why not. `now` is monotonic."""
        if self.expired(wall):
            return faults.KEY_EXPIRED
        refused = self.purse.refusal(estimate, wall) if self.purse is not None else None
        if refused is not None:
            return in_time(faults.KEY_BUDGET, retry_after(refused[1])) if refused[1] else faults.KEY_BUDGET
        refused = self.room.admit(tokens, now) if self.room is not None else None
        if refused is not None:
            return in_time(_REFUSALS[refused[0]], retry_after(refused[1]))
        if self.purse is not None:
            self.purse.reserve(estimate)
        return None

    def leave(self, tokens: int, used: int, estimate: int, cost: int, wall: float) -> None:
        """The call that was admitted with `tokens` and `estimate` is over."""
        if self.room is not None:
            self.room.leave(tokens, used)
        if self.purse is not None:
            self.purse.settle(estimate, cost, wall)
