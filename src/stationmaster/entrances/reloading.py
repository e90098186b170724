"""SIGHUP: the settings of this process are read again, and the certificate's files are looked at. Owns that.

A change that cannot be used changes nothing, and is told.
"""

import signal
import threading
from collections.abc import Callable
from typing import Final

from django.db import Error, connection

from stationmaster.entrances import effective, live
from stationmaster.errors import StationmasterError
from stationmaster.notify import Notifier
from stationmaster.settings import Settings

HURRY: Final = threading.Event()      # whoever serves should look at the certificate's files now

Tell = Callable[[str], None]


def on_hangup(read: Callable[[], Settings], notifier: Notifier, refused: Callable[[StationmasterError], None], say: Tell) -> None:
    """Do it at each SIGHUP from now on. `read` reads flags, environment and file; `refused` tells what is wrong with them, and
    `say` takes a line for people."""

    def reload() -> None:
        notifier.reloading()
        _take(read, refused, say)
        HURRY.set()
        notifier.ready()

    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=reload).start())


def _take(read: Callable[[], Settings], refused: Callable[[StationmasterError], None], say: Tell) -> None:
    try:
        live.use(read())
        effective.note(live.renew())
    except StationmasterError as error:
        refused(error)
        say("settings kept, the new ones are refused")
    except Error as error:      # its words may quote rows
        say(f"settings kept: the database does not answer ({type(error).__name__})")
    finally:
        connection.close()
