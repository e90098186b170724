"""How often a request may be sent to the same member again. May not know requests: it counts them.

A first visit to another member is free; repeats are what turns an outage into a storm, so that all of a worker's
share one allowance: a tenth of what was admitted, and a few to begin with.
"""

SHARE = 0.1
AT_FIRST = 10.0
MOST = 100.0               # saved up in quiet times


class RetryBudget:
    """One worker's allowance."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = AT_FIRST

    def admit(self, requests: int) -> None:
        """So many more requests were admitted."""
        self._left = min(MOST, self._left + SHARE * requests)

    def repeat(self) -> bool:
        """Whether one more repeat may be sent; then it counts."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
