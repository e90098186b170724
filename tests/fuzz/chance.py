"""Bytes as choices, so that a fuzzer that changes bytes changes what a grammar makes of them. Knows no grammar."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Takes decisions off the front of `data`; when it is used up, every decision is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self._at >= len(self._data)

    def number(self, below: int) -> int:
        """A number from 0 to below `below`, which is at most 256."""
        if self.over:
            return 0
        self._at += 1
        return self._data[self._at - 1] % below

    def one_of(self, things: Sequence[T]) -> T:
        """One of them."""
        return things[self.number(len(things))]

    def text(self) -> str:
        """A short text of anything."""
        size = self.number(12)
        self._at += size
        return self._data[self._at - size : self._at].decode("utf-8", "replace")


def halves(data: bytes) -> tuple[int, bytes]:
    """A first byte that says where to cut, and the rest."""
    return (data[0] if data else 0), data[1:]


def pieces(data: bytes, step: int) -> list[bytes]:
    """`data` in pieces of `step` + 1 bytes."""
    return [data[at : at + step + 1] for at in range(0, len(data), step + 1)]
