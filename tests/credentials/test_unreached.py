"""A key that nobody can be asked about is not waited for without end, and its credential says why."""

from datetime import timedelta

import pytest

from controlkit import ADMIN, a_credential
from credentials.kit import run, run_once, slot, states, told_of
from stationmaster.credentials import generations, policy
from stationmaster.credentials import services as credentials
from stationmaster.credentials.models import Credential
from stationmaster.credentials.policy import RotationPolicy
from stationmaster.errors import Conflict
from stationmaster.jobs import services as jobs
from stationmaster.store.changes import change

AWAY = {"secret": "sk-proj-0123456789abcdef", "base_url": "http://127.0.0.1:9/v1", "allow_insecure_http": True}


def test_a_vendor_that_is_not_there(database: str) -> None:
    """While it is tried, the secret's row says what is the matter; then the job fails with that sentence, the row keeps it, and
    the name is free for another try."""
    job = credentials.paste_credential(ADMIN, "away", AWAY)["id"]
    assert credentials.get_credential(ADMIN, "away")["job"] == job
    assert run(job)["state"] == "failed"
    ((state, reason, sentence),) = told_of(job)
    assert (state, reason) == ("failed", "credential.unreached")
    assert sentence.startswith("the new key could not be tried: ")
    (row,) = credentials.get_credential(ADMIN, "away")["generations"]
    assert (row["state"], row["cause"], row["secret_set"]) == ("failed", "credential.unreached", False)
    assert sentence.endswith(row["words"])
    assert credentials.get_credential(ADMIN, "away")["job"] == ""
    credentials.paste_credential(ADMIN, "away", AWAY)
    assert states("away") == {1: "failed", 2: "minted"}


def test_why_is_said_while_it_waits(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries the row has its sentence already."""
    monkeypatch.setattr("stationmaster.jobs.performing.LONGEST_WAIT", 0.0)
    policy.use(lambda: RotationPolicy(probing=timedelta(minutes=5)))
    job = credentials.paste_credential(ADMIN, "away", AWAY)["id"]
    assert run_once(job) is not None
    (row,) = credentials.get_credential(ADMIN, "away")["generations"]
    assert (row["state"], row["cause"]) == ("minted", "credential.unreached")
    assert row["words"]


def test_a_refusal_names_the_job(database: str) -> None:
    """Who may not rotate it now is told which job to cancel."""
    credentials.create_credential(ADMIN, a_credential("slot"))
    job = credentials.rotate_credential(ADMIN, "slot", {"secret": "sk-proj-the-next-one"})["id"]
    with pytest.raises(Conflict) as caught:
        credentials.rotate_credential(ADMIN, "slot", {"secret": "sk-proj-the-next-two"})
    assert f"stationmaster job cancel {job}" in caught.value.hint


def test_a_rotation_that_was_taken_back_says_so(database: str) -> None:
    """A job under whose feet a person went back ends with a line that says it; and what serves is kept until no time."""
    credentials.create_credential(ADMIN, a_credential("slot", keep_hours=1))
    job = credentials.rotate_credential(ADMIN, "slot", {"secret": "sk-proj-the-next-one"})["id"]
    with change(ADMIN) as edit:
        row = Credential.objects.get(name="slot")
        new = row.generations.get()
        with edit.updating(new):
            new.job = job
        generations.promote(edit, row, new)
    credentials.roll_back(ADMIN, "slot", {})
    shown = {each["number"]: each["keep_until"] for each in credentials.get_credential(ADMIN, "slot")["generations"]}
    assert (shown[1], slot().generation) == (None, 1)
    assert shown[2] is not None
    run(job)
    assert any("a person went back" in line["text"] for line in jobs.log(ADMIN, job)["lines"])
    credentials.roll_back(ADMIN, "slot", {})
    shown = {each["number"]: each["keep_until"] for each in credentials.get_credential(ADMIN, "slot")["generations"]}
    assert shown[1] is not None
    assert (shown[2], slot().generation) == (None, 2)
