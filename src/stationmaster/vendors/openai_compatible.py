"""Anything that speaks OpenAI's API: whether a key works there. The call is that of
https://platform.openai.com/docs/api-reference/models/list, which is what such servers have in common by our experience only."""

import time
from collections.abc import Callable

from stationmaster.errors import Invalid
from stationmaster.line.line import Line, bearer
from stationmaster.vendors._base import Access, Probe
from stationmaster.vendors._probe import probe


class Adapter:
    """One server; `access.base_url` is what `/models` is added to, as SDKs take it. Servers that ask for no credential get none.
    Raises `Invalid` without an address."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        if not access.base_url:
            odd = "the address of the server is needed here"
            raise Invalid("error.vendor.bad_address", odd, fields={"base_url": odd})
        authority = bearer(access.secret) if access.secret else {}
        self._line = Line(access, base_url=access.base_url, authorise=authority, sleep=sleep)

    def probe(self) -> Probe:
        """Lists the models, which costs nothing. Some servers answer that to anybody: then this proves the address only."""
        return probe(self._line, "/models")
