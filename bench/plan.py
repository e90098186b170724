"""The order of a run: cheap gateways in turn, cell by cell, round by round; the dear ones once, at the end."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench import cells, install, machine
from bench.gateways import ROOT, Gateway


@dataclass
class Run:
    """All that was measured, and all that could not be."""

    readings: list[cells.Reading] = field(default_factory=list)
    failures: list[cells.Failure] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, result: cells.Reading | cells.Failure, number: int = 1) -> None:
        """Keep one result of round `number` and say so."""
        if isinstance(result, cells.Failure):
            self.failures.append(replace(result, reason=result.reason.replace(f"{ROOT}/", "")))
            say(f"{result.gateway:14} {result.cell:13} not measured: {result.reason}")
        else:
            self.readings.append(replace(result, round=number))
            say(f"{result.gateway:14} {result.cell:13} {result.value:10.1f} {result.unit}")


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    gateways: Sequence[Gateway]
    names: tuple[str, ...]
    rounds: int
    lengths: cells.Lengths


def say(line: str) -> None:
    """One progress line."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def carry_out(plan: Plan, here: machine.Machine) -> Run:
    """Measure everything; what fails is noted and left out."""
    run = Run()
    ready = [gateway for gateway in plan.gateways if _prepare(gateway, plan, run)]
    for number, gateway, names in _turns(plan, ready):
        for result in cells.measure(gateway, names, plan.lengths, here):
            run.add(result, number)
    return run


def _prepare(gateway: Gateway, plan: Plan, run: Run) -> bool:
    say(f"{gateway.name:14} preparing")
    try:
        gateway.prepare()
        run.versions[gateway.name] = gateway.version()
    except install.MissingError as reason:
        for name in _asked(gateway, plan):
            run.add(cells.Failure(gateway.name, name, str(reason)))
        return False
    return True


def _turns(plan: Plan, ready: Sequence[Gateway]) -> Iterator[tuple[int, Gateway, tuple[str, ...]]]:
    cheap = [gateway for gateway in ready if gateway.cheap]
    for number in range(1, plan.rounds + 1):
        say(f"round {number} of {plan.rounds}")
        for name in plan.names:
            yield from ((number, gateway, (name,)) for gateway in cheap if name in gateway.cells)
    yield from ((1, gateway, _asked(gateway, plan)) for gateway in ready if not gateway.cheap)


def _asked(gateway: Gateway, plan: Plan) -> tuple[str, ...]:
    return tuple(name for name in plan.names if name in gateway.cells)
