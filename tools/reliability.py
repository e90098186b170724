"""Runs the storms of tests/chaos in their long forms, and the house over several hosts, and writes what came of them into
docs/reliability.md, misses included: `make chaos`, which takes an hour or two on a machine that does nothing else.
`CHAOS_ONLY=test_restarts` runs some of them."""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tools import takes_no_words

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "reliability.md"
RESULTS: Final = ROOT / "bench" / "results" / "chaos.json"
PLACES: Final = ("tests/chaos", "tests/cluster/test_hosts.py", "tests/upgrade/test_and_back.py",
                 "tests/credentials/test_in_traffic.py")  # fmt: skip
_TABLE: Final = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Run, collect, write; what pytest says of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.jsonl"
        path.touch()
        only = os.environ.get("CHAOS_ONLY", "")
        command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:randomly", "--timeout", "7200", *PLACES]
        done = subprocess.run([*command, *(["-k", only] if only else [])], cwd=ROOT,  # noqa: S603  our own tests
                              env={**os.environ, "CHAOS": str(path)}, check=False)  # fmt: skip
        fresh = [json.loads(line) for line in path.read_text().splitlines()]
    held = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else []
    figures = merged(held, [{**each, **about()} for each in fresh])
    RESULTS.write_text(json.dumps({"figures": figures}, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(written(PAGE.read_text(), figures))
    return done.returncode


def about() -> dict[str, str]:
    """When and where."""
    cores = len(os.sched_getaffinity(0))
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": f"{cores} cores, Linux {platform.release().partition('-')[0]}"}


def merged(held: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was seen last of each thing that is done to it, by the number of the fault."""
    found = {(each["fault"], each["done"]): each for each in (*held, *fresh)}
    return sorted(found.values(), key=lambda each: (int(re.sub(r"\D", "", each["fault"]) or 0), each["done"]))


def written(text: str, figures: list[dict[str, Any]]) -> str:
    """The page with its table made anew."""
    heads = ["fault", "what was done", "what was to come of it", "what came of it", "kept", "seen"]
    rows = [[each["fault"], each["done"], each["reach"], each["seen"], "yes" if each["kept"] else "**no**",
             f"{each['date']}, {each['machine']}"] for each in figures]  # fmt: skip
    lines = [heads, ["---"] * len(heads), *rows]
    table = "\n".join(f"| {' | '.join(each)} |" for each in lines)
    return _TABLE.sub(lambda found: f"{found[1]}\n{table}\n\n{found[2]}", text)


if __name__ == "__main__":
    takes_no_words(__doc__)
    sys.exit(main())
