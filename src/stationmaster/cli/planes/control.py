"""The control plane, with a gateway beside it.

Options: `flags` (setting → [option, value]), `config` (the settings' file or null), `door` (descriptor of the door's
socket), `look` (the ports have to be free), `first` (nothing was told yet: links and keys are), `routing` (a gateway.toml to
begin with, or null), `sandbox` (the port of the simulated vendors that the demo attaches, or null). Tells `settings`,
`prepared` and `ready`.
"""

import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stationmaster.cli.planes import locks
from stationmaster.cli.planes.begin import Options, run
from stationmaster.notify import Notifier
from stationmaster.running.leash import Leash
from stationmaster.telemetry.config import to_environ

if TYPE_CHECKING:
    from stationmaster.settings import Settings

_LISTENERS = ("gateway.host", "gateway.port", "gateway.workers", "gateway.metrics_port")


def main(leash: Leash, options: Options) -> int:
    """Bring everything up to date, then serve until told to end."""
    given = _settings(options)
    if options["look"]:
        locks.wait(given.folder)
        _check_ports(given, options, new=not _has_database(given))
    lock = locks.take(given.folder)
    leash.tell("settings", **_places(given))
    from stationmaster.entrances import asgi

    whole = asgi.prepare(given)
    from stationmaster.cli.planes import opening, own_token

    facts = opening.begin(whole, options) if options["first"] else {}
    own_token.keep(whole.folder, _name())
    leash.tell("prepared", **_places(whole), **facts)
    threading.Thread(target=_keep_token, args=(whole.folder,), name="token", daemon=True).start()
    from stationmaster.cli.talk import say, say_error
    from stationmaster.entrances.reloading import on_hangup

    on_hangup(lambda: _settings(options), Notifier({}), say_error, say)
    with socket.socket(fileno=options["door"]) as door, os.fdopen(lock):
        return asgi.serve(whole, door, lambda: leash.tell("ready"))


def _settings(options: Options) -> "Settings":
    from stationmaster import settings

    flags = {name: settings.Flag(*flag) for name, flag in options["flags"].items()}
    file = Path(options["config"]) if options["config"] else None
    return settings.load(flags=flags, environ=os.environ, folder=Path.cwd(), file=file)


def _places(settings: "Settings") -> dict[str, Any]:
    """What whoever starts the gateway has to know. `own`: what this machine says of the gateway, whatever is saved."""
    gateway = settings.gateway
    return {
        "folder": str(settings.folder), "name": _name(), "host": gateway.host, "port": gateway.port,
        "metrics_host": gateway.metrics_host, "metrics_port": gateway.metrics_port,
        "certificate": str(gateway.tls_certificate or ""),
        "valkey": settings.valkey.url.get_secret_value(), "telemetry": _telemetry(settings),
        "own": {name.partition(".")[2]: settings.value(name) for name in _LISTENERS if settings.locked(name)},
    }


def _telemetry(settings: "Settings") -> dict[str, str]:
    """The same for the gateway, whose environment says where telemetry goes."""
    from stationmaster.entrances.telemetry import telemetry_of

    found = telemetry_of(settings)
    return {} if found is None else to_environ(found)


def _name() -> str:
    """What this machine's gateway, and its token, are called."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).strip("-.")[:100] or "here"


def _has_database(settings: "Settings") -> bool:
    from stationmaster.store.database import SQLITE_FILE  # no Django in it

    return bool(settings.database.url.get_secret_value()) or (settings.folder / SQLITE_FILE).exists()


def _check_ports(settings: "Settings", options: Options, *, new: bool) -> None:
    """Look at the ports whose numbers are certain: what is saved in a database may say others than the defaults."""
    from stationmaster.cli.planes.ports import check
    from stationmaster.diagnosis.ports import Port, wanted

    check(port for port in wanted(settings) if new or settings.locked(port.setting))
    if options["sandbox"] is not None:
        check([Port("port.sandbox", "sandbox.port", "127.0.0.1", options["sandbox"], "/sandbox/faults")])


def _keep_token(folder: Path) -> None:
    """Look after the gateway's token for as long as the process lives."""
    import logging

    from django.db import connection

    from stationmaster.cli.planes import own_token

    while True:
        time.sleep(own_token.EVERY)
        try:
            own_token.keep(folder, _name())
        except Exception as error:  # noqa: BLE001  whatever it is: it is tried again, and the token lasts for weeks
            logging.getLogger(__name__).warning("the gateway's token could not be exchanged: %s", type(error).__name__)
        connection.close()


if __name__ == "__main__":
    run(main)
