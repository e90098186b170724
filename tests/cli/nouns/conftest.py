"""What tests of the nouns share: a database, and the command line at either desk."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connections

import databases
from cli.nouns import kit
from stationmaster.cli import remote, session
from stationmaster.entrances import live
from stationmaster.entrances.api import caller
from stationmaster.entrances.api.rates import Rates
from stationmaster.mail import policy as mail
from stationmaster.operators import policy
from stationmaster.settings import Settings
from stationmaster.store import keyholder


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A migrated SQLite database that holds nothing yet, open in Django; its data folder."""
    keyholder.use(databases.RING)
    django_settings.STATIONMASTER_DATA = tmp_path
    databases.open_database(f"sqlite:///{databases.copy_of_sqlite(tmp_path)}", tmp_path)
    live.use(Settings())
    yield tmp_path
    connections.close_all()
    policy.use(policy.LoginPolicy)
    mail.use(mail.MailPolicy)


@pytest.fixture
def here(database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> kit.Cli:
    """The command line at this machine's own desk. Its database is open already: a process sets Django up once."""
    monkeypatch.setattr(session, "_set_up", lambda *_: session._with_saved(Settings()))
    monkeypatch.delenv("STATIONMASTER_URL", raising=False)
    return kit.Cli(lambda words, stdin: kit.run(monkeypatch, capsys, words, stdin), "local")


@pytest.fixture
def wire() -> kit.Wire:
    """The control plane's web application, in this process."""
    return kit.Wire()


@pytest.fixture
def there(here: kit.Cli, wire: kit.Wire, monkeypatch: pytest.MonkeyPatch) -> kit.Cli:
    """The command line at the same control plane, over REST, with an admin's token."""
    monkeypatch.setattr(caller, "rates", Rates(burst=10_000))
    monkeypatch.setattr(remote, "Remote", partial(remote.Remote, transport=wire))
    monkeypatch.setenv("STATIONMASTER_URL", "http://127.0.0.1:4001")
    monkeypatch.setenv("STATIONMASTER_TOKEN", _token())
    return kit.Cli(here.call, "rest")


@pytest.fixture(params=["local", "rest"])
def cli(request: pytest.FixtureRequest) -> kit.Cli:
    """The command line at either desk."""
    found: kit.Cli = request.getfixturevalue("here" if request.param == "local" else "there")
    return found


def _token(role: str = "admin") -> str:
    """An API token that the command line made."""
    from stationmaster.operators import services

    return services.create_token(session.at_terminal(), {"name": "tests", "role": role}).secret.text
