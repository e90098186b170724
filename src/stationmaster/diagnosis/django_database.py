"""The real database, as `doctor` and `config show` ask it. Owns opening it without making anything, and hiding what
drivers say.

Imports Django when it is called, not before: most findings need none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from stationmaster.diagnosis.database import Database, EndingCredential, GatewayToken, Queue, SeenGateway
from stationmaster.diagnosis.folder import has_ring
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.settings import Saved, Settings
from stationmaster.vault import keyring

T = TypeVar("T")


def sqlite_file(settings: Settings) -> Path | None:
    """Where SQLite's file is, or None for another database."""
    from stationmaster.store.database import database

    told = database(settings.database.url.get_secret_value(), settings.folder)
    return Path(told["NAME"]) if told["ENGINE"].endswith("sqlite3") else None


def check_ring(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise `StationmasterError` before a new key ring is made beside a SQLite file that an older one sealed: it would open
    nothing there, and somebody might keep it as if it did."""
    file = sqlite_file(settings)
    if file is not None and file.exists() and file.stat().st_size and not has_ring(settings.folder, environ):
        raise _no_ring()


def _no_ring() -> StationmasterError:
    return StationmasterError(
        "error.vault.no_ring", tr("the database holds secrets, and there is no key ring that opens them"),
        hint=tr("bring the key ring back from its copy"), fault="operator",
    )


def opened(settings: Settings, environ: Mapping[str, str]) -> Database:
    """The database of these settings. Raises `StationmasterError` when it cannot be set up."""
    from django.conf import settings as django

    from stationmaster.store.config import StoreConfig, configure

    there = has_ring(settings.folder, environ)
    ring = keyring.load(settings.folder, environ) if there else keyring.generate()
    if not django.configured:  # once a process
        configure(StoreConfig(settings.folder, ring, settings.database.url.get_secret_value()))
    return _Django(there)


def saved(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, Saved]:
    """What admins saved, by a setting's name; nothing where there is no database yet. Raises `StationmasterError` when it
    cannot be read."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        return {}
    database = opened(settings, environ)
    if database.pending():
        raise StationmasterError("error.store.not_migrated", tr("the database is not up to date"), fault="operator")
    from stationmaster.store import stored

    return asked(stored.load)


class _Django:
    """Implements `Database` over Django's connection. `has_ring`: whether the installation has master keys."""

    def __init__(self, has_ring: bool) -> None:
        self._has_ring = has_ring

    def pending(self) -> Sequence[str]:
        from stationmaster.store.migrating import pending

        return asked(pending)

    def clock(self) -> float | None:
        from django.db import connection

        if connection.vendor != "postgresql":
            return None
        return asked(self._clock)

    def _clock(self) -> float:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            return float(cursor.fetchone()[0])

    def check_keys(self) -> None:
        from stationmaster.store import keyholder

        if not self._has_ring:
            raise _no_ring()
        asked(keyholder.digests)

    def tokens(self) -> Iterable[GatewayToken]:
        from stationmaster.operators.models import GatewayToken as Row

        rows = asked(lambda: list(Row.objects.values_list("name", "expires_at")))
        return [GatewayToken(name, expires.timestamp()) for name, expires in rows]

    def gateways(self) -> Iterable[SeenGateway]:
        from stationmaster.usage.models import Gateway

        rows = asked(lambda: list(Gateway.objects.values_list("name", "version", "last_seen")))
        return [SeenGateway(name, version, at.timestamp()) for name, version, at in rows]

    def ending(self) -> Iterable[EndingCredential]:
        from stationmaster.credentials import expiry

        rows = asked(lambda: list(expiry.ending()))
        return [EndingCredential(row.name, row.expires_at.timestamp()) for row, _ in rows if row.expires_at is not None]

    def queue(self) -> Queue:
        from stationmaster.jobs import services as jobs

        return asked(lambda: Queue(jobs.any_worker(), jobs.waiting()))


def asked(question: Callable[[], T]) -> T:
    """The answer to a question to the database. Raises `StationmasterError` with our own words for what Django and its
    drivers raise: theirs may quote rows or the address."""
    from django.db import Error

    try:
        return question()
    except Error as error:
        why = type(error).__name__
        message = tr("the database does not answer ({why})", why=why)
        raise StationmasterError("error.store.unreachable", message, fault="operator") from None
