"""F23: gateways that are begun anew under traffic, by SIGUSR2: nobody is refused, nothing is reset, streams end as they would."""

import signal
import time

import pytest

from chaos import kit
from chaos.kit import LONG
from gateway import kit as waiting
from gateway.station import Station

ROUNDS, RPS, STREAMS, SECONDS = (50, 500, 500, 60.0) if LONG else (3, 100, 30, 3.0)
PAUSE = 4.0 if LONG else 1.0


@pytest.mark.timeout(1800)
def test_restarts_under_traffic() -> None:
    """Restart after restart at a steady rate and with streams that outlast several: no call refused or reset or answered with
    an error, every stream whole, and what the vendor was asked is what was sent."""
    done = f"{ROUNDS} restarts, {RPS} calls/s, {STREAMS} streams of {SECONDS:g} s"
    lasting = ROUNDS * (PAUSE + 2.5) + 5
    with kit.figure("F23", done, "0 refused, 0 reset, every stream whole") as tell, kit.vendor() as url, \
            kit.gateway(url, drain=SECONDS + 30) as gateway, \
            kit.load(gateway.port, rps=RPS, streams=STREAMS, stream_seconds=SECONDS, seconds=lasting) as load:
        time.sleep(2)
        for _ in range(ROUNDS):
            begun_anew(gateway)
            time.sleep(PAUSE)
        seen = load.end(within=lasting + SECONDS + 120)
        wrong, asked = kit.faults(seen, *kit.WRONG), kit.ledger(url)
        tell(f"{seen['ok']:,} calls and {seen['stream whole']:,} streams whole; else {wrong or 'nothing'}; "
             f"99 of 100 calls in {seen['p99_ms']} ms, the longest {seen['max_ms']} ms", not wrong)  # fmt: skip
        assert wrong == {}, gateway.err.read_text()[-2000:]
        assert (seen["sent"], asked["plain"], asked["whole"]) == (seen["ok"], seen["ok"], seen["stream whole"])


def begun_anew(gateway: Station) -> None:
    """One restart, waited for."""

    def serving() -> int:
        return gateway.err.read_text().count("gateway listens on")

    before = serving()
    gateway.signal(signal.SIGUSR2)
    waiting.wait_for(lambda: serving() > before, within=60)
    assert gateway.process.poll() is None
