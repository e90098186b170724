"""What an answer means for whoever asked. Owns: the family that every foreign error is mapped to, whoever was asked.

Named by what the caller should do. Codes say whom they are about: `error.vendor.…`, `error.target.…` or
`error.source.…`. Messages carry the other side's words after redaction, never a secret.
"""

from typing import ClassVar, Literal, Self

from stationmaster.errors import StationmasterError

# Who was asked: a vendor, a gateway that credentials are published into, or who issues short-lived secrets.
Party = Literal["vendor", "target", "source"]


class RemoteError(StationmasterError):
    """The other side did not do what it was asked. `request_id` is its own, for its support; empty when unknown. `answered`: the
    HTTP status that it answered with; 0: it did not, or was not asked."""

    WORD: ClassVar[str] = "failed"
    RETRYABLE: ClassVar[bool] = False
    answered: int = 0

    def __init__(self, message: str, *, code: str = "", hint: str = "", request_id: str = "", remote_code: str = "") -> None:
        super().__init__(code or f"error.vendor.{self.WORD}", message, hint=hint, retryable=self.RETRYABLE, fault="vendor")
        self.request_id = request_id
        self.remote_code = remote_code

    def about(self, party: Party) -> Self:
        """The same error, with a code that says whom it is about; a code of its own stays."""
        self.fault = "target" if party == "target" else "vendor"
        if self.code == f"error.vendor.{self.WORD}":
            self.code = f"error.{party}.{self.WORD}"
        return self


class Transient(RemoteError):
    """Try again later: a timeout, a broken connection, a 5xx. After a write `maybe_done` says that it may have happened all the
    same: read the other side's state before it is tried again."""

    WORD = "transient"
    RETRYABLE = True

    def __init__(self, message: str, *, maybe_done: bool = False, request_id: str = "", hint: str = "") -> None:
        super().__init__(message, request_id=request_id, hint=hint)
        self.maybe_done = maybe_done


class RateLimited(RemoteError):
    """Too many calls; nothing happened. Try again in `retry_after` seconds (0.0: not said)."""

    WORD = "rate_limited"
    RETRYABLE = True

    def __init__(self, message: str, *, retry_after: float = 0.0, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after


class NotFound(RemoteError):
    """What was named does not exist there: for a removal that is success."""

    WORD = "not_found"


class AlreadyExists(RemoteError):
    """It is there already (a member, a pending invite, an entry): link to it instead of making it."""

    WORD = "already_exists"


class Rejected(RemoteError):
    """This one item cannot be done, however often it is tried: no seat free, domain not allowed, last owner. `remote_code` is
    the other side's word, the message its reason."""

    WORD = "rejected"


class StopRun(RemoteError):
    """Nothing of this workspace or target can be done: the admin credential is refused or lacks a right, the organisation is on
    hold. Going on would fail alike for every item."""

    WORD = "stop_run"


class DirectoryManaged(RemoteError):
    """The organisation's identity provider owns this; change it in the directory. The workspace is read-only here."""

    WORD = "directory_managed"


class DryRunRefused(RemoteError):
    """A dry run: this write would have left. `method` and `path` say which."""

    WORD = "dry_run"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"a dry run does not send {method} {path}")
        self.method, self.path = method, path
