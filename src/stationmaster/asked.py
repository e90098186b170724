"""A value that whoever starts the process decides, asked for anew each time: an admin may change it meanwhile. Owns that cell."""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Asked(Generic[T]):
    """Calling it asks for the value as it is now; `use` says where. Until then it is what `source` makes."""

    def __init__(self, source: Callable[[], T]) -> None:
        self._source = source

    def use(self, source: Callable[[], T]) -> None:
        """Ask `source` from now on."""
        self._source = source

    def __call__(self) -> T:
        """The value as it is now."""
        return self._source()
