"""How much more somebody may do now: calls at once, requests and tokens a minute. For pool members and virtual
keys alike. May not know whose limits they are.

Requests and tokens fill up evenly over a minute (a token bucket of one minute's size), so that a limit is
never exceeded by more than what was under way.
"""

import math

MINUTE = 60.0
UNLIMITED = 1 << 60


class Bucket:
    """An allowance of `limit` a minute, at most a full minute's worth at once. `now` is monotonic seconds."""

    __slots__ = ("_at", "_level", "_limit")

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._level = limit
        self._at = 0.0

    def change(self, limit: float) -> None:
        """Another limit from now on; the same part of it is used."""
        self._level *= limit / self._limit
        self._limit = limit

    def cap(self, limit: float) -> None:
        """Another part of the same limit: what is there stays, as far as it fits, and nothing is added."""
        self._level = min(self._level, limit)
        self._limit = limit

    def level(self, now: float) -> float:
        """What may be taken now; below 0 after an estimate that was too low."""
        if now > self._at:
            self._level = min(self._limit, self._level + (now - self._at) * self._limit / MINUTE)
            self._at = now
        return self._level

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may be taken; 0.0: now. More than a whole minute's worth needs a full bucket."""
        level, limit = self.level(now), self._limit
        if limit <= 0:
            return MINUTE
        if level >= amount or level >= limit:
            return 0.0
        return (min(amount, limit) - level) * MINUTE / limit

    def whole(self, now: float) -> int:
        """What of it may be taken now, in whole ones; 0: nothing, or not for sure."""
        return max(0, math.floor(self.level(now))) if self._limit > 0 else 0

    def take(self, amount: float) -> None:
        """Use `amount`; a negative one gives back."""
        self._level -= amount
        if self._level > self._limit:
            self._level = self._limit


class Room:
    """What one member or one key may still take. A limit of 0 is none. Of several workers each has its `share` of
    every limit, and never less than one call."""

    __slots__ = ("_asked", "_limits", "_requests", "_share", "_tokens", "most", "under_way")

    def __init__(self, max_concurrency: float = 0, rpm: float = 0, tpm: float = 0, share: float = 1.0) -> None:
        self.under_way = 0
        self.most = 0.0            # calls at once; 0: no limit
        self._asked = 0
        self._share = share
        self._requests: Bucket | None = None
        self._tokens: Bucket | None = None
        self.change(max_concurrency, rpm, tpm)

    def change(self, max_concurrency: float, rpm: float, tpm: float) -> None:
        """Other limits from now on."""
        self._limits = (max_concurrency, rpm, tpm)
        self.most = _part(max_concurrency, self._share)
        self._requests = _changed(self._requests, _part(rpm, self._share))
        self._tokens = _changed(self._tokens, _part(tpm, self._share))

    @property
    def part(self) -> float:
        """The share of the limits that it has."""
        return self._share

    def share(self, share: float) -> None:
        """Another part of the same limits from now on. Moving it makes no room."""
        self._share = share
        most, rpm, tpm = self._limits
        self.most = _part(most, share)
        if self._requests is not None:
            self._requests.cap(_part(rpm, share))
        if self._tokens is not None:
            self._tokens.cap(_part(tpm, share))

    def asked(self) -> int:
        """How many calls asked for room since this was last asked."""
        asked, self._asked = self._asked, 0
        return asked

    def refusal(self, tokens: float, now: float) -> tuple[str, float] | None:
        """Why a call of about `tokens` may not begin now, and in how many seconds it might: `concurrency` (not
        known when: 1 s), `rpm` or `tpm`. None: it may."""
        self._asked += 1
        if self.most and self.under_way >= self.most:
            return "concurrency", 1.0
        if self._requests is not None and (wait := self._requests.wait(1, now)) > 0:
            return "rpm", wait
        if self._tokens is not None and (wait := self._tokens.wait(max(1, tokens), now)) > 0:
            return "tpm", wait
        return None

    def admit(self, tokens: float, now: float) -> tuple[str, float] | None:
        """`refusal` and, if there is none, `enter`."""
        refused = self.refusal(tokens, now)
        if refused is None:
            self.enter(tokens)
        return refused

    def ahead(self, now: float) -> tuple[int, int]:
        """How many calls, and how many tokens, may begin now without asking again."""
        requests, tokens = self._requests, self._tokens
        return (requests.whole(now) if requests is not None else UNLIMITED,
                tokens.whole(now) if tokens is not None else UNLIMITED)

    def book(self, calls: int, tokens: int) -> None:
        """So many calls began since `ahead` was asked, and used so many tokens (less than nothing: others ended)."""
        self._asked += calls
        if self._requests is not None:
            self._requests.take(calls)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def enter(self, tokens: float) -> None:
        """A call of about `tokens` begins."""
        self.under_way += 1
        if self._requests is not None:
            self._requests.take(1)
        if self._tokens is not None:
            self._tokens.take(tokens)

    def leave(self, expected: float, used: float) -> None:
        """It is over; `used` tokens instead of the `expected` ones."""
        self.under_way -= 1
        if self._tokens is not None:
            self._tokens.take(used - expected)


def _part(limit: float, share: float) -> float:
    return max(1.0, limit * share) if limit else 0.0


def _changed(bucket: Bucket | None, limit: float) -> Bucket | None:
    if not limit or bucket is None:
        return Bucket(limit) if limit else None
    bucket.change(limit)
    return bucket


def retry_after(wait: float) -> tuple[tuple[str, str], ...]:
    """Header fields for a refusal that ends in `wait` seconds: the whole truth, and for more than a minute the
    advice not to wait for it (SDKs would sleep through it)."""
    fields: tuple[tuple[str, str], ...] = (("retry-after", str(max(1, math.ceil(wait)))),)
    if wait < 1:
        fields = (*fields, ("retry-after-ms", str(max(1, math.ceil(wait * 1000)))))
    return (*fields, ("x-should-retry", "false")) if wait > MINUTE else fields
