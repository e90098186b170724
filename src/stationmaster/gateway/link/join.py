"""Run a gateway that a control plane configures: puts the parts together. Owns the data folder: who uses it, and what
lies where in it.
"""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.snapshot import Settings
from stationmaster.gateway.link.cache import Cache
from stationmaster.gateway.link.control import Control
from stationmaster.gateway.link.joined import Joined, read_token
from stationmaster.gateway.link.spool import Spool
from stationmaster.gateway.server import supervisor
from stationmaster.tls.files import Watch

SPOOL_BYTES = 256 * 1024 * 1024


class Joining(msgspec.Struct, frozen=True):
    """What `stationmaster gateway --control` was told. `settings` win over the control plane's; `patience` is how many seconds
    a control plane that is started beside it may take; `valkey` is the URL of what
    several gateways share."""

    url: str
    token_file: Path
    data: Path
    name: str
    ca: Path | None = None
    events: Path | None = None
    spool_bytes: int = SPOOL_BYTES
    settings: dict[str, Any] = {}
    patience: float = 0.0
    valkey: str = ""


def run(joining: Joining) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code. Raises StationmasterError when it cannot begin."""
    token = read_token(joining.token_file)
    control = Control(joining.url, token, ca=joining.ca)
    folder = _folder(joining.data)
    with _locked(folder):
        try:
            spool = Spool(folder / "spool", joining.spool_bytes)
        except OSError as error:
            raise _unusable(folder, error) from error
        source = Joined(
            control, Cache(folder / "snapshot.sealed", token), spool, token_file=joining.token_file, name=joining.name,
            say=supervisor.say, adjust=_Own(joining, folder, supervisor.say), patience=joining.patience,
        )
        return supervisor.Supervisor(
            source, joining.events, supervisor.say, Watch, spool=folder / "spool", valkey=joining.valkey
        ).run()


class _Own:
    """What this machine makes of the settings. What keys spent is kept here in any case. A `ca_bundle` that cannot be loaded
    here is left for the last one that could: it must not keep a revoked key from being revoked."""

    def __init__(self, joining: Joining, folder: Path, say: Callable[[str], None]) -> None:
        self._joining, self._folder, self._say = joining, folder, say
        self._bundle = self._complaint = ""

    def __call__(self, settings: Settings) -> Settings:
        kept = {"state_file": settings.state_file or str(self._folder / "spent.json")}
        found = msgspec.structs.replace(settings, **kept, **self._joining.settings)
        return msgspec.structs.replace(found, ca_bundle=self._loadable(found))

    def _loadable(self, settings: Settings) -> str:
        complaint = ""
        try:
            supervisor.check_bundle(settings)
            self._bundle = settings.ca_bundle
        except StationmasterError as error:
            complaint = f"{error.message} Going by {self._bundle or 'the system store alone'}."
        if complaint and complaint != self._complaint:
            self._say(complaint)
        self._complaint = complaint
        return self._bundle


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable(path, error) from error
    return path


def _locked(folder: Path) -> BinaryIO:
    """Keep other gateways out for as long as this is open."""
    try:
        lock = (folder / "lock").open("ab")
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StationmasterError("error.gateway.data", f"Another gateway uses {folder}.",
                                 hint="Give each its own with --data.", fault="operator") from None
    return lock


def _unusable(folder: Path, error: OSError) -> StationmasterError:
    return StationmasterError("error.gateway.data", f"Cannot use the data folder {folder}: {error.strerror}.",
                              hint="Name one that may be written to with --data.", fault="operator")
