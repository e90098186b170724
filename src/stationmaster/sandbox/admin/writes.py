"""What was asked to be changed. Owns the ledger of one organisation; keeps no secret and no body."""

from collections import Counter, deque
from dataclasses import asdict, dataclass

CAPACITY = 100_000


@dataclass(frozen=True, slots=True)
class Write:
    """One unsafe call. `operation` is "METHOD /path", `whom` the address or login that it is about, `done` whether the work was
    done, `status` what was answered (0: nothing was), `fault` the misbehaviour that it met."""

    sequence: int
    at: float
    operation: str
    whom: str
    done: bool
    status: int
    fault: str = ""

    def plain(self) -> dict[str, object]:
        """As JSON shows it."""
        return asdict(self)


class Writes:
    """The newest 100,000 writes, and how many invitations each address ever got. Held under the organisation's lock."""

    def __init__(self) -> None:
        self._writes: deque[Write] = deque(maxlen=CAPACITY)
        self._invitations: Counter[str] = Counter()
        self._sequence = 0

    def note(self, at: float, operation: str, whom: str, done: bool, status: int, fault: str) -> None:
        """Record a call."""
        self._sequence += 1
        self._writes.append(Write(self._sequence, at, operation, whom, done, status, fault))

    def invited(self, whom: str) -> None:
        """An invitation was made."""
        self._invitations[whom.casefold()] += 1

    def invitations(self, whom: str) -> int:
        """How many were made for this address or login."""
        return self._invitations[whom.casefold()]

    def all(self) -> list[Write]:
        """Oldest first."""
        return list(self._writes)

    def forget(self) -> None:
        """Empty it; the sequence keeps rising."""
        self._writes.clear()
        self._invitations.clear()
