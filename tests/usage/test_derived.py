"""What follows from requests: vendors, workspaces, failures, relative times; and one request alone."""

import time

import pytest

from controlkit import ADMIN
from stationmaster.credentials import services as credentials
from stationmaster.errors import Invalid, NotFound
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from usage.kit import request, sent


def _ids(*filters: tuple[str, str, str]) -> set[str]:
    found = usage.list_events(ADMIN, Query(filters=tuple(Filter(*each) for each in filters)))
    return {str(row["request_id"]) for row in found.items}


def _some() -> None:
    credentials.create_credential(ADMIN, {"name": "openai-a", "vendor": "openai", "secret": "sk-derived-0123456789abcdef"})
    sent(
        request(request_id="good"), request(request_id="bad", status=500), request(request_id="left", status=499),
        request(request_id="broke", error="error.upstream.cut"), request(request_id="elsewhere", credential="gone"),
        request(request_id="old", time=time.time() - 7200),
    )  # fmt: skip


def test_vendors_follow_from_credentials(database: str) -> None:
    """A filter by vendor is one over its credentials; what belongs to none that is here has the empty vendor."""
    _some()
    known = {"good", "bad", "left", "broke", "old"}
    assert _ids(("vendor", "eq", "openai")) == known
    assert _ids(("vendor", "ne", "openai")) == _ids(("vendor", "eq", "")) == {"elsewhere"}
    assert _ids(("vendor", "in", "openai,")) == known | {"elsewhere"}
    assert _ids(("workspace", "ne", "")) == set()
    with pytest.raises(Invalid):
        _ids(("vendor", "prefix", "open"))


def test_failed_is_what_counts_as_an_error(database: str) -> None:
    """The same requests as the errors of the sums: a client that left is none."""
    _some()
    assert _ids(("failed", "eq", "true")) == {"bad", "broke"}
    assert _ids(("failed", "eq", "false")) == {"good", "left", "elsewhere", "old"}
    with pytest.raises(Invalid):
        _ids(("failed", "eq", "maybe"))


def test_a_time_may_be_so_long_ago(database: str) -> None:
    """`-1h` is an hour before now, in any filter over times."""
    _some()
    assert "old" not in _ids(("at", "ge", "-1h"))
    assert "old" in _ids(("at", "ge", "-180m"))
    assert _ids(("at", "lt", "-1h")) == {"old"}
    with pytest.raises(Invalid):
        _ids(("at", "ge", "-1y"))
    with pytest.raises(Invalid):
        _ids(("at", "ge", "-999999d"))


def test_one_request_by_its_id(database: str) -> None:
    """As the list shows it; another id is not found, whatever it is made of."""
    _some()
    assert usage.get_event(ADMIN, "good")["status"] == 200
    for which in ("nosuch", "gòód", "a\0b"):
        with pytest.raises(NotFound):
            usage.get_event(ADMIN, which)
