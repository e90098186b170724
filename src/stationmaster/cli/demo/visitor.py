"""The demo's client. Owns: asking whether the gateway is ready, and one answer, shown as it comes."""

import http.client
import json
import socket
import time
from collections.abc import Iterator

import typer

from stationmaster.cli.demo.setting import QUESTION
from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError

_HOST = "127.0.0.1"


def connects(port: int) -> bool:
    """Tell whether something on this machine takes connections at `port`."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((_HOST, port)) == 0


def is_ready(port: int) -> bool:
    """Tell whether the gateway at `port` says that it serves."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stream_answer(port: int, key: str) -> None:
    """Ask the demo's question through the gateway and print the answer word by word."""
    started, pieces = time.monotonic(), 0
    for piece in _pieces(port, key):
        typer.echo(piece, nl=False)
        pieces += 1
    typer.echo("")
    say(f"({pieces} pieces through the gateway in {(time.monotonic() - started) * 1000:.0f} ms)")
    if not pieces:
        raise _failure("the answer was empty")


def _pieces(port: int, key: str) -> Iterator[str]:
    connection = http.client.HTTPConnection(_HOST, port, timeout=30)
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(QUESTION), headers)
        answer = connection.getresponse()
        if answer.status != 200:
            why = answer.read(500).decode(errors="replace")
            raise _failure(f"the gateway answered {answer.status}: {why}")
        yield from filter(None, map(_text, answer))
    except (OSError, http.client.HTTPException) as error:
        raise _failure(f"no answer came through: {error}") from error
    finally:
        connection.close()


def _text(line: bytes) -> str:
    data = line.removeprefix(b"data: ").strip()
    if not line.startswith(b"data: ") or data == b"[DONE]":
        return ""
    choices = json.loads(data).get("choices") or [{}]
    return str(choices[0].get("delta", {}).get("content") or "")


def _failure(message: str) -> StationmasterError:
    return StationmasterError("error.demo.answer", message, who="us")
