"""How many people may go at once: one rule, by the settings, for whoever takes people out."""

from collections.abc import Iterator

import pytest

from stationmaster.entrances import policies
from stationmaster.mail import policy as mail
from stationmaster.operators import policy as login
from stationmaster.people import limits
from stationmaster.people.importing import work
from stationmaster.people.importing.models import Import
from stationmaster.people.limits import Limits, beyond
from stationmaster.people.models import Person
from stationmaster.people.scim import leaving
from stationmaster.settings import Settings
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change
from stationmaster.workspaces import policy as seats


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    limits.limits.use(Limits)
    seats.use(seats.SeatPolicy)
    mail.use(mail.MailPolicy)
    login.use(login.LoginPolicy)


@pytest.mark.parametrize(
    ("left", "among", "too_many"),
    [(20, 1000, False), (21, 1000, True), (4, 40, False), (5, 40, True), (1, 5, True), (0, 0, False), (20, None, False)],
)
def test_the_rule(left: int, among: int | None, too_many: bool) -> None:
    """More than twenty people, or more than ten per cent of those who were there; exactly as many are not too many."""
    assert beyond(left, among, Limits()) is too_many
    assert beyond(left, among, Limits(), always=left) is False


def test_settings_move_it_everywhere(database: str) -> None:
    """What [seats] says holds for plans, for SCIM and for imports alike."""
    with change(SYSTEM) as edit:
        for number in range(10):
            edit.create(Person(user_name=f"p-{number}", source="csv", last_import="0"))
    gone = Import(id="imp_1")
    assert leaving.beyond(3, 96) is False
    assert leaving.beyond(20, 980) is True
    assert "more than 10 %" in work._guard(gone)
    given = Settings().seats.model_copy(update={"removal_count": 2, "removal_share": 100})
    settings = Settings().model_copy(update={"seats": given})
    policies.use(lambda: settings)
    assert leaving.beyond(3, 96) is True
    assert "more than 2" in work._guard(gone)
    assert seats.policy().removals == Limits(2, 100)
