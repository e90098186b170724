"""`python -m bench.control_console`: what every page of the console costs with 100,000 rows. Writes results/console.{json,md}.

Pages are asked through Django, as a browser's requests are, one after the other, by somebody who may see everything. Each is
asked once to warm up, then a few times: shown are medians, by the processor and by the clock. On SQLite, and with
`--postgresql URL` on a database that is empty. Absolute times: they are this machine's, and say how busy it was.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.console_rows import fill
from bench.plan import say

RESULTS = Path(__file__).resolve().parent / "results"
GOAL = 500.0  # milliseconds, at 100,000 rows
ROUNDS = 5
_ASKED = {"workspaces/several": "?act=plan"}  # what a page does not open without


@dataclass(frozen=True)
class Measured:
    """One page: milliseconds by the processor of this process, and by the clock; its size."""

    page: str
    processor: float
    clock: float
    kib: float


def main() -> int:
    """Fill, measure, write, print; 1 when a page is beyond the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.control_console", description="What pages cost at size.")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the rows, for a quick look (1)")
    parser.add_argument("--postgresql", default="", help="URL of an empty database; without it SQLite, in a folder of its own")
    parser.add_argument("--only", default="", help="pages whose address holds this")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (bench/results)")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        _open(Path(folder), asked.postgresql)
        began = time.perf_counter()
        ids = fill(asked.scale)
        say(f"filled in {time.perf_counter() - began:.0f} s")
        found = list(_measured(ids, asked.only))
    _write(asked.out, found, asked.scale, load, "postgresql" if asked.postgresql else "sqlite")
    return 0 if all(each.clock <= GOAL for each in found) else 1


def _open(folder: Path, url: str) -> None:
    from stationmaster.entrances.web.setup import django_settings
    from stationmaster.settings import Settings
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault.keyring import generate

    extra = {**django_settings(Settings()), "ALLOWED_HOSTS": ["127.0.0.1"]}
    configure(StoreConfig(folder, generate(), url, extra=extra))
    from stationmaster.entrances import live, policies
    from stationmaster.store.migrating import migrate

    migrate()
    live.use(Settings())
    policies.use(live.settings)


def _measured(ids: dict[str, str], only: str) -> Iterator[Measured]:
    from django.test import Client

    from bench.console_rows import ADDRESS, PASSWORD

    client = Client(HTTP_HOST="127.0.0.1:4001", HTTP_USER_AGENT="bench")
    client.post("/login", {"login": ADDRESS, "password": PASSWORD})
    for page in _pages(ids):
        if only in page:
            yield _one(client, page)


def _pages(ids: dict[str, str]) -> Iterator[str]:
    """The address of every page that is looked at, with one of the things that there are."""
    from stationmaster.entrances.console.pages.urls import urlpatterns

    for pattern in urlpatterns:
        route = str(pattern.pattern)
        noun, _, rest = route.partition("/")
        if rest.endswith("stream") or not rest.startswith("<"):
            if "<" not in route and not rest.endswith("stream"):
                yield f"/{route}{_ASKED.get(route, '')}"
        elif noun in ids:
            address = f"/{noun}/{ids[noun]}{rest.partition('>')[2]}"
            yield address.replace("<str:name>", "members") if "<" in address else address
    yield from ("/people?search=member-0420", "/audit?search=key", "/requests?filter=status:eq:500", "/usage?by=owner",
                "/usage?by=key", "/usage?by=model")  # fmt: skip


def _one(client: Any, page: str) -> Measured:
    answer = client.get(page)
    if answer.status_code != 200:
        say(f"{page}: {answer.status_code}")
    own, clock, size = [], [], 0
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        answer = client.get(page)
        size = len(b"".join(answer.streaming_content) if answer.streaming else answer.content)
        own.append(1000 * (time.process_time() - used))
        clock.append(1000 * (time.perf_counter() - began))
    return Measured(page, statistics.median(own), statistics.median(clock), size / 1024)


def _write(folder: Path, found: list[Measured], scale: float, load: float, database: str) -> None:
    about = {"date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "cores": len(os.sched_getaffinity(0)), "scale": scale,
             "load_before": round(load, 2), "python": platform.python_version(), "database": database}  # fmt: skip
    rows = sorted(found, key=lambda each: -each.clock)
    lines = [f"| `{each.page}` | {each.processor:.0f} | {each.clock:.0f}{_missed(each)} | {each.kib:.0f} |" for each in rows]
    text = "\n".join([f"# What pages cost with 100,000 rows, {database}", "",
                      ", ".join(f"{name} {value}" for name, value in about.items()), "",
                      f"Goal: {GOAL:.0f} ms by the clock.", "",
                      "| page | ms, processor | ms, clock | KiB |", "|---|---|---|---|", *lines, ""])  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    name = "console" if database == "sqlite" else "console-postgresql"
    everything = {"about": about, "pages": [asdict(each) for each in rows]}
    (folder / f"{name}.json").write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    (folder / f"{name}.md").write_text(text)
    sys.stdout.write(text)


def _missed(each: Measured) -> str:
    return "" if each.clock <= GOAL else ", missed"


if __name__ == "__main__":
    sys.exit(main())
