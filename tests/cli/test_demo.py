"""`stationmaster demo`: what it writes, what it starts, and that nothing of it is left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from stationmaster.cli.demo import setting, visitor
from stationmaster.cli.demo.children import Child, check_free
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import Surroundings, new_key, parse

Run = Callable[..., subprocess.CompletedProcess[str]]

needs_gateway = pytest.mark.skipif(
    find_spec("stationmaster.gateway.server.supervisor") is None, reason="the gateway's server is not there yet"
)


@pytest.fixture
def ports() -> tuple[int, int]:
    """Find two ports that are free just now."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen on a port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@needs_gateway
def test_it_works(run: Run, ports: tuple[int, int]) -> None:
    """`--once` prints a key and a curl, streams an answer, exits 0, and leaves nobody listening."""
    done = run("demo", "--once", "--port", str(ports[0]), "--sandbox-port", str(ports[1]))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^virtual key: sm-[A-Za-z0-9_-]{43}$", done.stdout, re.MULTILINE)
    assert f"curl -N http://127.0.0.1:{ports[0]}/v1/chat/completions" in done.stdout
    assert re.search(r"\(\d+ pieces through the gateway in \d+ ms\)", done.stderr)
    assert not any(map(visitor.connects, ports))


@needs_gateway
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stays_until_told_to_stop(ports: tuple[int, int], number: int) -> None:
    """Without `--once` the gateway keeps serving; Ctrl-C, SIGTERM and a closed terminal end all of it with 0,
    and what it wrote goes, as it said."""
    words = ["demo", "--port", str(ports[0]), "--sandbox-port", str(ports[1])]
    command = [sys.executable, "-m", "stationmaster", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "Running until Ctrl-C" in line)
        folder = Path(told.partition("; then ")[2].partition(" is removed")[0])
        assert (folder / "gateway.toml").exists()
        assert visitor.is_ready(ports[0])
        process.send_signal(number)
        assert process.wait(40) == 0
    assert not any(map(visitor.connects, ports))
    assert not folder.exists()


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
def test_a_port_in_use(run: Run, ports: tuple[int, int], taken: int, option: str) -> None:
    """A port that somebody listens on is named, with the option that changes it, and exits 1."""
    free = {"--port": str(ports[0]), "--sandbox-port": str(ports[1])} | {option: str(taken)}
    done = run("demo", "--once", *(word for pair in free.items() for word in pair))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: port {taken} cannot be listened on: Address already in use\n")
    assert done.stderr.endswith(f"hint: choose another with {option}\n")


def test_a_free_port(ports: tuple[int, int]) -> None:
    """A port that nobody listens on is free, and stays so."""
    check_free(ports[0], "--port")
    check_free(ports[0], "--port")


def test_the_config_is_good() -> None:
    """The demo's file passes every check, and its routes lead each vendor's models to its own pool."""
    key = new_key("demo")
    around = Surroundings({setting.SECRET: "0" * 32}, lambda _: b"", Path())
    snapshot = parse(setting.config(4000, 4010, key), file="gateway.toml", around=around)
    assert [(route.models[0], route.pool) for route in snapshot.routes] == [
        ("claude-*", "anthropic"),
        ("gemini-*", "gemini"),
        ("gpt-*", "openai"),
    ]
    assert {row.base_url.removesuffix("/v1") for row in snapshot.credentials} == {"http://127.0.0.1:4010"}
    assert snapshot.keys[0].secret_sha256 == key.secret_sha256


def test_the_curl_is_one_shell_command() -> None:
    """What is printed to be pasted survives a shell: one command, with the key and the question whole."""
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {setting.curl(4000, 'sm-x')}"], capture_output=True, text=True, check=True
    )
    words = shown.stdout.splitlines()
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:4000/v1/chat/completions"]
    assert "Authorization: Bearer sm-x" in words
    assert words[-1].startswith('{"model": "gpt-4o-mini"')


def test_a_child_that_fails_is_told_with_its_last_words(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A child that ends before it is ready is an error that names it and shows the end of its log."""
    child = Child("gateway", ("--config", "nowhere.toml"), tmp_path, os.environ)
    with pytest.raises(StationmasterError, match="the gateway ended with exit code 2"):
        child.wait(lambda: False)
    child.end()
    assert "gateway: nowhere.toml: cannot be read" in capfd.readouterr().err


def test_a_child_is_ended_and_waited_for(tmp_path: Path, ports: tuple[int, int]) -> None:
    """`end` leaves no process and no listener behind."""
    child = Child("sandbox", ("--port", str(ports[0])), tmp_path, os.environ)
    child.wait(lambda: visitor.connects(ports[0]))
    child.end()
    with pytest.raises(StationmasterError, match=r"the sandbox ended with exit code (?!-9)"):     # by itself, not by force
        child.check_alive()
    assert not visitor.connects(ports[0])
