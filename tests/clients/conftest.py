"""Real clients against gateway and simulated vendors; only `make test-clients` collects this folder.

It takes the npm packages of package-lock.json in node_modules.
"""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from clients import report
from clients.desk import FOLDER, MODULES, Client, Desk
from clients.offline import NAMES_ASKED
from clients.station import SECRETS, Station, fingerprint, running_station

CLIENTS = ("codex", "claude-code", "gemini-cli", "opencode", "openai-node", "anthropic-node")
_ROWS = pytest.StashKey[dict[str, report.Row]]()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder out unless it was asked for by name: it needs more than a gigabyte from npm."""
    asked = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(FOLDER) for path in asked) else True


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what `make test-clients` says."""
    parser.addoption("--write-results", action="store_true", help="put the results into docs/clients.md")


def pytest_configure(config: pytest.Config) -> None:
    """Register our marker."""
    config.addinivalue_line("markers", "covers(what): how the table of results calls this test")
    config.stash[_ROWS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note each test's end in its client's row."""
    ended = yield
    client = getattr(getattr(item, "module", None), "CLIENT", None)
    if isinstance(client, Client):
        row = item.config.stash[_ROWS].setdefault(client.id, report.Row(client))
        covered = [str(mark.args[0]) for mark in item.iter_markers("covers")]
        if ended.failed:
            row.failed.add(item.name)
        elif ended.skipped:
            row.left_out.update(covered)
        elif call.when == "call":
            row.ran |= dict.fromkeys([item.location[1] or 0], ", ".join(covered))
            row.notes |= {str(value) for name, value in item.user_properties if name == "note"}
    return ended


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table, unless nothing could be run at all."""
    rows = session.config.stash[_ROWS]
    if any(row.ran for row in rows.values()) and session.config.getoption("--write-results", default=False):
        report.write(list(rows.values()), offline=NAMES_ASKED in os.environ)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """Gateway and sandbox for the whole run."""
    assert MODULES.is_dir(), "no node_modules: run `make test-clients`"
    with running_station(tmp_path_factory.mktemp("station"), list(CLIENTS)) as station:
        yield station


@pytest.fixture
def station(running: Station) -> Station:
    """Gateway and sandbox with nothing noted yet."""
    running.forget()
    return running


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """The client that the test's module is about."""
    found = request.module.CLIENT
    assert isinstance(found, Client)
    return found


@pytest.fixture
def key(station: Station, client: Client) -> str:
    """The client's virtual key."""
    return station.keys[client.id].key


@pytest.fixture
def desk(tmp_path: Path, station: Station, key: str) -> Iterator[Desk]:
    """A place for the client to run in; afterwards the key and the secrets are in none of our output."""
    desk = Desk(tmp_path / "desk", {"STATIONMASTER_KEY": key})
    yield desk
    told = station.spoken()
    assert not [secret for secret in (key, fingerprint(key), *SECRETS.values()) if secret in told]
    desk.clear()


@pytest.fixture
def names_asked() -> Callable[[], list[str]]:
    """What name servers were asked since the test began; always nothing where nobody looks."""
    path = Path(os.environ.get(NAMES_ASKED, os.devnull))
    before = len(path.read_text().splitlines())
    return lambda: path.read_text().splitlines()[before:]
