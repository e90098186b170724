"""Where this process' spans go, by its settings."""

from stationmaster import __version__
from stationmaster.settings import Settings
from stationmaster.telemetry import recording
from stationmaster.telemetry.config import Telemetry, checked


def telemetry_of(settings: Settings) -> Telemetry | None:
    """The receiver; None: there is none. Raises `StationmasterError` for header fields that are none."""
    asked = settings.telemetry
    if not asked.endpoint:
        return None
    return checked(asked.endpoint, asked.headers.get_secret_value(), str(asked.ratio), asked.service)


def begin(settings: Settings, plane: str) -> None:
    """Record from now on, as `plane`, if there is a receiver. Raises `StationmasterError`."""
    recording.use(telemetry_of(settings), plane, __version__)
