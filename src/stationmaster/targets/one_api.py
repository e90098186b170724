"""one-api: its channels over the admin interface of 0.6.x.

The marker stands at the beginning of a channel's name, the only text that it searches. Its admin's access token goes as Bearer.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from stationmaster.line.line import Line, bearer
from stationmaster.targets._base import Access, Wanted
from stationmaster.targets._channels import CHANNELS, LONGEST_NAME, MEANING, OFF, ON, TYPES, ChannelAdapter
from stationmaster.targets.addresses import full, root
from stationmaster.targets.matching import MARKER, marker, owner_in

COMPATIBLE = 50                # a type that takes the address with its version, as an SDK does


class Adapter(ChannelAdapter):
    """One gateway."""

    TITLE = "one-api"

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(Line(access, base_url="", authorise=bearer(access.secret, "target"), meaning=MEANING, sleep=sleep))

    def _is_page(self, data: Any) -> bool:
        return isinstance(data, list)

    def _rows(self, wanted: Wanted | None = None) -> list[Mapping[str, Any]]:
        """One search by the beginning of the name finds all of ours at once; pages would be of ten."""
        beginning = marker(wanted.id if wanted else "")
        found = self._line.ask("GET", f"{CHANNELS}search", params={"keyword": beginning})["data"]
        return list(found or ())

    def _type(self, wanted: Wanted) -> tuple[int, str]:
        if wanted.vendor == "openai_compatible":
            return COMPATIBLE, full(wanted)
        return TYPES[wanted.vendor], root(wanted)

    def _marks(self, wanted: Wanted) -> dict[str, Any]:
        return {"name": f"{marker(wanted.id)} {wanted.name}".strip()[:LONGEST_NAME].rstrip()}

    def _named(self, row: Mapping[str, Any]) -> tuple[str, str]:
        text = str(row["name"])
        if not text.startswith(MARKER):
            return "", text
        first, _, rest = text.partition(" ")
        return owner_in(first), rest

    def _body(self, channel: dict[str, Any]) -> dict[str, Any]:
        return channel

    def _switch(self, channel: int, enabled: bool) -> None:
        self._line.ask("PUT", CHANNELS, body={"id": channel, "status": ON if enabled else OFF})
