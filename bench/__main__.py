"""`python -m bench`: what gateways cost, side by side, in one run. See bench/README.md."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench import cells, chart, gateways, machine, page, plan, report

RESULTS = Path(__file__).resolve().parent / "results"


def main(words: Sequence[str]) -> int:
    """Parse, measure, write, print; 2 when this machine cannot, 1 when a cheap gateway has a gap."""
    asked = _parse(words)
    signal.signal(signal.SIGTERM, _leave)
    try:
        here = machine.inspect()
    except machine.NotReadyError as reason:
        plan.say(f"bench: {reason}")
        return 2
    os.sched_setaffinity(0, {here.load_core})
    run = plan.carry_out(_plan(asked), here)
    found = report.figures(run.readings)
    about = _about(asked, here, run)
    whole = not (asked.quick or asked.only or asked.cells)
    _write(asked.out, "latest" if whole else "partial", found, run, about)
    sys.stdout.write(page.summary(found, run.failures) + "\n")
    cheap = {gateway.name for gateway in gateways.ALL if gateway.cheap}
    return 1 if any(failure.gateway in cheap for failure in run.failures) else 0


def _parse(words: Sequence[str]) -> argparse.Namespace:
    names = [gateway.name for gateway in gateways.ALL]
    parser = argparse.ArgumentParser(prog="python -m bench", description="What gateways cost, side by side.")
    parser.add_argument("--only", type=_list_of(names), help=f"gateways to measure, of: {','.join(names)}")
    parser.add_argument("--cells", type=_list_of(cells.NAMES), help=f"of: {','.join(cells.NAMES)}")
    parser.add_argument("--quick", action="store_true", help="one short round of nginx and Stationmaster")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the cheap gateways (3)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the results (bench/results)")
    return parser.parse_args(words)


def _list_of(allowed: Sequence[str]) -> "type[tuple[str, ...]]":
    class Chosen(tuple[str, ...]):
        """A comma-separated choice."""

        __slots__ = ()

        def __new__(cls, text: str) -> "Chosen":
            chosen = tuple(part.strip() for part in text.split(",") if part.strip())
            if unknown := [part for part in chosen if part not in allowed]:
                raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; of: {', '.join(allowed)}")
            return super().__new__(cls, chosen)

    return Chosen


def _plan(asked: argparse.Namespace) -> plan.Plan:
    only = asked.only or ([gateway.name for gateway in gateways.ALL if gateway.cheap] if asked.quick else None)
    return plan.Plan(
        gateways=[gateway for gateway in gateways.ALL if only is None or gateway.name in only],
        names=tuple(name for name in cells.NAMES if not asked.cells or name in asked.cells),
        rounds=1 if asked.quick else max(1, asked.rounds),
        lengths=cells.QUICK if asked.quick else cells.Lengths(),
    )


def _about(asked: argparse.Namespace, here: machine.Machine, run: plan.Run) -> dict[str, object]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "quick": bool(asked.quick),
        "machine": here.as_dict(),
        "gateways": run.versions,
        "tools": machine.tool_versions(),
    }


def _write(folder: Path, name: str, found: Sequence[report.Figure], run: plan.Run, about: Mapping[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    everything = report.as_json(found, run.readings, run.failures, about)
    (folder / f"{name}.json").write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    (folder / f"{name}.md").write_text(page.whole(name, found, run.failures, about))
    (folder / f"{name}.svg").write_text(chart.draw(found))
    plan.say(f"written: {name}.json, {name}.md, {name}.svg")


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
    raise SystemExit(128 + number)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
