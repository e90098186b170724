"""Which gateways do not go by a change yet. Owns nothing but the question: whoever hears of gateways answers it, and stands above
this app.
"""

from collections.abc import Callable
from datetime import timedelta

Behind = Callable[[int, timedelta], list[str]]
_sources: list[Behind] = []


def answered_by(source: Behind) -> None:
    """Name who knows which gateways, of those heard of within a time, serve from an earlier revision than one."""
    _sources[:] = [source]


def behind(revision: int, heard_within: timedelta) -> list[str]:
    """Their names."""
    return [name for source in _sources for name in source(revision, heard_within)]
