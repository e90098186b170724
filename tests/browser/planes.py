"""Control planes for browsers. Owns: a filled one in a thread, over a database file of its own."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import connections

import databases
from console.everything import Everything, everything
from internal.kit import serving
from operators.people import somebody
from stationmaster.store import keyholder


@dataclass(frozen=True)
class Plane:
    """Where the console is, and what there is in it."""

    url: str
    everything: Everything


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Plane]:
    """Serve one that holds something of everything."""
    keyholder.use(databases.RING)
    settings.STATIONMASTER_DATA = folder
    cache.clear()
    databases.open_database(f"sqlite:///{databases.copy_of_sqlite(folder)}", folder)
    all_of_it = everything()
    for role in ("admin", "viewer"):
        somebody(role)
    with serving() as control:
        yield Plane(control.url, all_of_it)
    connections.close_all()
    cache.clear()
