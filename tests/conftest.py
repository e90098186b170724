"""Fixtures that every room's tests share."""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest

import rig
import temporary
from stationmaster import i18n
from stationmaster.sandbox.server import SandboxServer

temporary.use_memory()

# No example is timed: a machine may be busy.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _no_language_left_behind() -> None:
    """Begin in the language of the terminal: a test before may have set another for this thread."""
    i18n.use("auto")
    translation = sys.modules.get("django.utils.translation")
    if translation is not None:
        translation.deactivate()


@pytest.fixture(scope="session")
def vendor() -> Iterator[SandboxServer]:
    """The simulated vendors, one for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway in front of the simulated vendors, one for the whole run."""
    with rig.running_gateway(rig.snapshot_for(vendor.url)) as running:
        yield running


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many processes again as there are processors: many tests wait for processes that they started."""
    return max(1, (os.cpu_count() or 1) * 3 // 2)


_left_out: dict[str, int] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs a program that is not here; under CI=true that is a failure (see below)."""
    for item in items:
        for marker in item.iter_markers("needs"):
            program = marker.args[0]
            if shutil.which(program) is None:
                _left_out[program] = _left_out.get(program, 0) + 1
                item.add_marker(pytest.mark.skip(reason=f"needs {program}: make test-deps"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests want to be read (`record_property("summary", …)`, which comes through several processes); one line on what was
    left out, and the command that adds it."""
    for text in _told(terminalreporter):
        terminalreporter.write_line(text)
    if _left_out:
        parts = ", ".join(f"{count} that need {program}" for program, count in _left_out.items())
        terminalreporter.write_line(f"left out: {parts}; `make test-deps` adds them")


def _told(terminalreporter: pytest.TerminalReporter) -> list[str]:
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    return [str(value) for each in reports if each.when == "call" for name, value in each.user_properties if name == "summary"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI nothing may be left out. One of several processes tells the first."""
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["left_out"] = _left_out
    elif _left_out and os.environ.get("CI") == "true":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What one of several processes left out: each has collected all tests, so that they say the same."""
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))
