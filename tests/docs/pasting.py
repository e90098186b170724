"""A terminal into which a page's commands are pasted: a secret that is asked for is typed in. Knows no page."""

import os
import pty
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60      # seconds for one command


class Done(NamedTuple):
    """One command's end; `told` is what the terminal showed, talk and all but what was typed."""

    status: int
    data: str
    told: str


def typed(words: list[str], secret: str, folder: Path, environ: dict[str, str]) -> Done:
    """Run `stationmaster WORDS` at a terminal of its own in `folder`; type `secret` when it is asked for, or hand it over on
    stdin where the words say `--secret -`."""
    keys, screen = pty.openpty()
    piped = "-" in words
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "stationmaster", *words], cwd=folder, env=environ, text=True, start_new_session=True,
            stdin=subprocess.PIPE if piped else screen, stdout=subprocess.PIPE, stderr=screen,
        )  # fmt: skip
        os.close(screen)
        talk = _Talk(keys, secret)
        try:
            data, _ = process.communicate(secret + "\n" if piped else None, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(talk.all()[-500:]) from None
        return Done(process.returncode, data, talk.all())
    finally:
        os.close(keys)


class _Talk(threading.Thread):
    """Reads the screen, and types the secret once when it is asked for."""

    def __init__(self, keys: int, secret: str) -> None:
        super().__init__(daemon=True)
        self._keys, self._secret, self._read = keys, secret, b""
        self.start()

    def run(self) -> None:
        """Until the other end is closed."""
        asked = False
        while more := self._more():
            self._read += more
            if not asked and b"Secret of" in self._read:
                asked = True
                self._type()

    def _type(self) -> None:
        """Once nothing is echoed any more: what was typed before that is thrown away."""
        while termios.tcgetattr(self._keys)[3] & termios.ECHO:
            time.sleep(0.01)
        os.write(self._keys, f"{self._secret}\n".encode())

    def _more(self) -> bytes:
        try:
            return os.read(self._keys, 65536)
        except OSError:      # the last process that had the terminal is gone
            return b""

    def all(self) -> str:
        """What was shown."""
        self.join(PATIENCE)
        return self._read.decode(errors="replace")
