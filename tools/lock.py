"""Pins dependencies: `make lock` writes the four lock files from pyproject.toml, by hash, for every platform."""

import subprocess
import sys
from pathlib import Path

from tools import takes_no_words

_OPTIONS = [
    "--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade",
    "--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "--quiet",
]
_LOCKS = {
    "requirements.lock": ["pyproject.toml"],
    "requirements-build.lock": ["--group", "build"],
    "requirements-dev.lock": ["pyproject.toml", "--group", "build", "--group", "dev", "-c", "requirements.lock"],
    "requirements-fuzz.lock": ["--group", "fuzz"],
}


def main() -> None:
    """Compile each lock; refuse one that names an address."""
    uv = Path(sys.executable).with_name("uv")
    for lock, sources in _LOCKS.items():
        subprocess.run([uv, "pip", "compile", *_OPTIONS, *sources, "-o", lock], check=True)  # noqa: S603  our own list
        if "://" in Path(lock).read_text():
            sys.exit(f"{lock} names an address")


if __name__ == "__main__":
    takes_no_words(__doc__)
    main()
