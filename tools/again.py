"""Runs what failed once more, alone. Owns: telling a fault from a test that the machine was too busy for.

The whole run shares its processors among thousands of tests that start real servers, databases and processes. A handful that
failed then gets the machine for itself: what fails again is red, and what passes is named, so that its root can be mended.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from tools import takes_no_words

MOST: Final = 5  # more than that is no accident
LAST: Final = Path(".pytest_cache/v/cache/lastfailed")


def main() -> int:
    """The exit code of `make test` after a run with failures."""
    failed = sorted(json.loads(LAST.read_text())) if LAST.is_file() else []
    if not 0 < len(failed) <= MOST:
        return 1
    print(f"\nOnce more, alone: {len(failed)} that failed beside all others", flush=True)
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *failed], check=False)  # noqa: S603  pytest's own list
    if done.returncode == 0:
        print("passed alone, to be mended at the root: " + ", ".join(failed), flush=True)
    return done.returncode


if __name__ == "__main__":
    takes_no_words(__doc__)
    sys.exit(main())
