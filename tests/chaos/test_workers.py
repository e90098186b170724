"""F1, F27: gateway workers that are killed, under traffic and with streams open."""

import os
import random
import signal
import time

import pytest

from chaos import kit
from chaos.kit import LONG
from gateway import processes

ROUNDS, RPS, STREAMS, SECONDS = (100, 200, 200, 5.0) if LONG else (4, 80, 40, 3.0)
SEED = 1_927


@pytest.mark.timeout(1800)
def test_killed_workers() -> None:
    """One of two workers is killed at a random moment, again and again: streams of the other are whole, those of the killed one
    break off and never end as if they were whole, nobody is turned away for long, and the place is taken again."""
    chance = random.Random(SEED)
    done = f"{ROUNDS} kills of one of two workers (seed {SEED}), {RPS} calls/s, {STREAMS} streams of {SECONDS:g} s"
    reach = "streams of the other whole, killed ones never a clean end, both workers back each time"
    lasting = ROUNDS * 3.0 + 6
    with kit.figure("F1", done, reach) as tell, kit.vendor() as url, kit.gateway(url) as gateway, \
            kit.load(gateway.port, rps=RPS, streams=STREAMS, stream_seconds=SECONDS, seconds=lasting) as load:
        time.sleep(2)
        back: list[float] = []
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.2, 1.2))
            back.append(killed(gateway.process.pid, chance))
        seen = load.end(within=lasting + 60)
        asked = kit.ledger(url)
        broken = kit.faults(seen, "stream cut", "stream reset")
        refused = kit.faults(seen, "refused", "status", "timeout", "stream status", "stream told")
        tell(f"{seen['stream whole']:,} streams whole, {sum(broken.values())} broke off with their worker, "
             f"{sum(kit.faults(seen, 'reset').values())} calls reset, else {refused or 'nothing'}; "
             f"both serve again after {max(back):.2f} s at most", not refused)  # fmt: skip
        assert refused == {}
        assert seen["stream whole"] + sum(broken.values()) == asked["stream"]
        assert seen["stream whole"] <= asked["whole"]


def killed(supervisor: int, chance: random.Random) -> float:
    """Kill one of the workers; the seconds until there are two again."""
    before = processes.children(supervisor)
    os.kill(chance.choice(before), signal.SIGKILL)
    began = time.monotonic()
    while len([each for each in processes.children(supervisor) if processes.is_alive(each)]) < 2 or (
        set(processes.children(supervisor)) == set(before)
    ):
        time.sleep(0.02)
        assert time.monotonic() - began < 20
    return time.monotonic() - began
