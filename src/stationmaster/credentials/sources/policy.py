"""What sources may use of the machine they run on, as this process's settings say: never what somebody sent."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stationmaster.settings import Settings


@dataclass(frozen=True)
class SourcePolicy:
    """`folder`: where files with identity tokens are (None: none are read); `ambient`: whether the machine's own identity may be
    used."""

    folder: Path | None = None
    ambient: bool = False


def policy_of(settings: "Settings") -> SourcePolicy:
    """The part of the settings that is about it."""
    return SourcePolicy(settings.identity.folder, settings.identity.ambient)


class _Source:
    """Where this process asks."""

    ask: Callable[[], SourcePolicy] = staticmethod(SourcePolicy)


def use(source: Callable[[], SourcePolicy]) -> None:
    """Ask `source` for the policy from now on."""
    _Source.ask = staticmethod(source)


def policy() -> SourcePolicy:
    """The policy as it is now."""
    return _Source.ask()
