"""What a vendor's answer means for whoever asked. Owns: the family that every foreign error is mapped to.

Named by what the caller should do. Messages carry the vendor's words after redaction, never a secret.
"""

from typing import ClassVar

from stationmaster.errors import StationmasterError


class VendorError(StationmasterError):
    """A vendor did not do what it was asked. `request_id` is the vendor's own, for its support; empty when unknown.
    `answered`: the HTTP status that it answered with; 0: it did not, or was not asked."""

    CODE: ClassVar[str] = "error.vendor.failed"
    RETRYABLE: ClassVar[bool] = False
    answered: int = 0

    def __init__(self, message: str, *, code: str = "", hint: str = "", request_id: str = "", vendor_code: str = "") -> None:
        super().__init__(code or self.CODE, message, hint=hint, retryable=self.RETRYABLE, fault="vendor")
        self.request_id = request_id
        self.vendor_code = vendor_code


class Transient(VendorError):
    """Try again later: a timeout, a broken connection, a 5xx. After a write `maybe_done` says that it may have happened all the
    same: read the vendor's state before it is tried again."""

    CODE = "error.vendor.transient"
    RETRYABLE = True

    def __init__(self, message: str, *, maybe_done: bool = False, request_id: str = "", hint: str = "") -> None:
        super().__init__(message, request_id=request_id, hint=hint)
        self.maybe_done = maybe_done


class RateLimited(VendorError):
    """Too many calls; nothing happened. Try again in `retry_after` seconds (0.0: the vendor did not say)."""

    CODE = "error.vendor.rate_limited"
    RETRYABLE = True

    def __init__(self, message: str, *, retry_after: float = 0.0, request_id: str = "") -> None:
        super().__init__(message, request_id=request_id)
        self.retry_after = retry_after


class NotFound(VendorError):
    """What was named does not exist at the vendor: for a removal that is success."""

    CODE = "error.vendor.not_found"


class AlreadyExists(VendorError):
    """It is there already (a member, a pending invite): link to it instead of making it."""

    CODE = "error.vendor.already_exists"


class Rejected(VendorError):
    """This one item cannot be done, however often it is tried: no seat free, domain not allowed, last owner. `vendor_code` is
    the vendor's word, the message its reason."""

    CODE = "error.vendor.rejected"


class StopRun(VendorError):
    """Nothing of this workspace can be done: the admin credential is refused or lacks a right, the organisation is on hold.
    Going on would fail alike for every item."""

    CODE = "error.vendor.stop_run"


class DirectoryManaged(VendorError):
    """The organisation's identity provider owns this; change it in the directory. The workspace is read-only here."""

    CODE = "error.vendor.directory_managed"


class DryRunRefused(VendorError):
    """A dry run: this write would have left. `method` and `path` say which."""

    CODE = "error.vendor.dry_run"

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"a dry run does not send {method} {path}")
        self.method, self.path = method, path
