"""What every test of the command line needs: running the command, and a config file to run it on."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """\
[gateway]
port = 4100

[[credential]]
id = "a"
vendor = "openai"
secret = "env:STATIONMASTER_TEST_KEY"

[[pool]]
id = "main"
members = [{ credential = "a" }]

[[route]]
models = ["*"]
pool = "main"

[[key]]
id = "k"
secret_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `stationmaster` in an empty folder, and wait for its end."""

    def run(*words: str, timeout: float = 50) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "STATIONMASTER_TEST_KEY": "sk-proj-a", "COLUMNS": "100"}
        command = [sys.executable, "-m", "stationmaster", *words]
        return subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a good config file into the folder that the command runs in."""
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD)
    return path
