"""Anthropic: what was used and what it cost. The vendor's page: https://platform.claude.com/docs/en/api/usage-cost-api; names
and payloads are those of anthropic 2.12."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from stationmaster.vendors._base import CostRow, UsageRow
from stationmaster.vendors.anthropic import rows
from stationmaster.vendors.anthropic.client import Client

_REPORT_DAYS = 31              # the longest range of a report
_REPORT_ROWS = 1000


class Use(Client):
    """Capability USAGE."""

    def usage(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        """Broken down by workspace, key, who and model."""
        group: Any = ["workspace_id", "api_key_id", "actor", "model"]
        return self._report(self._client.beta.organization.analytics.usage.list, since, until, group, rows.usage)

    def costs(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        """After discounts and before credits, broken down by workspace, key, who and model."""
        group: Any = ["workspace_id", "api_key_id", "actor", "model"]
        return self._report(self._client.beta.organization.analytics.cost.list, since, until, group, rows.cost)

    def _report(self, ask: Any, since: datetime, until: datetime, group: Any, read: Callable[[Any], Any]) -> Iterator[Any]:
        for start, end in _ranges(since.astimezone(UTC), until.astimezone(UTC)):
            about = {"starting_at": start, "ending_at": end, "time_bucket_width": "1d", "group_by": group, "limit": _REPORT_ROWS}
            yield from self._line.pages(lambda about=about: ask(**about), read)  # type: ignore[misc]


def _ranges(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[since, until) in pieces that one report takes."""
    while since < until:
        end = min(since + timedelta(days=_REPORT_DAYS), until)
        yield since, end
        since = end
