"""Azure OpenAI: whether a key of a resource works. People and roles are the directory's.

Over the v1 API (https://learn.microsoft.com/azure/ai-services/openai/api-version-lifecycle), which takes no `api-version`.
"""

import time
from collections.abc import Callable

from stationmaster.errors import Invalid
from stationmaster.line.line import Line, fit
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._probe import probe

_V1 = "/openai/v1"


class Adapter:
    """One resource; `access.base_url` is its endpoint, with or without `/openai/v1`. Raises `Invalid` without one."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        if not access.base_url:
            odd = "the endpoint of the resource is needed here"
            raise Invalid("error.vendor.bad_address", odd, fields={"base_url": odd})
        self._line = Line(access, base_url=access.base_url, authorise={"api-key": fit(access.secret)}, sleep=sleep)

    def probe(self) -> Probe:
        """Lists the models of the resource, which costs nothing."""
        return probe(self._line, "/models" if self._line.base_url.endswith(_V1) else f"{_V1}/models")
