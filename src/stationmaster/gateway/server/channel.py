"""How the supervisor hands snapshots to its workers: length-prefixed frames over a socket pair."""

import asyncio
import socket
import struct

from stationmaster.gateway.core.snapshot import Snapshot, decode, encode

_LENGTH = struct.Struct("!I")
READY = b"R"               # a worker's one byte back: it serves


def send(channel: socket.socket, snapshot: Snapshot) -> None:
    """Write one snapshot. Raises OSError when the worker is gone."""
    frame = encode(snapshot)
    channel.sendall(_LENGTH.pack(len(frame)) + frame)


def receive(channel: socket.socket) -> Snapshot:
    """Read one snapshot, blocking. Raises EOFError when the supervisor is gone."""
    length = _LENGTH.unpack(_exactly(channel, _LENGTH.size))[0]
    return decode(_exactly(channel, length))


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = channel.recv(size - len(data))
        if not piece:
            raise EOFError("the supervisor is gone")
        data += piece
    return data


async def next_snapshot(reader: asyncio.StreamReader) -> Snapshot:
    """Wait for the next snapshot. Raises asyncio.IncompleteReadError when the supervisor is gone."""
    length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
    return decode(await reader.readexactly(length))
