"""The token of the gateway that runs beside its control plane. Owns: the file that holds it, and that it is always valid.

Imported once Django is set up.
"""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from stationmaster.errors import NotFound, StationmasterError
from stationmaster.operators import services
from stationmaster.store.actor import Actor

FILE = "gateway.token"
EVERY = 3600.0                        # seconds between two looks at it
EARLY = timedelta(days=30)            # before it runs out it is exchanged, or when a third of its life is left
_US = Actor("system", "up", "admin")


def keep(folder: Path, name: str) -> Path:
    """See that the file in `folder` holds a token that lets the gateways `name` in for a while; return the file. One that
    runs out soon is exchanged: the gateway takes the new one when the old is refused, a day later. Raises
    `StationmasterError`, OSError."""
    path = folder / FILE
    if not _lasts(path, name):
        _write(path, _made(name))
    return path


def _lasts(path: Path, name: str) -> bool:
    try:
        row = services.get_gateway_token(_US, name)
        holder = services.gateway_actor(path.read_text("ascii").strip())
    except (OSError, ValueError, StationmasterError):       # no row, no file, or a token that is refused
        return False
    early = min(EARLY, services.policy().gateway_token / 3)
    return holder.id == row["id"] and bool(row["expires_at"] > timezone.now() + early)


def _made(name: str) -> str:
    try:
        services.get_gateway_token(_US, name)
    except NotFound:
        return services.create_gateway_token(_US, {"name": name}).secret.text
    return services.rotate_gateway_token(_US, name).secret.text


def _write(path: Path, token: str) -> None:
    """In one step, 0600: a crash leaves the old file or the new one."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".gateway-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
