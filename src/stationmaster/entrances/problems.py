"""Errors as REST and the gateways' door show them. Owns: that one shape, and what a database that cannot do it now is called."""

import logging
from typing import Any, Final

from stationmaster.errors import StationmasterError

AGAIN: Final = 2      # seconds after which whoever was told that we cannot just now may come again
_log = logging.getLogger("stationmaster.web")


def as_json(error: StationmasterError, request_id: str) -> dict[str, Any]:
    """`fields`: what is wrong with which field; `retryable`: the same call may work later."""
    return {
        "error": {
            "code": error.code, "message": error.message, "hint": error.hint, "request_id": request_id,
            "retryable": error.retryable, "fields": error.fields,
        }
    }  # fmt: skip


def of_database(exception: Exception) -> StationmasterError | None:
    """What a database that cannot do it now makes of a request; None where it is our statement that is wrong. Its own words
    are not repeated: they may quote rows."""
    told = getattr(exception.__cause__, "sqlite_errorname", "")
    if told == "SQLITE_ERROR":
        return None
    _log.warning("the database does not take it: %s", told or type(exception).__name__)
    code, message, hint = _REFUSALS.get(told, _AWAY)
    return StationmasterError(code, message, hint=hint, retryable=True, fault="operator", status=503)


_AWAY = ("error.store.unreachable", "the database cannot be used just now", "try again; `stationmaster doctor` says more")
_WAITING = ("error.store.busy", "the database is busy with another change", "try again in a moment")
_FULL = ("error.store.full", "there is no room for this on the database's disk", "make room on it, then try again")
_REFUSALS = {"SQLITE_BUSY": _WAITING, "SQLITE_LOCKED": _WAITING, "SQLITE_BUSY_SNAPSHOT": _WAITING, "SQLITE_FULL": _FULL}
