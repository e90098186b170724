"""The databases that tests of the control plane run on: SQLite, and PostgreSQL where Debian's package is.

`from databases import database` in a folder's conftest gives a fixture that runs each test once on both, on a fresh copy of
a migrated database. PostgreSQL is started once a run, on a port and in a folder of its own, and stopped at the end.
"""

import atexit
import contextlib
import functools
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from psycopg import sql

import temporary
from stationmaster.entrances.web.setup import django_settings
from stationmaster.operators.hashing import Argon2id
from stationmaster.settings import Settings
from stationmaster.store import keyholder
from stationmaster.store.config import APPS, ON_POSTGRESQL, StoreConfig, configure
from stationmaster.store.database import database as settings_of
from stationmaster.store.database import prepare
from stationmaster.vault.keyring import generate

KINDS: tuple[Any, ...] = ("sqlite", pytest.param("postgresql", marks=pytest.mark.needs("pg_ctlcluster")))
RING = generate()
# Of entrances, for tests that go through them; people's passwords cost little here.
EXTRA: Mapping[str, Any] = {**django_settings(Settings()), "PASSWORD_HASHERS": ["databases.Quick"]}

_numbers = itertools.count()


class Quick(Argon2id):
    """The same way to hash a password at a thousandth of its cost."""

    time_cost = 1
    memory_cost = 64      # KiB
    parallelism = 1


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated database that holds nothing yet, open in Django; the value is its kind."""
    kind: str = request.param
    keyholder.use(RING)
    settings.STATIONMASTER_DATA = tmp_path
    url = f"sqlite:///{copy_of_sqlite(tmp_path)}" if kind == "sqlite" else _copy_of_postgresql()
    open_database(url, tmp_path)
    yield kind
    connections.close_all()
    if kind == "postgresql":
        _drop(url)


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table, open in Django; the value is its URL."""
    keyholder.use(RING)
    settings.STATIONMASTER_DATA = tmp_path
    url = f"sqlite:///{tmp_path}/empty.sqlite3" if request.param == "sqlite" else _new_postgresql("template0")
    open_database(url, tmp_path)
    yield url
    connections.close_all()
    if request.param == "postgresql":
        _drop(url)


def _set_up() -> None:
    """Set Django up: models are imported by test modules, so it is done when this one is."""
    folder = tempfile.mkdtemp(prefix="stationmaster-test-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    apps = {"INSTALLED_APPS": [*APPS, *ON_POSTGRESQL], "DATABASE_ROUTERS": ["databases.OnlyOnPostgresql"]}
    configure(StoreConfig(Path(folder), RING, extra={**EXTRA, **apps}))


def open_database(url: str, data: Path) -> None:
    """Have Django use the database at `url` from now on, in this thread and in those that start later."""
    connections.close_all()
    os.environ["STATIONMASTER_TEST_DATABASE"] = url      # for programs that a test starts
    values = settings_of(url, data)
    prepare(values)
    with contextlib.suppress(AttributeError):     # none was opened in this thread yet
        del connections["default"]
    connections.settings["default"] = connections.configure_settings({"default": values})["default"]


def _migrate(url: str, data: Path) -> None:
    from stationmaster.store.migrating import migrate

    keyholder.use(RING)
    open_database(url, data)
    migrate()
    connections.close_all()
    keyholder.use(RING)


def copy_of_sqlite(folder: Path) -> Path:
    """A database file in `folder`, migrated, that holds nothing yet."""
    copy = folder / "stationmaster.sqlite3"
    shutil.copyfile(_sqlite_template(), copy)
    copy.chmod(0o600)
    return copy


@functools.cache
def _sqlite_template() -> Path:
    path = Path(settings.STATIONMASTER_DATA).parent / f"template-{os.getpid()}-{next(_numbers)}.sqlite3"
    _migrate(f"sqlite:///{path}", path.parent)
    return path


def _copy_of_postgresql() -> str:
    return _new_postgresql(_postgresql_template())


@functools.cache
def _postgresql_template() -> str:
    url = _new_postgresql("template0")
    folder = Path(tempfile.mkdtemp(prefix="stationmaster-test-"))
    _migrate(url, folder)
    shutil.rmtree(folder)
    return url.rpartition("/")[2]


def _new_postgresql(template: str) -> str:
    name = f"t{next(_numbers)}"
    words = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with psycopg.connect(f"{_server()}/postgres", autocommit=True) as connection:
        connection.execute(words)
    return f"{_server()}/{name}"


def _drop(url: str) -> None:
    with psycopg.connect(f"{_server()}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(url.rpartition("/")[2])))


class OnlyOnPostgresql:
    """Keeps the tables of a library that is for PostgreSQL alone out of SQLite: here both are opened by one process."""

    def allow_migrate(self, _alias: str, app_label: str, **_: Any) -> bool | None:
        """What Django asks a router."""
        return connections["default"].vendor == "postgresql" if app_label == "procrastinate" else None


@contextlib.contextmanager
def postgresql_stopped() -> Iterator[None]:
    """PostgreSQL is down, as after an immediate stop; then up again, on the same port."""
    control = ("pg_ctl", "-D", f"{_folders[0]}/data", "-w")
    _run(*control, "-m", "immediate", "stop")
    try:
        yield
    finally:
        _run(*control, "-l", f"{_folders[0]}/log", "start")


_folders: list[Path] = []


@functools.cache
def _server() -> str:
    """Start PostgreSQL; the beginning of the URLs of its databases."""
    folder = Path(tempfile.mkdtemp(prefix="stationmaster-pg-", dir=temporary.shared()))
    password, port = secrets.token_hex(16), _free_port()
    (folder / "password").write_text(password)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")
    # md5: a connection is made for every call, and scram-sha-256 costs it thousands of hashes.
    # ICU's order of texts, which is not that of bytes: what has to sort as on SQLite must say so.
    _run("initdb", "-D", f"{folder}/data", "-U", "stationmaster", "-A", "md5", "--pwfile", f"{folder}/password",
         "-E", "UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--no-sync")
    options = {
        "port": port, "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "''", "max_connections": 200,
        "fsync": "off", "full_page_writes": "off", "wal_level": "minimal", "max_wal_senders": 0, "max_wal_size": "64MB",
        "dynamic_shared_memory_type": "mmap",       # which goes with its folder, however it ended
    }  # fmt: skip
    (folder / "data" / "postgresql.auto.conf").write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    _run("pg_ctl", "-D", f"{folder}/data", "-l", f"{folder}/log", "-w", "start")
    _folders.append(folder)
    _stop_with_us(folder)
    return f"postgresql://stationmaster:{password}@127.0.0.1:{port}"


def _stop_with_us(folder: Path) -> None:
    """Leave a shell behind that stops the server when this process is gone, however it ended: its input ends then."""
    words = f"read -r _; {' '.join(_program('pg_ctl'))} -D {folder}/data -m immediate -w stop; rm -rf {folder}"
    watcher = subprocess.Popen(
        ["sh", "-c", words], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(watcher.communicate)


def _program(name: str) -> list[str]:
    """One of PostgreSQL's programs, run as its own user: it refuses to run as root."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    command = [str(installed[-1]) if installed else name]
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run([*_program(name), *arguments], cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


_set_up()
