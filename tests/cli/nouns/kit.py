"""The command line, run in this process: what it was given, what came out, how it ended."""

import asyncio
import functools
import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx
import pytest
import typer.main
from django.test import Client

from stationmaster import cli

SECRET = "sk-proj-Qc8AZr2vTn5mXw0yCanary1"
OTHER = "sk-proj-Hy7Lw3pKd9sXv2bNCanary2"
ADMIN_SECRET = "sk-admin-Lp3kVb7dHs9qWe1tCanary3"
_make = typer.main.get_command
CANARIES = (SECRET, OTHER, ADMIN_SECRET)


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


class Cli(NamedTuple):
    """Runs `stationmaster` at one desk."""

    call: Callable[..., Done]
    desk: str

    def __call__(self, *words: str, stdin: str = "", code: int | None = 0) -> Done:
        """Run it with `words`; `code` is how it has to end (None: however)."""
        done = self.call(words, stdin)
        assert code is None or done.code == code, f"{words}: {done}"
        return done

    def json(self, *words: str, stdin: str = "", code: int = 0) -> Any:
        """Run it with `--output json`, and read that."""
        return self(*words, "--output", "json", stdin=stdin, code=code).json()

    def credential(self, name: str, *more: str, secret: str = SECRET) -> Any:
        """Store a credential."""
        return self.json("credential", "create", name, "--vendor", "openai", "--secret", "-", *more, stdin=secret)

    def routing(self) -> None:
        """A credential `a`, a pool `main` and a route to it."""
        self.credential("a")
        self("pool", "create", "main", "--member", "a")
        self("route", "create", "--model", "gpt-*", "--pool", "main")


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], stdin: str) -> Done:
    """Run the command line with `words`."""
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["stationmaster", *words])
        patch.setattr(typer.main, "get_command", made)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = _ended(cli.main)
    return Done(code if isinstance(code, int) else int(code is not None), *capsys.readouterr())


@functools.cache
def made(app: typer.Typer) -> Any:
    """The command line, made of its declarations once: a process that people start does that once as well."""
    return _make(app)


def _ended(main: Callable[[], None]) -> str | int | None:
    """How it ended."""
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return 0


class Wire(httpx.BaseTransport):
    """Hands what an HTTP client sends to the control plane's web application, all of it, in this thread."""

    def __init__(self) -> None:
        self._client = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1:4001")
        self.calls: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        self.calls.append(f"{request.method} {request.url.raw_path.decode()}")
        own = ("host", "content-length")      # which the client makes itself
        headers: Mapping[str, str] = {name: value for name, value in request.headers.items() if name not in own}
        answer: Any = self._client.generic(
            request.method, request.url.raw_path.decode(), request.read(),
            content_type=request.headers.get("content-type", "application/octet-stream"), headers=dict(headers),
        )  # fmt: skip
        return httpx.Response(answer.status_code, headers=list(answer.items()), content=_body(answer))


def _body(answer: Any) -> bytes:
    """What a view answered; files come piece by piece."""

    async def whole() -> bytes:
        return b"".join([part async for part in answer])

    return asyncio.run(whole()) if answer.streaming else bytes(answer.content)
