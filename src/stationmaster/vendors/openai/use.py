"""OpenAI: what was used and what it cost. The vendor's pages: https://platform.openai.com/docs/api-reference/usage; names and
payloads are those of openai 3.54."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stationmaster.line.errors import Transient
from stationmaster.vendors._base import CostRow, UsageRow
from stationmaster.vendors.openai import rows
from stationmaster.vendors.openai.client import Client

_USAGE = ("completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions")
_DAYS, _COST_DAYS = 31, 180    # the most buckets of one day that an answer holds


class Use(Client):
    """Capability USAGE."""

    def usage(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        """Broken down by project, member, key and model; what counts no tokens counts requests."""
        group: Any = ["project_id", "user_id", "api_key_id", "model"]
        for kind in _USAGE:
            ask = getattr(self._org.usage, kind)
            yield from self._buckets(ask, since, until, group, _DAYS, rows.usage)

    def costs(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        """Broken down by project, key and line item."""
        group: Any = ["project_id", "line_item", "api_key_id"]
        return self._buckets(self._org.usage.costs, since, until, group, _COST_DAYS, rows.cost)

    def _buckets(self, ask: Any, since: datetime, until: datetime, group: Any, days: int, read: Any) -> Iterator[Any]:
        page: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            with self._line.mapped():
                answer = ask(start_time=int(since.timestamp()), end_time=int(until.timestamp()), bucket_width="1d",
                             group_by=group, limit=days, **page)  # fmt: skip
                found = [read(bucket, result) for bucket in answer.data for result in bucket.results]
                more = str(answer.next_page) if answer.has_more and answer.next_page else ""
            yield from found
            if not more:
                return
            if more in seen:
                raise Transient("the vendor's list does not end")
            seen.add(more)
            page = {"page": more}
