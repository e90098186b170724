"""`stationmaster scim`: a token for a directory, and who waits for approval."""

import json
from pathlib import Path

import pytest
from django.utils import timezone
from typer.testing import CliRunner

from controlkit import ADMIN
from stationmaster.cli.app import app
from stationmaster.errors import StationmasterError
from stationmaster.operators import services as operators
from stationmaster.operators.models import ApiToken
from stationmaster.people import services as people
from stationmaster.people.models import Leaver, Person


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line on the open database."""
    monkeypatch.setattr("stationmaster.cli.scim.open_store", lambda *_: None)
    return CliRunner()


def test_a_token_is_shown_once(run: CliRunner) -> None:
    """What `create` prints is let in, `list` says never again what it was, `revoke` ends it; a dry run makes none."""
    assert run.invoke(app, ["scim", "token", "create", "Entra", "--dry-run"]).exit_code == 0
    assert not ApiToken.objects.exists()
    made = json.loads(run.invoke(app, ["scim", "token", "create", "Entra", "--output", "json"]).stdout)
    assert operators.scim_actor(made["token"]).role == "scim"
    listed = run.invoke(app, ["scim", "token", "list", "--output", "json"]).stdout
    assert made["id"] in listed
    assert made["token"] not in listed
    assert run.invoke(app, ["scim", "token", "revoke", made["id"]]).exit_code == 0
    with pytest.raises(StationmasterError):
        operators.scim_actor(made["token"])


def test_who_waits(run: CliRunner) -> None:
    """`held` names them, `approve` has them leave, `refuse` has them stay."""
    ada, bob = (str(people.create_person(ADMIN, {"user_name": name})["id"]) for name in ("ada", "bob"))
    for each in (ada, bob):
        Leaver.objects.create(person=each, state="held", at=timezone.now(), asked_at=timezone.now())
    held = json.loads(run.invoke(app, ["scim", "held", "--output", "json"]).stdout)["held"]
    assert {row["user_name"] for row in held} == {"ada", "bob"}
    assert run.invoke(app, ["scim", "approve", ada, "--dry-run"]).exit_code == 0
    assert Person.objects.get(id=ada).active
    assert run.invoke(app, ["scim", "approve", ada]).exit_code == 0
    assert run.invoke(app, ["scim", "refuse", "all"]).exit_code == 0
    assert [Person.objects.get(id=each).active for each in (ada, bob)] == [False, True]
    assert not Leaver.objects.filter(state="held").exists()
