"""Where else a credential's secret is kept. Owns nothing but the questions: whoever publishes copies answers them, and stands
above this app.
"""

from collections.abc import Callable

from stationmaster.credentials.models import Credential

Behind = Callable[[Credential, int], list[str]]
Places = Callable[[Credential], list[str]]
_sources: list[Behind] = []
_places: list[Places] = []


def answered_by(source: Behind) -> None:
    """Name who knows where copies of a credential still hold another secret than the generation with this number."""
    if source not in _sources:
        _sources.append(source)


def behind(row: Credential, number: int) -> list[str]:
    """The names of those places."""
    return [name for source in _sources for name in source(row, number)]


def known_by(source: Places) -> None:
    """Name who knows where copies of a credential are, or may be."""
    if source not in _places:
        _places.append(source)


def places(row: Credential) -> list[str]:
    """The names of those places."""
    return [name for source in _places for name in source(row)]
