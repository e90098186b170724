"""new-api: its channels, over the interface of both generations that are known.

https://docs.newapi.pro (authentication, channels). The marker stands in a channel's remark, and a tag says that it is ours; both
are listed and neither is searched, so that all channels are read, and a new one is looked for by its name. A key is never
searched for: the query would stand in logs.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from stationmaster.errors import Invalid
from stationmaster.line.errors import NotFound, Transient
from stationmaster.line.line import Line, bearer, fit
from stationmaster.targets._base import Access, Wanted
from stationmaster.targets._channels import CHANNELS, LONGEST_NAME, MEANING, OFF, ON, TYPES, ChannelAdapter
from stationmaster.targets.addresses import root
from stationmaster.targets.matching import marker, owner_in

TAG = "stationmaster"
PAGE = 100
MOST_PAGES = 1_000
READINGS = 3                   # of a list that changes while it is read


class Adapter(ChannelAdapter):
    """One gateway. `access.user` is the number of the user whom the token belongs to."""

    TITLE = "new-api"

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        if not access.user.isdecimal():
            told = {"user": "the number of the user whom the access token belongs to"}
            raise Invalid("error.target.bad_user", "new-api wants the user's number beside the token", fields=told)
        authority = bearer(access.secret, "target") | {"new-api-user": fit(access.user, "target")}
        super().__init__(Line(access, base_url="", authorise=authority, meaning=MEANING, sleep=sleep))

    def _is_page(self, data: Any) -> bool:
        return isinstance(data, Mapping) and "items" in data

    def _rows(self, wanted: Wanted | None = None) -> list[Mapping[str, Any]]:
        path, params = (f"{CHANNELS}search", {"keyword": self._marks(wanted)["name"]}) if wanted else (CHANNELS, {})
        for _ in range(READINGS):
            found, totals = self._pages(path, params)
            if totals == {len(found)}:
                return list(found.values())
        raise Transient("the list of channels changed while it was read")

    def _pages(self, path: str, params: Mapping[str, str]) -> tuple[dict[int, Mapping[str, Any]], set[int]]:
        """Every channel by its id, newest first, and how many there are by each page: rows are missed where that moves."""
        found: dict[int, Mapping[str, Any]] = {}
        totals: set[int] = set()
        for page in range(1, MOST_PAGES + 1):
            told = self._line.ask("GET", path, params={"p": page, "page_size": PAGE, "id_sort": "true", **params})["data"]
            found |= {int(row["id"]): row for row in told["items"] or ()}
            totals.add(int(told["total"]))
            if not told["items"] or page * int(told.get("page_size") or PAGE) >= int(told["total"]):
                return found, totals
        raise Transient("the list of channels does not end")

    def _type(self, wanted: Wanted) -> tuple[int, str]:
        """It adds the version itself whatever the type."""
        return TYPES["openai" if wanted.vendor == "openai_compatible" else wanted.vendor], root(wanted)

    def _marks(self, wanted: Wanted) -> dict[str, Any]:
        return {"name": wanted.name[:LONGEST_NAME], "tag": TAG, "remark": marker(wanted.id)}

    def _named(self, row: Mapping[str, Any]) -> tuple[str, str]:
        return owner_in(row.get("remark")), str(row["name"])

    def _body(self, channel: dict[str, Any]) -> dict[str, Any]:
        return {"mode": "single", "channel": channel}

    def _switch(self, channel: int, enabled: bool) -> None:
        """The route of newer releases; older ones do not have it, and take the status in an update."""
        status = ON if enabled else OFF
        try:
            self._line.ask("POST", f"{CHANNELS}{channel}/status", body={"status": status})
        except NotFound:
            self._line.ask("PUT", CHANNELS, body={"id": channel, "status": status})
