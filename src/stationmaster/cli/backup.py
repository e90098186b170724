"""`stationmaster backup` and `stationmaster restore`: the whole control plane in one encrypted file, and back.

Only on the control plane's own machine. Owns: which keys open a file, that a restore finds an empty place, and what is told.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stationmaster.cli.config import Data, File, settings_of
from stationmaster.cli.desk import stay_here
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.secret_input import secret_of
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import PENDING, Output, Yes, confirm
from stationmaster.errors import Conflict
from stationmaster.i18n import tr, trn, use

if TYPE_CHECKING:
    from stationmaster.backup.locking import Keys
    from stationmaster.backup.reading import Contents
    from stationmaster.backup.restoring import Restored
    from stationmaster.settings import Settings

Passphrase = Annotated[
    Path | None, typer.Option(help="The file with the passphrase. Without it the key ring locks the backup, and is not in it."),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check the file and the place, say what would happen, and do nothing; exit 10.")
]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


def backup(
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The file to write; none is overwritten.",
                                  show_default="stationmaster-TIME.backup here"),
    ] = None,
    passphrase_file: Passphrase = None,
    config: File = None,
    data: Data = None,
    output: Output = Format.TABLE,
) -> None:
    """Write the whole control plane, as of one moment, into one encrypted file, while everything runs.

    With a passphrase the key ring is in it: passphrase and file are all that a new machine needs. Without one the file opens
    with the key ring, which has to be kept elsewhere.
    """
    stay_here("backup", os.environ)
    from stationmaster.cli.session import open_store  # here: --help needs none of it

    settings = open_store(config, data)
    from stationmaster.backup.locking import Keys
    from stationmaster.backup.making import Sources, make
    from stationmaster.store import keyholder

    keys = Keys(_passphrase(passphrase_file), keyholder.ring())
    target = to or Path(f"stationmaster-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup")
    made = make(target, keys, Sources(settings.folder, _settings_file(settings, config)), _progress)
    shown = {name: value for name, value in made.items() if name not in ("format", "migrations")}
    print_object({"file": str(target), **shown}, output)
    if passphrase_file is None:
        say(tr("Keep the key ring elsewhere: without it this file does not open."))


def list_(config: File = None, data: Data = None, output: Output = Format.TABLE) -> None:
    """List the backups that were made by themselves and are still there, the newest first.

    They are made where `backup.folder` is set; the job that makes one says what went wrong.
    """
    settings = _here("backup list", config, data)
    from stationmaster.backup import shelf

    columns = {"file": tr("File"), "made_at": tr("Made"), "bytes": tr("Bytes"), "key": tr("Key")}
    print_rows((each.shown() for each in shelf.kept(shelf.named(settings.backup.folder))), columns, output)


def verify(
    file: _File, passphrase_file: Passphrase = None, config: File = None, data: Data = None, output: Output = Format.TABLE
) -> None:
    """Read a backup to its last byte: whether it is whole, and what is in it. Changes nothing."""
    settings = _here("backup verify", config, data)
    print_object(_checked(file, _keys(settings, passphrase_file)).shown(), output)


def restore(
    file: _File,
    passphrase_file: Passphrase = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Put what is there aside: files into a folder, PostgreSQL's schema under another name."),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: File = None,
    data: Data = None,
    output: Output = Format.TABLE,
) -> None:
    """Put a backup back: into an empty data folder, or an empty database on a server.

    All of the file is checked first. Jobs that were under way are held: they do not go on by themselves. SQLite and PostgreSQL
    take each other's. Exit code 1 when a secret does not open or the audit trail is not whole.
    """
    settings = _here("restore", config, data)
    keys = _keys(settings, passphrase_file)
    contents = _checked(file, keys)
    _refuse_filled(settings, replace)
    if dry_run:
        print_object(contents.shown(), output)
        say(tr("This would be put back into {folder}.", folder=settings.folder))
        raise typer.Exit(PENDING)
    if replace:
        confirm(tr("Put aside what is in {folder}, and put the backup back?", folder=settings.folder), yes)
    with _alone(settings):
        done = _restored(settings, file, keys, contents, replace=replace)
    print_object({**asdict(done), "ok": done.good}, output)
    _tell(done)


def _here(what: str, config: Path | None, data: Path | None) -> "Settings":
    stay_here(what, os.environ)
    settings = settings_of(config, data)
    use(settings.ui.language)
    return settings


def _passphrase(file: Path | None) -> str:
    return "" if file is None else secret_of(file)


def _settings_file(settings: "Settings", named: Path | None) -> Path | None:
    from stationmaster.settings.load import find_file

    return named or find_file(os.environ, Path.cwd(), settings.folder)


def _keys(settings: "Settings", passphrase: Path | None) -> "Keys":
    """What there is to open a backup with; no key ring is made."""
    from stationmaster.backup.locking import Keys
    from stationmaster.diagnosis.folder import has_ring
    from stationmaster.diagnosis.rounds import keys_of
    from stationmaster.vault import keyring

    environ = keys_of(settings, os.environ)
    ring = keyring.load(settings.folder, environ) if has_ring(settings.folder, environ) else None
    return Keys(_passphrase(passphrase), ring)


def _checked(file: Path, keys: "Keys") -> "Contents":
    from stationmaster.backup.reading import check

    return check(file, keys)


def _refuse_filled(settings: "Settings", replace: bool) -> None:
    """Raise `Conflict` before anything is written where something is. A server's database is looked at when it is open."""
    from stationmaster.diagnosis.django_database import sqlite_file

    file = sqlite_file(settings)
    if not replace and file is not None and file.exists() and file.stat().st_size:
        hint = "name an empty folder with --data, or put what is there aside with --replace"
        raise Conflict("error.backup.not_empty", f"{file} is there already", hint=hint)


@contextmanager
def _alone(settings: "Settings") -> Iterator[None]:
    """While nobody runs over the data folder."""
    from stationmaster.cli.planes import locks

    locks.wait(settings.folder)
    with os.fdopen(locks.take(settings.folder)):
        yield


def _restored(settings: "Settings", file: Path, keys: "Keys", contents: "Contents", *, replace: bool) -> "Restored":
    from stationmaster.cli.restoring import into

    return into(settings, file, keys, contents, _progress, aside=replace)


def _progress(table: str, number: int) -> None:
    say(f"  {table}  {number}")


def _tell(done: "Restored") -> None:
    for each in done.broken:
        say(f"  {each}")
    if done.held:
        say(trn("{number} job was under way and is held: look at what came of it, then begin it anew.",
                "{number} jobs were under way and are held: look at what came of them, then begin them anew.",
                done.held))  # fmt: skip
    if not done.good:
        say(tr("Not all of it is as it was saved: `stationmaster doctor` and `stationmaster audit verify` say more."))
        raise typer.Exit(1)
    say(tr("Restored. What was revoked since is back, and what was exchanged at a vendor since has to be stored again."))
