"""F24, F25: more than usual. Ten thousand streams over two workers; calls at three times what the gateway can carry."""

import resource

import pytest

from chaos import kit
from chaos.kit import LONG
from gateway import kit as waiting
from gateway import processes

STREAMS, SECONDS, EVERY = (10_000, 60.0, 1.0) if LONG else (400, 4.0, 0.25)
PUSHED, PUSH_SECONDS = (9_000, 120.0) if LONG else (1_500, 6.0)
ENOUGH = 20_000      # open files for each of client, worker and vendor, of which a stream takes one or two


@pytest.mark.timeout(900)
def test_a_crowd_of_streams() -> None:
    """Every stream of a crowd is whole, and an open one costs the gateway no more than 60 KiB."""
    if LONG and resource.getrlimit(resource.RLIMIT_NOFILE)[1] < ENOUGH:
        pytest.skip(f"needs {ENOUGH} open files")
    done = f"{STREAMS:,} streams of {SECONDS:g} s, an event each {EVERY:g} s, over two workers"
    with kit.figure("F24", done, "all whole, ≤ 60 KiB a stream") as tell, kit.vendor() as url, \
            kit.gateway(url, drain=90) as gateway:  # fmt: skip
        idle = resident(gateway.process.pid)
        with kit.load(gateway.port, rps=1, streams=STREAMS, stream_seconds=SECONDS, every=EVERY, seconds=SECONDS * 1.5) as load:
            waiting.wait_for(lambda: open_streams(url) >= STREAMS * 0.9, within=SECONDS * 1.5 + 10)
            each = (resident(gateway.process.pid) - idle) / STREAMS / 1024
            seen = load.end(within=SECONDS * 4 + 60)
        wrong = kit.faults(seen, *kit.WRONG)
        tell(f"{seen['stream whole']:,} whole, else {wrong or 'nothing'}; {each:.1f} KiB a stream", not wrong and each <= 60)
        assert wrong == {}
        assert each <= 60


def resident(supervisor: int) -> int:
    """Bytes of memory of all workers."""
    return sum(processes.resident(each) for each in processes.children(supervisor))


def open_streams(url: str) -> int:
    """How many streams the vendor has begun and not ended."""
    asked = kit.ledger(url)
    return asked.get("stream", 0) - asked.get("whole", 0)


@pytest.mark.timeout(900)
def test_more_than_it_can_carry() -> None:
    """Calls come faster than one worker serves them, open loop. What is not served is told so or waits; the worker lives, and
    when the crowd is gone it serves at once as before."""
    done = f"{PUSHED:,} calls/s for {PUSH_SECONDS:g} s at one worker"
    with kit.figure("F25", done, "alive, no call answered wrongly, at once as before afterwards") as tell, kit.vendor() as url, \
            kit.gateway(url, workers=1) as gateway:  # fmt: skip
        before = gateway.workers()
        with kit.load(gateway.port, rps=PUSHED, seconds=PUSH_SECONDS) as load:
            seen = load.end(within=PUSH_SECONDS + 120)
        with kit.load(gateway.port, rps=50, seconds=3) as load:
            after = load.end()
        served = seen.get("ok", 0)
        wrong = kit.faults(seen, "reset", "status 4", "status 500", "status 502")
        rest = kit.faults(seen, "refused", "status", "timeout", "reset") or "nothing"
        tell(f"{served:,} of {seen['sent']:,} served, {served / PUSH_SECONDS:,.0f} a second, else {rest}; afterwards 99 of 100 "
             f"in {after['p99_ms']} ms", not wrong and gateway.workers() == before)  # fmt: skip
        assert wrong == {}
        assert gateway.workers() == before
        assert after["ok"] == after["sent"]
