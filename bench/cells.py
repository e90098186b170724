"""The measurements: what one gateway costs per request, per event, in time, and in memory."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median

from bench import choice, load, machine, proc, stage, wire
from bench.gateways import Gateway

SHARE = 0.6  # of its own saturation, at which a gateway's CPU is read
STREAMS, EVENTS_PER_STREAM = 200, 50.0
IDLE_EVENTS_PER_STREAM = 0.2
KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Reading:
    """One figure of one gateway in one round."""

    gateway: str
    cell: str
    unit: str
    value: float
    details: dict[str, float] = field(default_factory=dict)
    round: int = 1


@dataclass(frozen=True)
class Failure:
    """A cell that could not be measured, and why."""

    gateway: str
    cell: str
    reason: str


@dataclass(frozen=True)
class Lengths:
    """How long the parts of a measurement last, in seconds; how much is asked for, how often."""

    saturate: float = 3.0
    paced: float = 6.0
    events: float = 6.0
    alone: float = 4.0
    open_limit: float = 90.0
    open_streams: int = 5000
    choosing: int = 11         # passes


QUICK = Lengths(saturate=1.0, paced=1.5, events=1.5, alone=0.5, open_limit=30.0, open_streams=500, choosing=2)


def request_cell(on: stage.Stage, size: str, last: Lengths) -> list[Reading]:
    """CPU per request with bodies of one size, at a pace of `SHARE` of what the gateway can do."""
    target = _target(on, size)
    return [_cpu_per_request(on, f"request-{size}", partial(load.saturate, target), partial(load.paced, target), last)]


def sessions_cell(on: stage.Stage, last: Lengths) -> list[Reading]:
    """The same with 1 KB bodies, from many sessions that come and go, and what came of the gateway's own attempts."""
    many = load.Sessions(_target(on, "1k"))
    found = _cpu_per_request(on, "request-sessions", many.saturate, many.paced, last)
    time.sleep(1)    # workers report twice a second
    return [replace(found, details={**found.details, **stage.attempts(on.metrics)})]


def _cpu_per_request(
    on: stage.Stage,
    cell: str,
    saturate: Callable[[float], load.Outcome],
    paced: Callable[[float, float], load.Outcome],
    last: Lengths,
) -> Reading:
    meter = proc.Meter(on.child)
    most = saturate(last.saturate)
    full = meter.read()
    _settle(on)
    meter = proc.Meter(on.child)
    run = paced(most.per_second * SHARE, last.paced)
    spent = meter.read()
    details = {
        "saturation_rps": most.per_second,
        "saturated_us": full.gateway_ns / 1e3 / most.succeeded,
        "saturated_core_share": full.core_share,
        "paced_rps": run.per_second,
        "core_share": spent.core_share,
        "others_share": max(full.others_share, spent.others_share),
        "succeeded": run.succeeded,
        "failed": run.failed,
        "success_share": run.success_share,
        "sessions": run.sessions,
    }
    return Reading(on.gateway.name, cell, "µs CPU/request", spent.gateway_ns / 1e3 / run.succeeded, details)


def event_cell(on: stage.Stage, last: Lengths) -> list[Reading]:
    """CPU per event on 200 streams of 50 events a second, fewer where those were over `SHARE` of the core."""
    if on.gateway.cheap:
        return [_events(on, STREAMS, last.events)]
    streams = 2
    for _ in range(3):
        guess = _events(on, streams, max(0.5, last.events / 4)).value
        _settle(on)
        streams = max(1, min(STREAMS, math.floor(SHARE * 1e6 / (guess * EVENTS_PER_STREAM))))
    return [_events(on, streams, last.events)]


def _events(on: stage.Stage, streams: int, seconds: float) -> Reading:
    with stage.StreamClient(on, streams) as client:
        opened = client.await_open(30)
        time.sleep(0.5)
        meter, first = proc.Meter(on.child), client.counts()
        time.sleep(seconds)
        spent, then = meter.read(), client.counts()
    events, wall = then.events - first.events, then.at - first.at
    if not events or opened.failed or then.lost:
        raise load.LoadError(f"{opened.failed} streams were refused, {then.lost} lost, {events} events came")
    details = {
        "streams": opened.open,
        "events_per_second": events / wall,
        "delivered_share": events / wall / (opened.open * EVENTS_PER_STREAM),
        "core_share": spent.core_share,
        "others_share": spent.others_share,
    }
    return Reading(on.gateway.name, "event", "µs CPU/event", spent.gateway_ns / 1e3 / events, details)


def latency_cells(on: stage.Stage, last: Lengths) -> list[Reading]:
    """What the gateway adds to a 1 KB call on one connection, against the vendor asked directly."""
    meter = proc.Meter(on.child)
    through = _alone(_target(on, "1k"), last, on)
    others = meter.read().others_share
    direct = _alone(_target(on, "1k", port=on.vendor), last, on)
    readings = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        with_it, without = _at(through, share), _at(direct, share)
        details = {"through_us": with_it, "direct_us": without, "requests": len(through), "others_share": others}
        readings.append(Reading(on.gateway.name, f"added-{name}", "µs", with_it - without, details))
    return readings


