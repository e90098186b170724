"""Which database, as Django is told. Owns: reading `STATIONMASTER_DATABASE_URL`, the SQLite file and its rights.

May not know which tables there are.
"""

import os
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from stationmaster.errors import StationmasterError

SQLITE_FILE = "stationmaster.sqlite3"
BUSY_SECONDS = 20        # how long a writer waits for another one
# A process that stands still (stopped, its machine paused) inside of a transaction would hold its locks for ever, and with them
# whoever takes up its work: the server ends such a session. Nothing of ours waits inside of one for so long.
STILL_SECONDS = 60
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
# What libpq may be told in the URL; the rest of its options name files or programs, or undo what we set.
_LIBPQ = {
    "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name", "target_session_attrs",
    "channel_binding", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "host",
}


def database(url: str, data: Path) -> dict[str, Any]:
    """Django's `DATABASES["default"]` for `url`; empty: SQLite in the folder `data`.

    Takes `sqlite:///file` (in the folder `data`), `sqlite:////absolute/path`, and
    `postgresql://user:password@host:port/name?sslmode=…`. Raises `StationmasterError`, which never repeats the URL: it
    may hold a password.
    """
    parts = _split(url)
    if not url or parts.scheme == "sqlite":
        return _sqlite(data / unquote(parts.path.removeprefix("/") if url else SQLITE_FILE))
    if parts.scheme not in {"postgres", "postgresql"}:
        _refuse("it begins with postgresql:// or sqlite:///")
    return _postgresql(parts)


def prepare(settings: dict[str, Any]) -> None:
    """Make what the database needs before it is opened: its folder 0700, its file 0600. The files that SQLite
    puts beside it take their rights from it."""
    if settings["ENGINE"].endswith("sqlite3"):
        path = Path(settings["NAME"])
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _sqlite(path: Path) -> dict[str, Any]:
    # IMMEDIATE: a transaction that reads and then writes takes the lock first, so it is never refused half-way.
    options = {"transaction_mode": "IMMEDIATE", "timeout": BUSY_SECONDS, "init_command": _PRAGMAS}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}


def _postgresql(parts: SplitResult) -> dict[str, Any]:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := query.keys() - _LIBPQ:
        _refuse(f"{', '.join(sorted(unknown))} cannot be set there")
    if not parts.path.strip("/"):
        _refuse("it names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {
            "application_name": "stationmaster", "connect_timeout": "10",
            "options": f"-c idle_in_transaction_session_timeout={STILL_SECONDS}s", **query,
        },
        "CONN_MAX_AGE": 0,      # under ASGI each request has a thread of its own, and would leave its connection behind
    }


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        _refuse("it is not a URL")
    return parts


def _refuse(why: str) -> NoReturn:
    raise StationmasterError(
        "error.store.database_url", f"the database URL cannot be used: {why}",
        hint="write it like postgresql://user:password@host:5432/name", fault="operator",
    ) from None
