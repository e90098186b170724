"""What these tests share: a clock, and githubkit opened for an organisation."""

from collections.abc import Callable
from typing import Any

from githubkit import GitHub

from stationmaster.sandbox.admin import Organisation

Make = Callable[..., Organisation]


class Clock:
    """Unix seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        """Now."""
        return self.now

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Github:
    """githubkit for one organisation; every answer must be what GitHub's schemas say."""

    def __init__(self, organisation: Organisation, url: str) -> None:
        self._kit = GitHub(organisation.secret, base_url=url, http_cache=False, auto_retry=False, timeout=20)
        self.org = organisation.name

    @property
    def rest(self) -> Any:
        """The REST namespace of the pinned version."""
        return self._kit.rest("2026-03-10")
