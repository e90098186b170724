"""`python -m bench.scale`: what one worker, one machine and ten carry, reckoned from measured costs. Rewrites the tables of
docs/scale.md; fetches and measures nothing.

Costs come from results/latest.json and results/control.json. How long calls wait for a busy worker is simulated, with a seed:
calls arrive at random (Poisson), each worker serves one thing at a time in the order of arrival.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).resolve().parent / "results"
PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "scale.md"
SEED: Final = 20_261
BUSY: Final = 0.6  # of a core, beyond which calls begin to wait
WORKERS_A_MACHINE: Final = 7  # of eight cores: one is the kernel's, the supervisor's and the events'
DAY: Final = 86_400


@dataclass(frozen=True)
class Costs:
    """What was measured: microseconds of the processor, KiB of memory, MiB, rows a second."""

    request: float  # a call without a stream, µs
    event: float  # an event of a stream, µs
    stream: float  # memory of an open stream, KiB
    worker: float  # memory of an idle worker, MiB
    stored: float  # requests that the control plane stores a second
    row: float  # bytes of its database for each
    step: float  # a step of a plan, µs
    record: float  # bytes of a record of the snapshot


@dataclass(frozen=True)
class Traffic:
    """A kind of call: how many events its stream has, and how long it lasts (seconds)."""

    name: str
    events: int
    seconds: float


TRAFFIC: Final = (Traffic("short answers, no stream", 0, 1), Traffic("chat: 300 events in 10 s", 300, 10),
                  Traffic("coding agent: 2,000 events in 60 s", 2_000, 60))  # fmt: skip


def costs(latest: Path, control: Path) -> Costs:
    """Read what was measured. Raises `KeyError` where a figure is not there."""
    cells = {(each["gateway"], each["cell"]): float(each["value"]) for each in json.loads(latest.read_text())["figures"]}
    held = {each["name"]: float(each["value"]) for each in json.loads(control.read_text())["figures"]}
    plan = next(name for name in held if name.startswith("plan of") and "nobody is in" in name)
    steps = int(plan.rpartition(": ")[2].split()[0].replace(",", ""))
    return Costs(
        request=cells["governed-pool", "request-1k"], event=cells["governed-pool", "event"],
        stream=cells["stationmaster", "open"], worker=cells["stationmaster", "idle"],
        stored=held["requests of gateways stored, with their sums"], row=held["… bytes of the database for each"],
        step=held[plan] * 1e6 / steps, record=held["… its size"] * 1024 * 1024 / 60_000,
    )  # fmt: skip


def calls_a_second(found: Costs, traffic: Traffic) -> float:
    """How many calls a worker carries at `BUSY` of its core."""
    return BUSY * 1e6 / (found.request + traffic.events * found.event)


def waits(found: Costs, traffic: Traffic, busy: float, workers: int, calls: int = 40_000) -> tuple[float, float]:
    """Milliseconds that a piece of work waits for its worker, median and 99 of 100, when workers are busy for this part of the
    time: a call's head, or one event of a stream, whichever there are more of."""
    source = random.Random(SEED)
    piece = (found.event if traffic.events else found.request) / 1e6
    free, now, waited = [0.0] * workers, 0.0, []
    for _ in range(calls):
        now += source.expovariate(busy * workers / piece)
        at = source.randrange(workers)  # a connection stays with the worker that accepted it
        waited.append(max(0.0, free[at] - now))
        free[at] = max(free[at], now) + source.expovariate(1 / piece)
    waited.sort()
    return 1000 * waited[len(waited) // 2], 1000 * waited[len(waited) * 99 // 100]


def gateways(found: Costs) -> Iterator[Sequence[str]]:
    """Rows of what gateways carry."""
    yield "calls", "a worker", "a machine of 8 cores", "ten machines", "open at once on a machine", "memory for them"
    for traffic in TRAFFIC:
        one = calls_a_second(found, traffic)
        machine = one * WORKERS_A_MACHINE
        open_ = machine * traffic.seconds
        memory = WORKERS_A_MACHINE * found.worker + open_ * found.stream / 1024
        yield (
            traffic.name,
            f"{one:,.0f}/s",
            f"{machine:,.0f}/s",
            f"{10 * machine:,.0f}/s",
            f"{open_:,.0f}",
            f"{memory:,.0f} MiB",
        )


def waiting(found: Costs) -> Iterator[Sequence[str]]:
    """Rows of how long work waits as workers get busier."""
    yield "busy", *(f"{each.name}: median / 99 of 100" for each in TRAFFIC[:2])
    for busy in (0.3, 0.6, 0.8, 0.9, 0.95):
        told = (waits(found, each, busy, WORKERS_A_MACHINE) for each in TRAFFIC[:2])
        yield f"{busy:.0%}", *(f"{half:.3f} / {most:.3f} ms" for half, most in told)


def control(found: Costs) -> Iterator[Sequence[str]]:
    """Rows of what a rate of calls asks of the control plane."""
    yield (
        "calls a second",
        "gateway machines, chat",
        "batches a second",
        "of one connection's storing",
        "rows a day",
        "kept 7 days",
    )
    for rate in (1_000, 10_000, 100_000):
        machines = -(-rate // int(calls_a_second(found, TRAFFIC[1]) * WORKERS_A_MACHINE))
        kept = 7 * DAY * rate * found.row / 1024**4
        yield (
            f"{rate:,}",
            f"{machines:,}",
            f"{2 * machines:,}",
            f"{rate / found.stored:.1f} times",
            f"{rate * DAY:,}",
            f"{kept:,.1f} TiB",
        )


def people(found: Costs) -> Iterator[Sequence[str]]:
    """Rows of what people and configuration ask."""
    yield (
        "people, a seat each",
        "planning them",
        "inviting them at 1 call a second",
        "… over 20 workspaces",
        "snapshot, a key each",
    )
    for number in (1_000, 10_000, 100_000, 1_000_000):
        yield (f"{number:,}", f"{number * found.step / 1e6:,.2f} s", _lasting(number), _lasting(number / 20),
               f"{number * found.record / 1024**2:,.1f} MiB")  # fmt: skip


def _lasting(seconds: float) -> str:
    if seconds > DAY:
        return f"{seconds / DAY:,.1f} days"
    return f"{seconds / 3600:,.1f} h" if seconds > 3600 else f"{seconds / 60:,.0f} min"


def inputs(found: Costs) -> Iterator[Sequence[str]]:
    """Rows of what is reckoned with."""
    yield "what", "measured"
    yield "a call through a governed pool of ten credentials", f"{found.request:.1f} µs"
    yield "an event of its stream", f"{found.event:.1f} µs"
    yield "memory of an open stream, of an idle worker", f"{found.stream:.1f} KiB, {found.worker:.0f} MiB"
    yield "calls stored with their sums, one connection, SQLite", f"{found.stored:,.0f} a second, {found.row:,.0f} bytes each"
    yield "a step of a plan", f"{found.step:.0f} µs"
    yield "a record of the snapshot (credential or key)", f"{found.record:,.0f} bytes"


def table(rows: Iterator[Sequence[str]]) -> str:
    """Rows as Markdown, the first as heading."""
    first, *rest = rows
    lines = [first, ["---", *["---:"] * (len(first) - 1)], *rest]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def written(text: str, found: Costs) -> str:
    """The page with its tables made anew."""
    for rows in (inputs, gateways, waiting, control, people):
        mark = f"<!-- {rows.__name__} -->"
        before, found_mark, rest = text.partition(mark)
        _, ended, after = rest.partition("<!-- end -->")
        if not found_mark or not ended:
            raise SystemExit(f"docs/scale.md has no place for {rows.__name__}")
        text = f"{before}{mark}\n\n{table(rows(found))}\n\n{ended}{after}"
    return text


def main() -> int:
    """Rewrite the page."""
    PAGE.write_text(written(PAGE.read_text(), costs(RESULTS / "latest.json", RESULTS / "control.json")))
    return 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(main())
