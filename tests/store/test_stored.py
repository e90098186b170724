"""Settings that an admin saved: changes like any other."""

from typing import Any

import pytest

from controlkit import ADMIN, CLI
from stationmaster.audit.services import list_events
from stationmaster.errors import StationmasterError
from stationmaster.store import stored
from stationmaster.store.changes import change, revision
from stationmaster.store.listing import Query


def put(name: str, value: Any) -> None:
    """Save one setting."""
    with change(CLI) as edit:
        stored.put(edit, name, value)


@pytest.mark.parametrize("value", ["text", "", 0, 1.5, True, None, ["b", "a"], {"z": 1, "a": [None]}])
def test_any_plain_value_comes_back(database: str, value: Any) -> None:
    """Plain values come back as they were, with who saved them and when."""
    put("console.port", value)
    (name, found), = stored.load().items()
    assert (name, found.value, found.by) == ("console.port", value, CLI.id)
    assert type(found.value) is type(value)
    assert found.at.tzinfo is not None


def test_saving_is_a_change(database: str) -> None:
    """Saving and clearing make an event and a revision; saving the same value again makes none."""
    put("log.level", "debug")
    put("log.level", "debug")
    assert revision() == 1
    put("log.level", "info")
    with change(ADMIN) as edit:
        stored.clear(edit, "log.level")
        stored.clear(edit, "never.saved")
    assert stored.load() == {}
    events = [(event["source"], event["subject"], event["action"], event["before"], event["after"])
              for event in list_events(ADMIN, Query(sort="seq")).items]
    assert events == [
        ("settings", "log.level", "set", None, {"value": "debug"}),
        ("settings", "log.level", "set", {"value": "debug"}, {"value": "info"}),
        ("settings", "log.level", "clear", {"value": "info"}, None),
    ]


def test_a_rolled_back_setting_is_not_saved(database: str) -> None:
    """What fails later in the change takes the setting with it."""
    with pytest.raises(StationmasterError), change(ADMIN) as edit:
        _put_and_fail(edit)
    assert stored.load() == {}


def _put_and_fail(edit: Any) -> None:
    stored.put(edit, "log.level", "debug")
    raise StationmasterError("error.test", "no")
