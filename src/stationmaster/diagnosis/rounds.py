"""All checks, in order. Owns reading the machine for them; the judging is the other modules'."""

import resource
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from stationmaster import __version__
from stationmaster.diagnosis import database, django_database, encryption, folder, machine, ports, valkey, wishes
from stationmaster.diagnosis.database import Database
from stationmaster.diagnosis.finding import Finding
from stationmaster.errors import StationmasterError
from stationmaster.running import places
from stationmaster.settings import Settings
from stationmaster.vault import keyring

MIB = 1024 * 1024
_MOUNTS = Path("/proc/self/mountinfo")

Opened = Callable[[Settings, Mapping[str, str]], Database]


def diagnose(
    settings: Settings, environ: Mapping[str, str], *, opened: Opened = django_database.opened
) -> Iterator[Finding]:
    """Every finding, the good ones too. `opened` opens the database."""
    yield from of_machine(environ)
    yield from of_settings(settings)
    yield from of_folder(settings, environ)
    yield from map(ports.check, ports.wanted(settings, places.found(settings.folder)))
    yield from valkey.of_settings(settings)
    yield from of_database(settings, environ, opened)


def of_machine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What does not depend on any setting."""
    yield machine.python(sys.version_info[:3])
    yield machine.open_files(_hard_limit())
    yield machine.certificates(*_certificates())
    yield machine.proxies(environ)
    yield from wishes.environment(environ)


def of_settings(settings: Settings) -> Iterator[Finding]:
    """The settings against each other."""
    yield from wishes.saved(settings)
    yield wishes.sign_in(settings)
    yield wishes.reach(settings)
    yield from encryption.check(settings)


def of_folder(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """The data folder."""
    try:
        yield folder.rights(settings.folder)
        yield machine.disk(shutil.disk_usage(_existing(settings.folder)).free // MIB, settings.folder)
        yield folder.key_ring(settings.folder, keys_of(settings, environ))
    except OSError as error:
        yield folder.closed("data_folder", settings.folder, error)


def keys_of(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables that the vault goes by, with a master key that came another way among them."""
    given = settings.vault.master_key.get_secret_value()
    return {**environ, keyring.VARIABLE: given} if given else environ


def of_database(settings: Settings, environ: Mapping[str, str], opened: Opened) -> Iterator[Finding]:
    """The database. One that was never made is not made for the asking."""
    try:
        file = django_database.sqlite_file(settings)
        if file is not None:
            yield folder.file_system(file, _MOUNTS.read_text() if _MOUNTS.exists() else "")
        if file is not None and not file.exists():
            yield database.unmade(file)
            return
        yield from database.check(opened(settings, keys_of(settings, environ)), __version__, time.time())
    except StationmasterError as error:
        yield database.failed(error)
    except OSError as error:
        yield folder.closed("database", settings.folder, error)


def _hard_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _certificates() -> tuple[bool, str]:
    """Whether OpenSSL finds certificates of the system, and where."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return True, paths.cafile
    full = bool(paths.capath) and any(Path(paths.capath).iterdir())
    return full, paths.capath or ""


def _existing(path: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())
