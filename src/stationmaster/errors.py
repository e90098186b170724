"""The one error family. Owns: what went wrong, whose fault, what to do. Knows nothing of who shows it.

Entrances translate these into answers, exit codes and pages; nobody else formats them.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

Fault = Literal["caller", "vendor", "target", "ours", "operator"]

_STATUS: dict[Fault, int] = {"caller": 400, "vendor": 502, "target": 502, "ours": 500, "operator": 500}


class StationmasterError(Exception):
    """Anything Stationmaster reports on purpose.

    `code` is stable and dotted (`error.config.unknown_key`), `message` one sentence, `hint` what to do
    next (may be empty), `retryable` whether the same call may work later, `fault` whose fault it is (`target`:
    of a gateway that credentials are published into, `operator`: of whoever set this machine up), `status` the HTTP
    status that says the same, `fields` what is wrong with which field of what was sent.
    """

    STATUS: ClassVar[int] = 0   # of a subclass; 0: by whose fault it is

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        fault: Fault = "caller",
        status: int = 0,
        fields: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable
        self.fault: Fault = fault
        self.status = status or self.STATUS or _STATUS[fault]
        self.fields = dict(fields or {})


class NotFound(StationmasterError):
    """What was named does not exist, or not for this actor: the two are not told apart."""

    STATUS = 404


class Forbidden(StationmasterError):
    """The actor may not do this."""

    STATUS = 403


class Invalid(StationmasterError):
    """Values that cannot be stored; `fields` says which and why."""

    STATUS = 422


class Conflict(StationmasterError):
    """What is stored stands against it: a name that is taken, a thing still in use."""

    STATUS = 409


class Stale(StationmasterError):
    """The thing was changed since the caller read it (If-Match)."""

    STATUS = 412


class Overtaken(StationmasterError):
    """The thing was changed by somebody else while this was being done: nothing was, and it may be tried again."""

    STATUS = 409
