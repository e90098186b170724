"""A worker as a process: `python -m stationmaster.gateway.server.process LISTENER CHANNEL EVENTS [probes] [tls] [spool=DIR]`.

Started by the supervisor with an inherited listening socket and a channel for configurations, so that it loads
nothing but what serves. Owns: signals, limits and garbage collection of that process.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from stationmaster.gateway.core.authority import news_of
from stationmaster.gateway.core.records import Records, apply, snapshot_of
from stationmaster.gateway.core.updates import Reader
from stationmaster.gateway.server import channel as channels
from stationmaster.gateway.server.proxies import from_environ
from stationmaster.gateway.server.worker import Worker

if TYPE_CHECKING:
    from stationmaster.gateway.server.tracing import Tracing

ENDPOINT = "STATIONMASTER_TELEMETRY_ENDPOINT"      # as telemetry.config has it
LARGE = 1000               # records of an update that are not worth looking through for cycles


def main(arguments: list[str]) -> None:
    """Serve until told to stop. Arguments: listener fd, channel fd, events file ("-": none), `probes` if this worker is
    the one that asks vendors whether the credentials work, `tls` if a certificate follows on the channel, `spool=` and the
    folder that events go to as well."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # the terminal's; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _raise_file_limit()
    listener = socket.socket(fileno=int(arguments[0]))
    channel = socket.socket(fileno=int(arguments[1]))
    update, news = channels.first_words(channel)
    snapshot = snapshot_of(apply(Records(), update), update.revision)
    events = None if arguments[2] == "-" else Path(arguments[2])
    spool = next((Path(one.removeprefix("spool=")) for one in arguments[3:] if one.startswith("spool=")), None)
    tls = channels.next_tls(channel) if "tls" in arguments[3:] else None
    worker = Worker(
        snapshot, events, from_environ(os.environ), probes="probes" in arguments[3:], spool=spool, tls=tls, tracing=_tracing(),
    )
    del update, snapshot, tls
    worker.sharing.hear(news_of(news))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)               # few cycles live here, and each pass stops the loop
    uvloop.run(_serve(worker, listener, channel))


def _tracing() -> "Tracing | None":
    if not os.environ.get(ENDPOINT):
        return None
    from stationmaster.gateway.server.tracing import Tracing  # here: without it nothing of telemetry is loaded
    from stationmaster.telemetry.config import from_environ as telemetry

    found = telemetry(os.environ)
    return Tracing(found) if found is not None else None


def _raise_file_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ceiling = hard if hard != resource.RLIM_INFINITY else 1_048_576
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(ceiling, 1_048_576), hard))


async def _serve(worker: Worker, listener: socket.socket, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    loop.add_signal_handler(channels.RETIRE, worker.retire)
    reader, writer = await asyncio.open_connection(sock=channel)
    follow = loop.create_task(_follow(worker, reader, writer))

    def send(report: bytes) -> None:
        if not writer.is_closing():    # the supervisor may be gone, and the drain not over
            writer.write(channels.frame(channels.REPORT, report))

    worker.sharing.send = send

    def send_owners(entries: bytes) -> None:
        if not writer.is_closing():
            writer.write(channels.frame(channels.OWNERS, entries))

    worker.sharing.send_owners = send_owners
    writer.write(channels.frame(channels.READY))
    try:
        await worker.run(listener)
    finally:
        follow.cancel()
        await asyncio.gather(follow, return_exceptions=True)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


async def _follow(worker: Worker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Apply each update and each piece of news; drain when the supervisor is gone."""
    updates = Reader()
    while True:
        try:
            kind, payload = await channels.next_frame(reader)
        except (asyncio.IncompleteReadError, OSError):   # killed before it took our report: a reset, no end
            worker.stop()
            return
        if kind == channels.NEWS:
            worker.sharing.hear(news_of(payload))
        elif kind == channels.TLS:
            worker.show(channels.material_of(payload))
        elif (answer := await _take(worker, updates, payload)):
            updates = Reader()
            writer.write(answer)


async def _take(worker: Worker, updates: Reader, payload: bytes) -> bytes:
    """Take one frame of an update; the frame that tells what became of it, if it was the last or a bad one.

    Meanwhile nothing is looked through for cycles: records and what is made of them last, and looking through many at
    once would be a pause, then and later.
    """
    gc.disable()
    try:
        update = updates.feed(payload)
        if update is None:
            await asyncio.sleep(0)
            return b""
        await worker.adopt(update)
        if update.size() > LARGE:
            gc.freeze()
    except Exception as error:  # noqa: BLE001  no mistake of ours may leave a worker deaf
        worker.report(error)
        gc.enable()
        return channels.frame(channels.BEHIND)
    gc.enable()
    return channels.applied(update.revision)


if __name__ == "__main__":
    main(sys.argv[1:])