def idle_cell(on: stage.Stage) -> list[Reading]:
    """Resident memory of the worker (the largest process under the first one) after a few calls."""
    for _ in range(5):
        stage.ask(on.port, on.headers())
    time.sleep(1)
    sizes = on.child.rss()
    workers = [size for pid, size in sizes.items() if pid != on.child.pid] or list(sizes.values())
    details = {"all_processes_mib": sum(sizes.values()) / MIB, "processes": len(sizes)}
    return [Reading(on.gateway.name, "idle", "MiB RSS/worker", max(workers) / MIB, details)]


def open_cell(on: stage.Stage, last: Lengths) -> list[Reading]:
    """What resident memory grows by per open stream; kernel socket buffers are not in it."""
    wanted = min(last.open_streams, on.gateway.open_streams)
    before = sum(on.child.rss().values())
    with stage.StreamClient(on, wanted) as client:
        opened = client.await_open(last.open_limit)
        time.sleep(2)
        after, then = sum(on.child.rss().values()), client.counts()
    if not opened.open:
        raise load.LoadError(f"none of {wanted} streams opened, {opened.failed} were refused")
    details = {
        "streams": opened.open - then.lost,
        "wanted": wanted,
        "refused": opened.failed,
        "lost": then.lost,
        "rss_mib": after / MIB,
    }
    return [Reading(on.gateway.name, "open", "KiB RSS/stream", (after - before) / KIB / opened.open, details)]


def choice_cells(gateway: Gateway, last: Lengths) -> list[Reading]:
    """What it costs to choose a credential, by how many there are: in this process, without anything around it."""
    found = choice.measure(last.choosing)
    least = found[0].microseconds
    return [
        Reading(
            gateway.name,
            f"choice-{one.credentials}",
            "µs/choice",
            one.microseconds,
            {"times_least": one.microseconds / least, "troubled_us": one.troubled_us, "ring_ms": one.ring_ms},
        )
        for one in found
    ]


def _alone(target: load.Target, last: Lengths, on: stage.Stage) -> list[int]:
    log = on.folder / "latency.tsv"
    warm = median(load.one_at_a_time(target, 20, log))
    return load.one_at_a_time(target, max(50, int(last.alone * 1e6 / max(warm, 1))), log)


def _at(ordered: list[int], share: float) -> float:
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * share))])


def _target(on: stage.Stage, size: str, *, port: int | None = None) -> load.Target:
    body = on.folder / f"body-{size}.json"
    body.write_bytes(wire.chat_body(wire.SIZES[size]))
    return load.Target(port or on.port, on.headers(), body, on.here.load_core)


def _settle(on: stage.Stage) -> None:
    """Wait, at most 20 s, until the gateway has finished what the last load left behind."""
    for _ in range(100):
        before = on.child.cpu()
        time.sleep(0.2)
        if on.child.cpu().since(before) < 0.02e9:
            return


Cell = Callable[[stage.Stage, Lengths], list[Reading]]

ANSWERING: dict[str, Cell] = {
    "idle": lambda on, _: idle_cell(on),
    "1k": lambda on, last: request_cell(on, "1k", last),
    "10k": lambda on, last: request_cell(on, "10k", last),
    "100k": lambda on, last: request_cell(on, "100k", last),
    "1m": lambda on, last: request_cell(on, "1m", last),
    "latency": latency_cells,
    "sessions": sessions_cell,
}
STREAMING: dict[str, tuple[float, Cell]] = {
    "event": (EVENTS_PER_STREAM, event_cell),
    "open": (IDLE_EVENTS_PER_STREAM, open_cell),
}
NAMES = (*ANSWERING, *STREAMING, "choice")


def measure(
    gateway: Gateway, names: tuple[str, ...], last: Lengths, here: machine.Machine
) -> Iterator[Reading | Failure]:
    """The cells of `names` on one gateway: one start for all that ask an answering vendor, one for each that asks a
    streaming one, none for choosing.
    """
    answering = {name: cell for name, cell in ANSWERING.items() if name in names}
    if answering:
        yield from _group(gateway, answering, stage.answering_vendor(here), last, here, stream=False)
    for name, (per_second, cell) in STREAMING.items():
        if name in names:
            yield from _group(gateway, {name: cell}, stage.streaming_vendor(here, per_second), last, here, stream=True)
    if "choice" in names:
        yield from choice_cells(gateway, last)


def _group(
    gateway: Gateway,
    group: dict[str, Cell],
    vendor: AbstractContextManager[int],
    last: Lengths,
    here: machine.Machine,
    *,
    stream: bool,
) -> Iterator[Reading | Failure]:
    left = dict(group)
    try:
        with vendor as port, stage.playing(gateway, port, here, stream=stream) as on:
            for name, cell in group.items():
                left.pop(name)
                yield from _attempt(name, cell, on, last)
    except proc.ChildDiedError as reason:
        yield from (Failure(gateway.name, name, str(reason)) for name in left)


def _attempt(name: str, cell: Cell, on: stage.Stage, last: Lengths) -> list[Reading] | list[Failure]:
    try:
        return cell(on, last)
    except (load.LoadError, proc.ChildDiedError) as reason:
        return [Failure(on.gateway.name, name, str(reason))]
