"""Names in place of people's ids, in what is said at the terminal. Owns: asking the desk for them."""

from collections.abc import Iterable
from typing import Final

from stationmaster.cli.desk import MAX_PAGE, Asked, Desk, Row
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.phrases import said
from stationmaster.phrases.naming import named, people_in

_NAMES: Final = ("display_name", "name", "email", "user_name")      # the first that a row has


def readable(desk: Desk, text: str) -> str:
    """A stored or told sentence in the reader's language, with people's names; who may not see people sees ids."""
    ids = people_in([text])
    return named(said(text), names_of(desk, "people", ids)) if ids else said(text)


def with_names(desk: Desk, error: StationmasterError) -> StationmasterError:
    """The same error, its message with people's names where it had their ids."""
    if people_in([error.message]):
        error.message = readable(desk, error.message)
    return error


def names_of(desk: Desk, noun: str, ids: Iterable[str]) -> dict[str, str]:
    """What things are called, by their ids; those that are not there, or not for this reader, are left out."""
    wanted = sorted(filter(None, ids))
    if not wanted:
        return {}
    try:
        rows = desk.page(noun, Asked(filters=(f"id:in:{','.join(wanted[:MAX_PAGE])}",))).items
    except StationmasterError:      # whoever may not see names reads ids: that is no reason to stop
        return {}
    return {row["id"]: _called(row) for row in rows}


def _called(row: Row) -> str:
    """Somebody who was forgotten has no name but their id."""
    known = (row.get(name) for name in _NAMES)
    return next((str(each) for each in known if each and each != row["id"]), "") or tr("somebody who was forgotten")
