"""Making a backup. Owns: what is in one, and that a file is there whole or not at all.

Lines of JSON: `begin` (what it is of), `file` (one that lies in the data folder), `table` and `rows`, `end` (how many rows).
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from django.db import connection

from stationmaster import __version__
from stationmaster.audit.models import AuditHead
from stationmaster.backup import rows
from stationmaster.backup.locking import Keys, Writer
from stationmaster.backup.reading import FORMAT, RING, SETTINGS, STATE
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.store import changes, keyholder
from stationmaster.vault import keyring

Told = Callable[[str, int], None]      # a table's name, how many rows of it are written


@dataclass(frozen=True)
class Sources:
    """Which files go in beside the database: the data folder, the settings' file (None: there is none)."""

    folder: Path
    settings: Path | None = None


def make(target: Path, keys: Keys, sources: Sources, told: Told = lambda _name, _rows: None) -> dict[str, Any]:
    """Write everything, as of one moment, into a new file at `target`, for its owner alone; return what is in it. With a
    passphrase the key ring goes in, so that the passphrase is all that has to be kept; without one it stays out, and the ring
    is what opens the file. Raises `Conflict` when there is such a file, `StationmasterError`."""
    if target.exists():
        raise Conflict("error.backup.exists", f"{target} is there already", hint="name another file")
    with _whole(target) as stream, rows.one_moment():
        writer = Writer(stream, keys)
        begin = _begin()
        writer.write(rows.line({"begin": begin}))
        for name, text in _files(keys, sources):
            writer.write(rows.line({"file": name, "text": text}))
        counts = dict(_tables(writer, told))
        writer.write(rows.line({"end": counts}))
        writer.close()
    return {**begin, "rows": sum(counts.values()), "bytes": target.stat().st_size}


def _begin() -> dict[str, Any]:
    head = AuditHead.objects.first()
    return {
        "format": FORMAT, "program": __version__, "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": connection.vendor, "revision": changes.revision(), "master_key": keyholder.ring().active,
        "audit": {"count": head.count, "hash": head.hash} if head else None, "migrations": rows.migrations(),
    }  # fmt: skip


def _files(keys: Keys, sources: Sources) -> Iterator[tuple[str, str]]:
    if keys.passphrase:
        yield RING, keyring.text_of(keyholder.ring())
    if sources.settings is not None and sources.settings.exists():
        yield SETTINGS, sources.settings.read_text("utf-8")
    for name in STATE:
        if (sources.folder / name).exists():
            yield name, (sources.folder / name).read_text("utf-8")


def _tables(writer: Writer, told: Told) -> Iterator[tuple[str, int]]:
    for model in rows.tables():
        writer.write(rows.line({"table": model._meta.label_lower, "columns": rows.columns(model)}))
        number = 0
        for batch in rows.batches(model):
            writer.write(rows.line({"rows": batch}))
            number += len(batch)
        told(model._meta.label_lower, number)
        yield model._meta.label_lower, number


@contextmanager
def _whole(target: Path) -> Iterator[BinaryIO]:
    """A file beside `target` that takes its place once the body has ended well."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _unwritable(target, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.link(name, target)      # not over one that came meanwhile
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _unwritable(target: Path, error: OSError) -> StationmasterError:
    message = f"{target} cannot be written: {error.strerror or type(error).__name__}"
    hint = "make room, or name a file in another folder"
    return StationmasterError("error.backup.unwritable", message, hint=hint, fault="operator")
