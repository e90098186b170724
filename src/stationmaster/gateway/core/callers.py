"""A virtual key, ready for use: whom it stands for, what it may still do. May not know requests or sockets."""

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.faults import Fault, in_time
from stationmaster.gateway.core.limits import UNLIMITED, Room, retry_after
from stationmaster.gateway.core.memory import Memory
from stationmaster.gateway.core.sessions import Scope
from stationmaster.gateway.core.snapshot import Budget, VirtualKey
from stationmaster.gateway.core.spend import Purse

_REFUSALS = {"rpm": faults.KEY_REQUESTS, "tpm": faults.KEY_TOKENS, "concurrency": faults.KEY_CALLS}
_NO_BUDGET = Budget()


class Caller:
    """One virtual key of one snapshot. `guarded`: something of it, or of whom it may be
    sent to, has to be counted for every request.

    What its limits allow is looked at once, and then counted down in whole numbers until that is used up or a tick
    ends (`put_back`): a look costs ten times as much. Nothing is refused without looking.
    """

    __slots__ = ("_ahead", "_calls", "_looked", "_money", "_paid", "_tokens", "_views", "guarded", "key", "purse", "room",
                 "scope")

    def __init__(self, key: VirtualKey, memory: Memory, *, guarded: bool = False) -> None:
        self.key = key
        self.scope = Scope(key.id)
        self.room: Room | None = memory.room(("key", key.id), key.max_concurrency, key.rpm, key.tpm)
        self.purse: Purse | None = memory.purse(key.id, key.budget) if key.budget != _NO_BUDGET else None
        self.guarded = guarded or self.room is not None or self.purse is not None or key.expires > 0
        self._views = memory.views
        self._ahead: tuple[int, int, int] | None = None   # calls, tokens, nanodollars, as looked at; what is left of it:
        self._calls = self._tokens = self._money = 0
        self._paid = 0             # nanodollars spent since
        self._looked = 0.0         # when that was: seconds since 1970

    def expired(self, wall: float) -> bool:
        """Whether the key counts no longer. `wall`: seconds since 1970."""
        return bool(self.key.expires) and wall >= self.key.expires

    def quick(self, tokens: int, estimate: int) -> bool:
        """Let a call begin if there is certainly room for it; False: `admit` has to look."""
        calls, left, money, room = self._calls, self._tokens - tokens, self._money - estimate, self.room
        if calls <= 0 or left <= 0 or money <= 0:
            return False
        if room is not None:
            if room.most and room.under_way >= room.most:
                return False
            room.under_way += 1
        self._calls, self._tokens, self._money = calls - 1, left, money
        return True

    def admit(self, tokens: int, estimate: int, now: float, wall: float) -> Fault | None:
        """Let a call of about `tokens` tokens and `estimate` nanodollars begin, or say why not. `now` is monotonic."""
        view = self._views.get(self.key.id)      # ours, or of another snapshot: one at a time counts down
        if view is not None:
            view.put_back()
        if self.expired(wall):
            return faults.KEY_EXPIRED
        refused = self.purse.refusal(estimate, wall) if self.purse is not None else None
        if refused is not None:
            return faults.budget_spent(*refused)
        refused = self.room.admit(tokens, now) if self.room is not None else None
        if refused is not None:
            return in_time(_REFUSALS[refused[0]], retry_after(refused[1]))
        if self.purse is not None:
            self.purse.reserve(estimate)
        self._look(now, wall)
        return None

    def _look(self, now: float, wall: float) -> None:
        """See what may begin without looking again. Shortly before a key expires, or a day ends: nothing."""
        if self.key.expires and wall + 1 >= self.key.expires:
            return
        self._views[self.key.id] = self
        calls, tokens = self.room.ahead(now) if self.room is not None else (UNLIMITED, UNLIMITED)
        money = self.purse.ahead(wall) if self.purse is not None else UNLIMITED
        self._ahead, self._looked = (calls, tokens, money), wall
        self._calls, self._tokens, self._money = calls, tokens, money

    def put_back(self) -> None:
        """Book what was counted down since the last look; the next call looks again."""
        if self._ahead is None:
            return
        calls, tokens, money = self._ahead
        calls, paid = calls - self._calls, self._paid
        if self.room is not None:
            self.room.book(calls, tokens - self._tokens)
        if self.purse is not None:
            self.purse.book(calls, money - self._money - paid, paid, self._looked)
        self._ahead = None
        self._calls = self._tokens = self._money = self._paid = 0

    def leave(self, tokens: int, used: int, estimate: int, cost: int, wall: float) -> None:
        """The call that was admitted with `tokens` and `estimate` is over."""
        room = self.room
        if self._ahead is not None:
            if room is not None:
                room.under_way -= 1
            self._tokens += tokens - used
            self._money += estimate - cost
            self._paid += cost
            return
        if room is not None:
            room.leave(tokens, used)
        if self.purse is not None:
            self.purse.settle(estimate, cost, wall)
