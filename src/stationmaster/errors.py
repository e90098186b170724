"""The one error family. Owns: what went wrong, whose fault, what to do. Knows nothing of who shows it."""

from typing import Literal

Who = Literal["caller", "us", "vendor"]


class StationmasterError(Exception):
    """Anything Stationmaster reports on purpose.

    `code` is stable and dotted (`error.config.unknown_key`), `message` one sentence, `hint` what to do
    next (may be empty), `retryable` whether the same call may work later, `who` whose fault it is.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", retryable: bool = False, who: Who = "caller"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable
        self.who: Who = who
