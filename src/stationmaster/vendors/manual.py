"""A vendor without an interface: people do there what a plan's checklist says. Sends nothing, ever."""

import time
from collections.abc import Callable

from stationmaster.vendors._base import Access


class Adapter:
    """No capability at all."""

    def __init__(self, access: Access, *, strict: bool = False, sleep: Callable[[float], None] = time.sleep) -> None:  # noqa: ARG002
        self.vendor = access.vendor
