"""Gemini API: whether a key works. Keys belong to a Google Cloud project, people and roles to its directory.

https://ai.google.dev/gemini-api/docs/api-key. Listing models shows that a key is known, not that it may generate: keys that are
bound to a service account can be refused there all the same.
"""

import time
from collections.abc import Callable

from stationmaster.line.line import Line, fit
from stationmaster.line.meaning import Meaning
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._google import read
from stationmaster.vendors._probe import probe

BASE = "https://generativelanguage.googleapis.com"
PATH = "/v1beta/models"


class Adapter:
    """One key, sent as a header: in the address it would be in logs."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        key = {"x-goog-api-key": fit(access.secret)}
        self._line = Line(access, base_url=BASE, authorise=key, meaning=Meaning(read=read), sleep=sleep)

    def probe(self) -> Probe:
        """Lists one model, which costs nothing."""
        return probe(self._line, PATH, {"pageSize": "1"})
