"""`stationmaster worker`: run jobs. With PostgreSQL any number of workers, anywhere; with SQLite one, which `up` runs."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stationmaster.cli.config import Data, File
from stationmaster.cli.talk import say
from stationmaster.i18n import tr
from stationmaster.notify import Notifier

if TYPE_CHECKING:
    from stationmaster.settings import Settings

RENEWED = 5.0       # seconds between two looks at what admins saved


def worker(
    config: File = None,
    data: Data = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at a time.", show_default="the setting jobs.threads, 4")
    ] = None,
) -> None:
    """Run jobs until SIGTERM or Ctrl-C.

    Then what is under way is finished and the jobs are handed back, so that other workers, or the next start, go on.
    """
    from stationmaster import settings  # here: other commands need none of it

    flags = {"data.dir": settings.Flag("--data", data), "jobs.threads": settings.Flag("--threads", threads)}
    given = settings.load(flags=flags, environ=os.environ, folder=Path.cwd(), file=config)
    notifier = Notifier(os.environ)

    def ready() -> None:
        say(tr("The worker looks for jobs."))
        notifier.ready()

    raise typer.Exit(serve(given, ready, 0.0, notifier))


def serve(given: "Settings", ready: Callable[[], None], patience: float, notifier: Notifier | None = None) -> int:
    """Open the store, and run jobs until a signal comes; return the exit code. `patience`: seconds to wait for another worker
    to end, where there can be one only; `notifier`: whom a service manager hears of us by. Raises `StationmasterError`."""
    whole = _opened(given)
    from stationmaster.entrances.refreshing import keep_refreshing
    from stationmaster.jobs import worker as process
    from stationmaster.jobs.engine import Working
    from stationmaster.telemetry import recording

    jobs = whole.jobs
    stop = threading.Event()
    threading.Thread(target=_keep_current, args=(stop, notifier or Notifier({})), name="settings", daemon=True).start()
    keep_refreshing(stop)
    try:
        return process.work(Working(
            process.name(), stop, jobs.threads, jobs.poll_seconds, jobs.lease_seconds, jobs.attempts, jobs.retention_days,
            patience=patience,
        ), ready)  # fmt: skip
    finally:
        recording.close()


def _opened(given: "Settings") -> "Settings":
    """Open the store, bring it up to date where this process comes first, and take what admins saved."""
    from stationmaster import logs, settings
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    logs.set_up(given.log.format, given.log.level)
    master_key = given.vault.master_key.get_secret_value()
    ring = keyring.load(given.folder, {keyring.VARIABLE: master_key} if master_key else {})
    configure(StoreConfig(given.folder, ring, given.database.url.get_secret_value(), allowed=given.outbound.allowed_private))
    from django.db import connection

    from stationmaster.entrances import live, policies, telemetry
    from stationmaster.store import stored
    from stationmaster.store.migrating import migrate

    migrate()
    whole = settings.with_saved(given, stored.load())
    logs.set_up(whole.log.format, whole.log.level)
    live.use(whole)
    policies.use(live.settings)
    telemetry.begin(whole, "worker")
    connection.close()
    return whole


def _keep_current(stop: threading.Event, notifier: Notifier) -> None:
    """See to it that what an admin saves, such as where stored addresses may lead, counts here too; and say that we live: not
    while the database keeps this from ending."""
    import logging

    from django.db import connection

    from stationmaster.entrances import live

    while not stop.wait(min(RENEWED, notifier.every or RENEWED)):
        notifier.alive()
        try:
            live.renew()
        except Exception as error:  # noqa: BLE001  whatever it is: what was known holds until it can be asked again
            logging.getLogger(__name__).warning("the settings could not be read again: %s", type(error).__name__)
        connection.close()
    notifier.stopping()
    while notifier.every:      # what is under way may take its time
        time.sleep(notifier.every)
        notifier.alive()
