"""The change that is open in this context. Owns: that one variable, which the guard of rows reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from stationmaster.errors import StationmasterError


class Open(Protocol):
    """What the guard needs to know of a change."""

    revision: int
    saved: set[str]      # ids of configuration rows that were saved in it


_open: ContextVar[Open | None] = ContextVar("change", default=None)


def current() -> Open | None:
    """The open change, if any."""
    return _open.get()


def demand() -> Open:
    """The open change. Raises when there is none."""
    change = _open.get()
    if change is None:
        raise outside_change()
    return change


@contextmanager
def within(change: Open) -> Iterator[None]:
    """Hold `change` open."""
    token = _open.set(change)
    try:
        yield
    finally:
        _open.reset(token)


def outside_change() -> StationmasterError:
    """What a save outside of a change gets."""
    message = "configuration changes only inside `changes.change`"
    return StationmasterError("error.store.outside_change", message, fault="ours")
