"""Makes the documentation's site: `make site` writes dist/site from docs/, or another folder, fetching nothing. A broken link
ends it."""

import argparse
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).resolve().parents[1]


def main(out: Path = ROOT / "dist" / "site") -> int:
    """Make it anew; 0 when nothing was wrong with it."""
    shutil.rmtree(out, ignore_errors=True)
    failed = build_main(["--quiet", "--fail-on-warning", "--keep-going", "-c", str(ROOT / "docs" / "site"),
                         "-d", str(out.with_suffix(".cache")), str(ROOT / "docs"), str(out)])  # fmt: skip
    shutil.rmtree(out.with_suffix(".cache"), ignore_errors=True)
    return failed


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("out", type=Path, nargs="?", default=ROOT / "dist" / "site", help="the folder (dist/site)")
    sys.exit(main(asked.parse_args().out))
