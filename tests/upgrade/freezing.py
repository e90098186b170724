"""Keeps what a version's databases are, so that later versions can be seen to upgrade them: `make freeze NAME=1.2.3`.

Owns: what such a database has in it, its spelling as SQL, and the sums of the migrations that made it, which are not to be
changed from then on. For each database a file in `frozen/` that its own tools wrote (SQLite's dump, `pg_dump`), filled by the
services of the version itself, and a backup that it made. Secrets in it are made up; the ring that seals them follows from a
sentence, so that there is no file of it.
"""

import contextlib
import gzip
import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from django.db import connections

import databases
from controlkit import ADMIN, CLI, SECRET, a_credential, a_pool, a_workspace
from stationmaster.store import keyholder
from stationmaster.vault.keyring import KeyRing

FROZEN: Final = Path(__file__).parent / "frozen"
SUMS: Final = FROZEN / "migrations.sha256"
_SOURCE: Final = Path(__file__).parents[2] / "src" / "stationmaster"
RING: Final = KeyRing((hashlib.sha256(b"what seals the frozen databases of these tests").digest(),))
PASSPHRASE: Final = "correct horse battery staple"
KEY: Final = "app-1"      # the name of the virtual key


def main(name: str) -> None:
    """Freeze the databases and a backup of the present as `name`; none that is there is overwritten."""
    for kind, make in (("sqlite", _sqlite), ("postgresql", _postgresql)):
        with tempfile.TemporaryDirectory() as folder:
            text = make(Path(folder))
        with (FROZEN / f"{name}.{kind}.sql.gz").open("xb") as file:
            file.write(gzip.compress(text.encode(), mtime=0))
    with tempfile.TemporaryDirectory() as folder:
        _backup(Path(folder), FROZEN / f"{name}.backup")
    all_of_them = {**sums(), **kept_sums()}      # one that was changed stays told apart
    SUMS.write_text("".join(f"{text}  {path}\n" for path, text in sorted(all_of_them.items())))


def sums() -> dict[str, str]:
    """SHA-256 of each migration that there is, by its path below the package."""
    files = sorted(_SOURCE.rglob("migrations/0*.py"))
    return {file.relative_to(_SOURCE).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def kept_sums() -> dict[str, str]:
    """Those that were written down."""
    lines = SUMS.read_text().splitlines() if SUMS.exists() else []
    return {path: text for text, path in (line.split("  ") for line in lines)}


def names() -> list[str]:
    """What is frozen."""
    return sorted(file.name.removesuffix(".sqlite.sql.gz") for file in FROZEN.glob("*.sqlite.sql.gz"))


def backups() -> list[Path]:
    """The backups that versions made."""
    return sorted(FROZEN.glob("*.backup"))


def thaw(name: str, url: str) -> None:
    """Fill the empty database at `url` with what was frozen, and have the ring that it needs."""
    kind = url.partition(":")[0]
    text = gzip.decompress((FROZEN / f"{name}.{kind}.sql.gz").read_bytes()).decode()
    if kind == "sqlite":
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.executescript(text)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(text.encode())
    keyholder.use(RING)


def _sqlite(folder: Path) -> str:
    _stocked(f"sqlite:///{folder}/one.sqlite3", folder)
    with contextlib.closing(sqlite3.connect(folder / "one.sqlite3")) as file:
        return "\n".join(file.iterdump()) + "\n"


def _postgresql(folder: Path) -> str:
    url = databases._new_postgresql("template0")
    _stocked(url, folder)
    who, _, place = url.removeprefix("postgresql://").partition("@")
    user, _, password = who.partition(":")
    words = ["--no-owner", "--no-privileges", "--no-comments", "--rows-per-insert=100", f"postgresql://{user}@{place}"]
    done = subprocess.run([*databases._program("pg_dump"), *words], cwd="/", capture_output=True, text=True, check=True,
                          env={**os.environ, "PGPASSWORD": password})  # fmt: skip
    # Without what psql alone understands, and settings that not every version knows.
    left_out = ("\\", "--", "SET transaction_timeout")
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(left_out))


def _backup(folder: Path, target: Path) -> None:
    from stationmaster.backup.locking import Keys
    from stationmaster.backup.making import Sources, make

    url = f"sqlite:///{folder}/one.sqlite3"
    _stocked(url, folder)
    databases.open_database(url, folder)
    make(target, Keys(PASSPHRASE, RING), Sources(folder))
    connections.close_all()


def _stocked(url: str, folder: Path) -> None:
    from stationmaster.store.migrating import migrate

    keyholder.use(RING)
    databases.open_database(url, folder)
    migrate()
    for step in STOCK:
        step()
    connections.close_all()


def _routing() -> None:
    from stationmaster.credentials.services import create_credential
    from stationmaster.routing.services import create_key, create_pool, create_route

    for number in range(3):
        create_credential(ADMIN, a_credential(f"openai-{number}", secret=f"{SECRET}{number}"))
    create_pool(ADMIN, a_pool("main", "openai-0", "openai-1"))
    create_route(ADMIN, {"models": ["gpt-*"], "pool": "main", "aliases": {"fast": "gpt-5"}})
    create_key(ADMIN, {"name": KEY})


def _operators() -> None:
    from stationmaster.operators import services as operators

    operators.create_gateway_token(CLI, {"name": "here"})


def _people() -> None:
    from stationmaster.people import services as people

    persons = [people.create_person(ADMIN, {"user_name": f"{name}@example.test", "display_name": name.title()})
               for name in ("ada", "müller")]  # fmt: skip
    group = people.create_group(ADMIN, {"name": "builders"})
    people.change_members(ADMIN, str(group["id"]), [str(row["id"]) for row in persons], [])


def _workspaces() -> None:
    from stationmaster.workspaces.services import create_workspace

    create_workspace(ADMIN, a_workspace())


def _seats() -> None:
    from stationmaster.workspaces import assignments

    assignments.create_assignment(ADMIN, {"workspace": "acme", "group": "builders", "role": "reader"})


def _jobs() -> None:
    from django.utils import timezone

    from stationmaster.jobs.models import Job, JobItem

    now = timezone.now()
    for state in ("queued", "running", "succeeded"):
        job = Job.objects.create(
            kind="a.kind.of.then", state=state, run_after=now, created_at=now, claimed_at=now if state == "running" else None,
            actor_kind="operator", actor="op_admin", actor_rest={"role": "admin"})
        JobItem.objects.create(job=job, position=1, key="one", intent="invite", intent_at=now)


STOCK: tuple[Callable[[], Any], ...] = (_routing, _operators, _people, _workspaces, _seats, _jobs)

if __name__ == "__main__":
    main(sys.argv[1])
