"""The child's end of the line to whoever started it. Owns: telling what befell, and ending when nobody holds the other end.

The line is the child's standard input, one end of a pair of sockets. When the starter is gone, however it went, the
system closes the other end: then the child ends itself, as SIGTERM would, and soon for good.
"""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from typing import Any

PATIENCE = 10.0        # seconds for what is open, once nobody holds the line
LAST = 5.0             # seconds more, after a second SIGTERM


class Leash:
    """Take it once, first of all."""

    def __init__(self) -> None:
        self._line = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)      # nobody else reads the line by mistake
        os.close(nothing)
        threading.Thread(target=self._wait, name="leash", daemon=True).start()

    def tell(self, event: str, **more: Any) -> None:
        """Send a message of plain JSON values. To nobody, if nobody is there any more."""
        with contextlib.suppress(OSError):
            self._line.sendall(json.dumps({"event": event, **more}).encode() + b"\n")

    def _wait(self) -> None:
        while self._heard():
            pass
        for pause in (PATIENCE, LAST):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(pause)
        os.killpg(os.getpgid(0), signal.SIGKILL)

    def _heard(self) -> bool:
        try:
            return bool(self._line.recv(4096))
        except OSError:
            return False
