"""A worker as a process: `python -m stationmaster.gateway.server.process LISTENER CHANNEL EVENTS [probes]`.

Started by the supervisor with an inherited listening socket and a channel for snapshots, so that it loads
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

import uvloop

from stationmaster.gateway.core.authority import news_of
from stationmaster.gateway.core.snapshot import decode
from stationmaster.gateway.server import channel as channels
from stationmaster.gateway.server.proxies import from_environ
from stationmaster.gateway.server.worker import Worker


def main(arguments: list[str]) -> None:
    """Serve until told to stop. Arguments: listener fd, channel fd, events file ("-" for stdout), and
    `probes` if this worker is the one that asks vendors whether the credentials work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # the terminal's; the supervisor decides
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    _raise_file_limit()
    listener = socket.socket(fileno=int(arguments[0]))
    channel = socket.socket(fileno=int(arguments[1]))
    snapshot, news = channels.first_words(channel)
    events = None if arguments[2] == "-" else Path(arguments[2])
    worker = Worker(snapshot, events, from_environ(os.environ), probes="probes" in arguments[3:])
    worker.sharing.hear(news_of(news))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)               # few cycles live here, and each pass stops the loop
    uvloop.run(_serve(worker, listener, channel))


def _raise_file_limit() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    ceiling = hard if hard != resource.RLIM_INFINITY else 1_048_576
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(ceiling, 1_048_576), hard))


async def _serve(worker: Worker, listener: socket.socket, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    reader, writer = await asyncio.open_connection(sock=channel)
    follow = loop.create_task(_follow(worker, reader))
    worker.sharing.send = lambda report: writer.write(channels.frame(channels.REPORT, report))
    worker.sharing.send_owners = lambda entries: writer.write(channels.frame(channels.OWNERS, entries))
    writer.write(channels.frame(channels.READY))
    try:
        await worker.run(listener)
    finally:
        follow.cancel()
        await asyncio.gather(follow, return_exceptions=True)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()


async def _follow(worker: Worker, reader: asyncio.StreamReader) -> None:
    """Apply each snapshot and each piece of news; drain when the supervisor is gone."""
    while True:
        try:
            kind, payload = await channels.next_frame(reader)
        except (asyncio.IncompleteReadError, OSError):   # killed before it took our report: a reset, no end
            worker.stop()
            return
        try:
            if kind == channels.SNAPSHOT:
                worker.apply(decode(payload))
            else:
                worker.sharing.hear(news_of(payload))
        except OSError as error:   # ssl.SSLError is one
            worker.report(error)


if __name__ == "__main__":
    main(sys.argv[1:])
