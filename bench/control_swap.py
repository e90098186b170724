"""`python -m bench.control_swap FILE`: a worker takes over the update that FILE holds; prints what that cost as JSON.

A process of its own, as a worker is: what else the benchmark holds in memory would be walked by its garbage collector.
While the worker builds, a second task looks how long it was kept from running: by the clock, which on a busy machine counts
what others did as well, and by the thread's own time on the processor.
"""

import asyncio
import gc
import json
import sys
import time
from pathlib import Path

import uvloop

from stationmaster.gateway.core.records import Update
from stationmaster.gateway.core.snapshot import Settings, Snapshot
from stationmaster.gateway.link.frames import unpack
from stationmaster.gateway.server.worker import Worker


async def swap(update: Update) -> dict[str, float]:
    """Seconds until the worker serves it, and its longest pauses."""
    worker = Worker(Snapshot(Settings(health_check_enabled=False)), probes=False)
    worst = worst_own = 0.0
    over = asyncio.Event()

    async def look() -> None:
        nonlocal worst, worst_own
        while not over.is_set():
            before, own = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0)
            worst_own = max(worst_own, time.thread_time() - own)
            worst = max(worst, time.perf_counter() - before)

    looking = asyncio.create_task(look())
    began = time.perf_counter()
    gc.disable()                   # as server/process.py does it
    await worker.adopt(update)
    gc.freeze()
    gc.enable()
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.5)       # what was replaced is let go of
    over.set()
    await looking
    return {"seconds": seconds, "pause": worst, "own_pause": worst_own}


if __name__ == "__main__":
    told = unpack(Path(sys.argv[1]).read_bytes())
    gc.collect()
    gc.freeze()
    sys.stdout.write(json.dumps(uvloop.run(swap(told))))
