"""Where an error came from, for the log. Neither its text nor its values are told: they may hold anything."""

import traceback
from pathlib import Path


def place_of(error: BaseException) -> str:
    """Its type, and the last lines of code that it passed."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return f"{type(error).__name__} at {' > '.join(f'{Path(frame.filename).name}:{frame.lineno}' for frame in frames)}"
