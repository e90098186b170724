"""The demo's client. Owns: one answer, asked for and shown as it comes."""

import http.client
import json
import time
from collections.abc import Iterator

import typer

from stationmaster.cli.demo.setting import QUESTION
from stationmaster.cli.talk import say
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr


def stream_answer(place: str, key: str) -> None:
    """Ask the demo's question through the gateway at `place` (host:port) and print the answer word by word."""
    started, pieces = time.monotonic(), 0
    for piece in _pieces(place, key):
        typer.echo(piece, nl=False)
        pieces += 1
    typer.echo("")
    taken = round((time.monotonic() - started) * 1000)
    say(tr("({pieces} pieces through the gateway in {milliseconds} ms)", pieces=pieces, milliseconds=taken))
    if not pieces:
        raise _failure("the answer was empty")


def _pieces(place: str, key: str) -> Iterator[str]:
    connection = http.client.HTTPConnection(place, timeout=30)
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
    return StationmasterError("error.demo.answer", message, fault="ours")
