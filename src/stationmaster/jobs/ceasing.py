"""Why a run may not go on. Owns: those errors, which pass through handlers up to the runner. Knows no job."""

from stationmaster.errors import StationmasterError


class Ceased(StationmasterError):
    """A run may not go on. Handlers let it pass: they catch no `StationmasterError` and no `Exception` around vendor calls
    without raising this on."""


class Lost(Ceased):
    """Another worker has the job, or nobody knows any more whether we do: nothing may be written."""

    def __init__(self, message: str = "the job is another worker's now") -> None:
        super().__init__("error.job.lost", message, fault="ours", retryable=True)


class Cancelled(Ceased):
    """Somebody cancelled the job."""

    def __init__(self) -> None:
        super().__init__("error.job.cancelled", "the job was cancelled", status=409)


class Waiting(Ceased):
    """A wait would be so long that the item is done later; `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__("error.job.waiting", "the workspace's rate is spent for now", fault="vendor", retryable=True)
        self.seconds = seconds


class Interrupted(Ceased):
    """This worker is about to end; the item is begun again by the next one."""

    def __init__(self) -> None:
        super().__init__("error.job.interrupted", "the worker is ending", fault="ours", retryable=True)
