"""The real command in processes of its own, over a data folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Done = subprocess.CompletedProcess[str]


class Installation:
    """Runs `stationmaster` over the folder `data`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("STATIONMASTER")},
            "STATIONMASTER_DATA": str(self.data), "COLUMNS": "100", "LANG": "C.UTF-8",
        }  # fmt: skip

    def __call__(self, *words: str, stdin: str = "", code: int | None = 0, environ: Mapping[str, str] | None = None) -> Done:
        """Run it with `words`, and wait for its end, which has to be `code` (None: any)."""
        done = subprocess.run(
            [sys.executable, "-m", "stationmaster", *words], cwd=self.folder, env={**self.environ, **(environ or {})},
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{words}: {done}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str, stdin: str = "", code: int = 0, environ: Mapping[str, str] | None = None) -> Any:
        """Run it with `--output json`, and read that."""
        return json.loads(self(*words, "--output", "json", stdin=stdin, code=code, environ=environ).stdout)

    def begin(self) -> None:
        """Make the control plane, as its first start does."""
        code = (
            "import os; from pathlib import Path; from stationmaster import settings; from stationmaster.entrances import asgi;"
            "asgi.prepare(settings.load(environ=os.environ, folder=Path.cwd()))"
        )
        words = [sys.executable, "-c", code]
        done = subprocess.run(
            words, cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
