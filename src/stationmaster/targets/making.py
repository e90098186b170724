"""Making an entry once. Owns: what follows when a create may have been done although no good answer came. Knows no target."""

from collections.abc import Callable

from stationmaster.line.errors import RemoteError, Transient
from stationmaster.targets._base import Entry


def made(send: Callable[[], Entry], find: Callable[[], Entry | None]) -> tuple[Entry, bool]:
    """The new entry, and whether it was adopted. `send` makes it, and is called once. If that may have been done although it
    raised, `find` looks for our marker: what is there is ours. Raises what `send` raised when nothing is there, or nobody can
    tell; then the create may still arrive, so that `entries` is read before another try."""
    try:
        return send(), False
    except Transient as error:
        if not error.maybe_done:
            raise
        found = _looked(find)
        if found is None:
            raise
        return found, True


def _looked(find: Callable[[], Entry | None]) -> Entry | None:
    try:
        return find()
    except RemoteError:
        return None
