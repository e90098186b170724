"""Where one client runs: a home and a working folder of its own, an environment that holds nothing of the
machine's user, closed stdin, an end by force after a while."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
LONGEST = 240.0  # seconds for one command; some clients wait for ever when refused


@dataclass(frozen=True)
class Client:
    """A client under test: its name for people, its npm package, and the id of its virtual key."""

    name: str
    package: str
    id: str

    @property
    def version(self) -> str:
        """The installed version."""
        return str(json.loads((MODULES / self.package / "package.json").read_text())["version"])


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        """Stdout as one JSON text."""
        return json.loads(self.out)

    def lines(self) -> list[dict[str, Any]]:
        """Stdout as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """A folder with `home` and `work` (an empty git repository) in it, and the variables that a client gets."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Lay it out."""
        self.home, self.work = self.folder / "home", self.folder / "work"
        self.home.mkdir(parents=True)
        self.work.mkdir()
        temporary = self.folder / "tmp"
        temporary.mkdir()
        subprocess.run(["git", "init", "--quiet", str(self.work)], check=True)
        (self.work / "node_modules").symlink_to(MODULES)
        path = f"{MODULES / '.bin'}{os.pathsep}{os.environ['PATH']}"
        self.environ |= {
            "HOME": str(self.home),
            "TMPDIR": str(temporary),
            "PATH": path,
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file below the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, script: str, environ: Mapping[str, str] | None = None, *, code: int = 0) -> Done:
        """Run shell commands, which end with `code`; whatever they leave running is ended."""
        started = time.monotonic()
        process = subprocess.Popen(
            ["sh", "-eu", "-c", script],
            cwd=self.work,
            env=self.environ | dict(environ or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(timeout=LONGEST)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        done = Done(process.returncode, out, err, time.monotonic() - started)
        assert done.code == code, f"exit code {done.code}\n{out[-4000:]}\n{err[-4000:]}"
        return done

    def clear(self) -> None:
        """Remove the folder; clients leave much behind."""
        shutil.rmtree(self.folder, ignore_errors=True)
