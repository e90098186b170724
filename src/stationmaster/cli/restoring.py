"""The place that a backup is put back into. Owns: the data folder's files, and that a restore that fails leaves none of its
own behind."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stationmaster.cli.talk import say
from stationmaster.errors import Conflict
from stationmaster.i18n import tr

if TYPE_CHECKING:
    from stationmaster.backup.locking import Keys
    from stationmaster.backup.reading import Contents
    from stationmaster.backup.restoring import Restored, Told
    from stationmaster.settings import Settings
    from stationmaster.vault.keyring import KeyRing


@dataclass
class _Undone:
    """What has to be undone when it fails: files that were made, moved (from, to), the name that the schema got."""

    made: list[Path] = field(default_factory=list)
    moved: list[tuple[Path, Path]] = field(default_factory=list)
    schema: str = ""


def into(settings: "Settings", file: Path, keys: "Keys", contents: "Contents", told: "Told", *, aside: bool) -> "Restored":
    """Put a checked backup back into these settings' folder and database. Raises `StationmasterError`."""
    ring = _ring(keys, contents, aside=aside)
    undone = _Undone()
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}" if aside else ""
    try:
        if aside:
            undone.moved = _put_aside(settings, now)
        _open(settings, ring, undone.made)
        if aside:
            undone.schema = _schema_aside(settings, now)
        return _filled(settings, file, keys, contents, told, undone.made)
    except BaseException:
        _undo(undone)
        raise


def _open(settings: "Settings", ring: "KeyRing", made: list[Path]) -> None:
    """Set Django up over the settings' database, with the ring where there is none."""
    from stationmaster.backup.reading import RING
    from stationmaster.diagnosis.django_database import sqlite_file
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    database = sqlite_file(settings)
    made += [database.with_name(database.name + end) for end in ("", "-wal", "-shm")] if database else []
    own = settings.folder / RING
    if not settings.vault.master_key.get_secret_value() and not own.exists():
        made.append(own)
        keyring.write(ring, own)
    configure(StoreConfig(settings.folder, ring, settings.database.url.get_secret_value()))


def _schema_aside(settings: "Settings", now: str) -> str:
    """Put aside what is in a server's database; the name of its schema then. SQLite's file was moved already."""
    from stationmaster.backup.aside import put_aside
    from stationmaster.diagnosis.django_database import sqlite_file

    if sqlite_file(settings) is not None:
        return ""
    name = f"before_restore_{now.lower()}"
    put_aside(name)
    say(tr("What was in the database is in its schema {schema} now.", schema=name))
    return name


def _filled(
    settings: "Settings", file: Path, keys: "Keys", contents: "Contents", told: "Told", made: list[Path]
) -> "Restored":
    from stationmaster.backup import restoring
    from stationmaster.cli.session import at_terminal

    restoring.refuse_unknown(contents)
    restoring.refuse_filled()
    restoring.fill(file, keys, contents, told)
    _write_files(settings.folder, contents, made)
    return restoring.finish(at_terminal(), contents)


def _ring(keys: "Keys", contents: "Contents", *, aside: bool) -> "KeyRing":
    """The ring of the restored database: the one that is given here, or the backup's own."""
    from stationmaster.backup.reading import RING
    from stationmaster.vault import keyring

    kept = keyring.parse(contents.files[RING], "the backup") if RING in contents.files else None
    wanted = contents.begin["master_key"]
    if keys.ring is not None and wanted in keys.ring.ids:
        return keys.ring
    if keys.ring is not None and not (aside and kept):
        message = "the key ring that is here does not open the backup's secrets"
        raise Conflict("error.backup.other_ring", message, hint="name an empty data folder, or give the ring of that time")
    if kept is None:
        message = "the backup's key ring is not in it, and there is none here"
        raise Conflict("error.backup.no_ring", message, hint="put it into the data folder as master.keys")
    return kept


def _write_files(folder: Path, contents: "Contents", made: list[Path]) -> None:
    """The gateway's state where it was; the settings beside their place: they may name the old machine."""
    from stationmaster.backup.reading import SETTINGS, STATE

    for name, text in contents.files.items():
        place = folder / (f"{name}.restored" if name == SETTINGS else name)
        if name not in (*STATE, SETTINGS) or place.exists():
            continue
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.append(place)
        with os.fdopen(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    if SETTINGS in contents.files:
        say(tr("The settings of then are in {file}: look at them, then take what fits.", file=folder / f"{SETTINGS}.restored"))


def _put_aside(settings: "Settings", now: str) -> list[tuple[Path, Path]]:
    """Move SQLite's database, the ring and the gateway's folder into a folder beside them; where each came from and went."""
    from stationmaster.backup.reading import RING
    from stationmaster.diagnosis.django_database import sqlite_file

    database = sqlite_file(settings)
    files = [database.with_name(database.name + end) for end in ("", "-wal", "-shm")] if database else []
    folder = settings.folder / f"before-restore-{now}"
    folder.mkdir(mode=0o700)
    olds = [*files, settings.folder / RING, settings.folder / "gateway"]
    moved = []
    for old in olds:
        if old.exists():
            old.rename(folder / old.name)
            moved.append((old, folder / old.name))
    say(tr("What was there is in {folder} now.", folder=folder))
    return moved


def _undo(undone: _Undone) -> None:
    from django.conf import settings as django
    from django.db import connections

    if django.configured:
        connections.close_all()
    if undone.schema:
        from stationmaster.backup.aside import bring_back

        bring_back(undone.schema)
    for path in undone.made:
        path.unlink(missing_ok=True)
    for old, new in undone.moved:
        new.rename(old)
