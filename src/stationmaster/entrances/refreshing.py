"""That secrets are refreshed in time. Owns: how often a process looks, and that one slow issuer keeps no other waiting.

Every control plane and every worker looks; which of them refreshes is decided by the database.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.db import connection

from stationmaster.credentials.sources import leasing, refreshing

EVERY: Final = 2.0          # seconds between two looks
AT_ONCE: Final = 8
_log = logging.getLogger(__name__)


def keep_refreshing(stop: threading.Event) -> threading.Thread:
    """Look from now on, in a thread of its own, until `stop`. What is under way then is finished."""
    thread = threading.Thread(target=_look, args=(stop,), name="refreshing", daemon=True)
    thread.start()
    return thread


def _look(stop: threading.Event) -> None:
    busy: set[str] = set()      # sources that this process is at
    well = True
    with ThreadPoolExecutor(AT_ONCE, "refresh") as pool:
        while not stop.wait(EVERY):
            due = _due(well)
            well = due is not None
            for source, serial in due or ():
                if source not in busy:
                    busy.add(source)
                    pool.submit(_refresh, source, serial, busy)


def _due(well: bool) -> list[tuple[str, int]] | None:
    """What it is time for; None: it cannot be asked for just now, which is told once."""
    try:
        return leasing.due(4 * AT_ONCE)
    except Exception as error:  # noqa: BLE001  whatever it is: the next look follows
        if well:
            _log.warning("could not look for secrets to refresh: %s", type(error).__name__)
        return None
    finally:
        connection.close()


def _refresh(source: str, serial: int, busy: set[str]) -> None:
    try:
        refreshing.refresh(source, serial)
    except Exception as error:  # noqa: BLE001  whatever it is: its lease ends, and somebody tries again
        _log.warning("could not refresh a secret: %s", type(error).__name__)
    finally:
        busy.discard(source)
        connection.close()
