"""Consistent choice by weight: the same session meets the same members, in the same order, in every process.

Each member owns points on a circle of 64-bit numbers, more by weight; a session's number meets them clockwise
(docs/decisions/0007-choice.md). May not know what a member is, nor which are in service.
"""

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence

EACH = 128                 # points for one unit of weight: shares are then true to about 9 %
MOST = 1 << 18             # points on one circle
_EIGHT = struct.Struct("<8Q")


class Ring:
    """A circle of members 0 … n-1. Building costs O(points log points), `first` O(log points)."""

    __slots__ = ("owners", "points", "size")

    def __init__(self, names: Sequence[str], weights: Sequence[int]) -> None:
        """`names` decide where points lie, `weights` (positive integers) how many there are."""
        self.size = len(names)
        each = _points_each(sum(weights))
        pairs = sorted(
            (point, owner)
            for owner, (name, weight) in enumerate(zip(names, weights, strict=True))
            for point in _points(name, max(1, int(weight * each)))
        )
        self.points = array("Q", [point for point, _ in pairs])
        self.owners = array("I", [owner for _, owner in pairs])
        if pairs:
            self.owners.append(pairs[0][1])    # behind the last point the circle begins anew

    def first(self, session: int) -> int:
        """The member that `session` (64 bits) meets first. The ring must not be empty."""
        return self.owners[bisect_left(self.points, session)]

    def order(self, session: int) -> Iterator[int]:
        """Every member once, in the order in which `session` meets them."""
        met: set[int] = set()
        owners, count = self.owners, len(self.points)
        start = bisect_left(self.points, session)
        for step in range(count):
            owner = owners[(start + step) % count]
            if owner not in met:
                met.add(owner)
                yield owner
                if len(met) == self.size:
                    return


def _points_each(total: int) -> float:
    """Points for one unit of weight. Halved as often as the circle's size demands: so it is the same before and
    after a member leaves, unless a very heavy pool's total weight passes a power of two, and nobody else's
    sessions move."""
    each = float(EACH)
    while each * total > MOST:
        each /= 2
    return each


def _points(name: str, count: int) -> list[int]:
    """The first `count` points of a member: eight a digest, the same wherever they are computed."""
    seed = name.encode()
    found: list[int] = []
    for block in range((count + 7) // 8):
        digest = hashlib.blake2b(seed, digest_size=64, salt=block.to_bytes(8, "little")).digest()
        found += _EIGHT.unpack(digest)
    return found[:count]
