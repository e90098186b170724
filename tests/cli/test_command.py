"""The command as a whole: exit codes, stdout for data, stderr for talk, no traceback for expected errors."""

import re
import subprocess
from collections.abc import Callable

import pytest

from stationmaster import __version__, cli
from stationmaster.cli.app import app
from stationmaster.errors import StationmasterError

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_it_works(run: Run) -> None:
    """`--version` prints one line of data and exits 0."""
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"stationmaster {__version__}\n", "")


def test_help_names_every_command(run: Run) -> None:
    """`--help` lists what there is."""
    done = run("--help")
    assert done.returncode == 0
    assert all(
        re.search(rf"^  {noun} ", done.stdout, re.MULTILINE) for noun in ("gateway", "sandbox", "demo", "key")
    )


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["gatway"],
        ["--verion"],
        ["gateway", "--prot", "1"],
        ["gateway", "--port", "0"],
        ["gateway", "--port", "x"],
        ["gateway", "--workers", "65"],
        ["gateway", "--host", "a b"],
        ["gateway", "--host", "127.0.0.1:4000"],
        ["gateway", "--log-level", "loud"],
        ["key"],
        ["key", "old"],
        ["key", "new", "--id", "a b"],
        ["key", "new", "--output", "yaml"],
        ["demo", "--port", "70000"],
        ["demo", "--port", "4000", "--sandbox-port", "4000"],
    ],
)
def test_asked_wrongly(run: Run, words: list[str]) -> None:
    """What cannot be asked for exits 2 with nothing on stdout and no traceback."""
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_expected_errors_are_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any error of our family ends as message and hint on stderr, with exit code 1."""

    def fail(**_: str) -> None:
        raise StationmasterError("error.demo.port", "port 1 is taken", hint="choose another")

    monkeypatch.setattr("stationmaster.cli.app.app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err) == (1, "", "error: port 1 is taken\nhint: choose another\n")


def test_tracebacks_show_no_values() -> None:
    """An error nobody expected prints a plain traceback: typer's own shows local variables, so secrets."""
    assert app.pretty_exceptions_enable is False
    assert app.pretty_exceptions_show_locals is False


def test_importing_the_command_loads_no_command_line_library(run: Run) -> None:
    """A process that only imports `stationmaster.cli`, as a worker of a spawned gateway does, stays small."""
    import sys

    code = (
        "import sys, stationmaster.__main__; sys.exit(bool({'typer', 'aiohttp', 'msgspec'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
