"""Lists: searched, filtered, sorted and paged by the database, the same on every one."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlkit import ADMIN, a_credential
from stationmaster.credentials.models import Credential
from stationmaster.credentials.services import CREDENTIALS, create_credential, export_credentials, list_credentials
from stationmaster.errors import Invalid
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Page, Query

NAMES = ["a", "B", "b", "Zeta", "_", "a-1", "a.1", "a10", "a2", "ab"]


def store(*names: str, **more: Any) -> None:
    """Store credentials with these names."""
    with change(ADMIN):
        for name in names:
            create_credential(ADMIN, a_credential(name, **more))


@pytest.fixture
def ten(database: str) -> str:
    """Ten credentials whose names sort differently by bytes and by language."""
    names = [name if name != "_" else "0_" for name in NAMES]
    store(*names)
    return database


def names(page: Page) -> list[str]:
    """The names on a page."""
    return [str(item["name"]) for item in page.items]


def walk(query: Query) -> Iterator[Page]:
    """Every page of a query."""
    page = list_credentials(ADMIN, query)
    yield page
    while page.next:
        page = list_credentials(ADMIN, replace(query, cursor=page.next))
        yield page


def walked(query: Query) -> list[str]:
    """The names on every page of a query."""
    return [name for page in walk(query) for name in names(page)]


@pytest.mark.parametrize("down", [False, True])
def test_pages_are_the_whole_list_in_byte_order(ten: str, down: bool) -> None:
    """Pages of any size put together are the list, sorted by bytes on every database; the last has no cursor."""
    expected = sorted((name if name != "_" else "0_" for name in NAMES), reverse=down)
    for limit in (1, 2, 3, 9, 10, 11):
        pages = list(walk(Query(sort="-name" if down else "name", limit=limit)))
        assert [name for page in pages for name in names(page)] == expected
        assert [page.total for page in pages] == [10] * len(pages)
        assert len(pages) == -(-10 // limit)


def test_equal_values_are_parted_by_id(ten: str) -> None:
    """A column in which all rows are equal still gives each row once."""
    for sort in ("vendor", "-vendor", "disabled", "-created_at", "revision"):
        assert sorted(walked(Query(sort=sort, limit=3))) == sorted(walked(Query(sort="name")))


def test_pages_stay_right_while_rows_come_and_go(ten: str) -> None:
    """Rows that are added or deleted between two pages shift nothing: what stood all along is shown exactly once."""
    first = list_credentials(ADMIN, Query(sort="name", limit=4))
    store("0000", "a3", "zzz")
    with change(ADMIN) as edit:
        edit.delete(Credential.objects.get(name=names(first)[0]))
        edit.delete(Credential.objects.get(name="a2"))
    seen = names(first) + walked(Query(sort="name", limit=4, cursor=first.next))
    assert len(seen) == len(set(seen))
    stood = {"a", "B", "b", "Zeta", "0_", "a-1", "a.1", "a10", "ab"}
    assert stood <= set(seen)
    assert {"a3", "zzz"} <= set(seen)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(["name", "-name", "vendor", "-created_at"]), min_size=1, max_size=1), st.integers(1, 12))
def test_any_order_any_size(ten: str, sort: list[str], limit: int) -> None:
    """Whatever the order and the size of pages, no row is left out and none comes twice."""
    assert sorted(walked(Query(sort=sort[0], limit=limit))) == sorted(walked(Query()))


FILTERS: list[tuple[str, str, object, Any]] = [
    ("name", "eq", "b", {"b"}), ("name", "ne", "b", None), ("name", "in", "a,b,nobody", {"a", "b"}),
    ("name", "in", ["a", "B"], {"a", "B"}), ("name", "prefix", "a", {"a", "a-1", "a.1", "a10", "a2", "ab"}),
    ("name", "prefix", "A", set()), ("name", "contains", "1", {"a-1", "a.1", "a10"}), ("name", "contains", "%", set()),
    ("name", "contains", "Z", {"Zeta"}), ("name", "contains", "z", set()), ("name", "contains", "_", {"0_"}),
    ("disabled", "eq", "true", set()), ("vendor", "eq", "gemini", set()), ("revision", "ge", "1", "all"),
    ("revision", "gt", "1", set()), ("revision", "lt", 1.5, "all"), ("created_at", "ge", "2020-01-01", "all"),
    ("created_at", "lt", "2020-01-01T00:00:00+05:00", set()), ("health", "eq", "unknown", "all"),
]


def test_filters(ten: str) -> None:
    """Each comparison finds the same rows on every database, capitals and wildcards included."""
    everything = set(walked(Query()))
    for field, op, value, expected in FILTERS:
        wanted = everything if expected == "all" else everything - {"b"} if expected is None else expected
        page = list_credentials(ADMIN, Query(filters=(Filter(field, op, value),)))
        assert set(names(page)) == wanted, (field, op, value)
        assert page.total == len(wanted)


def test_filters_hold_together(ten: str) -> None:
    """Several filters and a search narrow one another."""
    query = Query(search="a", filters=(Filter("name", "prefix", "a"), Filter("name", "ne", "ab")))
    assert set(walked(query)) == {"a", "a-1", "a.1", "a10", "a2"}


def test_search_goes_by_words_and_folds_case(database: str) -> None:
    """All words have to occur, in any field and any case, in any script."""
    store("one", organisation="Straße ÄRGER")
    store("two", organisation="上海 分公司")
    store("three", organisation="100% _real_")
    for search, found in {
        "STRASSE": ["one"], "ärger one": ["one"], "ärger two": [], "分公": ["two"], "OPENAI": ["one", "three", "two"],
        "100%": ["three"], "%": ["three"], "_real_": ["three"], "l_": ["three"], "\\": [],
    }.items():
        assert sorted(walked(Query(search=search))) == found, search


IMPOSSIBLE = [
    Query(sort="secret"), Query(sort="id; DROP TABLE"), Query(sort="health_cause"), Query(sort="--name"),
    Query(filters=(Filter("secret", "eq", "x"),)), Query(filters=(Filter("name", "regex", ".*"),)),
    Query(filters=(Filter("memberships__pool", "eq", "x"),)), Query(filters=(Filter("name", "eq", "a\0b"),)),
    Query(filters=(Filter("revision", "eq", "many"),)), Query(filters=(Filter("revision", "eq", "nan"),)),
    Query(filters=(Filter("revision", "eq", "9" * 30),)), Query(filters=(Filter("created_at", "lt", "yesterday"),)),
    Query(filters=(Filter("disabled", "eq", "maybe"),)), Query(filters=(Filter("disabled", "lt", "true"),)),
    Query(filters=(Filter("name", "in", ["x"] * 501),)), Query(filters=(Filter("name", "eq", "x" * 5000),)),
    Query(search="x" * 201), Query(search="a\0"), Query(search="\ud800"),
    Query(filters=(Filter("name", "eq", "\ud800"),)), Query(limit=0), Query(limit=501), Query(limit=-1),
    Query(cursor="nonsense"), Query(cursor="W10:abc"),
]


MISTAKEN = [
    ("health", "eq", "helthy", 'did you mean "healthy"?'), ("vendor", "in", "openai,opeani", 'did you mean "openai"?'),
    ("vendor", "in", ["Anthropic"], 'did you mean "anthropic"?'), ("override", "ne", "sideways", ""), ("health", "eq", "", ""),
]


def test_a_value_that_no_row_can_have(ten: str) -> None:
    """Where a field has a fixed set of values, another one is a mistake, and no empty list: it is not repeated, those there are
    and the nearest are named. Parts of a value are asked for as ever, and so is an empty one where there is one."""
    for field, op, value, hint in MISTAKEN:
        with pytest.raises(Invalid) as caught:
            list_credentials(ADMIN, Query(filters=(Filter(field, op, value),)))
        assert caught.value.message.startswith(f"{field}: is one of "), field
        assert (caught.value.code, caught.value.hint) == ("error.list.bad_filter", hint)
        assert "opeani" not in caught.value.message
        assert "Anthropic" not in caught.value.message
    assert "unknown, healthy, cooling" in str(list_error("health", "bogus"))
    assert '"in", "out"' not in str(list_error("override", "bogus"))
    assert 'in, out, ""' in str(list_error("override", "bogus"))
    for field, op, value in (("health", "prefix", "unk"), ("health", "contains", "know"), ("override", "eq", ""),
                             ("vendor", "ne", "gemini"), ("health", "in", "healthy,unknown")):  # fmt: skip
        assert list_credentials(ADMIN, Query(filters=(Filter(field, op, value),))).total == 10, (field, op)


def list_error(field: str, value: str) -> Invalid:
    """What a filter is refused with."""
    with pytest.raises(Invalid) as caught:
        list_credentials(ADMIN, Query(filters=(Filter(field, "eq", value),)))
    return caught.value


def test_what_cannot_be_asked(ten: str) -> None:
    """A query that cannot be is refused with its field named, before the database is asked for rows."""
    for query in IMPOSSIBLE:
        with CaptureQueriesContext(connection) as asked, pytest.raises(Invalid) as caught:
            list_credentials(ADMIN, query)
        assert caught.value.code in {"error.list.bad_filter", "error.list.bad_cursor"}, query
        assert caught.value.status == 422
        assert len(asked) <= 1


def test_a_cursor_is_good_for_its_list_only(ten: str) -> None:
    """A cursor of another order or another list, or one that was changed, is refused."""
    cursor = list_credentials(ADMIN, Query(sort="name", limit=2)).next
    queries = [Query(sort="-name", cursor=cursor), *(Query(sort="name", cursor=text) for text in (cursor[:-2], "A" + cursor))]
    for query in queries:
        with pytest.raises(Invalid, match="cursor"):
            list_credentials(ADMIN, query)


def test_did_you_mean(ten: str) -> None:
    """A misspelt column is answered with the one that was meant."""
    with pytest.raises(Invalid, match=r"^vender: is none of id, name, vendor, ") as caught:
        list_credentials(ADMIN, Query(sort="vender"))
    assert caught.value.hint == 'did you mean "vendor"?'


HOSTILE = ["'; DROP TABLE credentials_credential; --", '" OR 1=1 --', "%' OR '1'='1", "\\", "a') OR ('1'='1"]


def test_values_are_parameters(ten: str) -> None:
    """What a caller writes reaches the database as a parameter: it finds nothing and does nothing."""
    for value in HOSTILE:
        for query in (Query(search=value), *(Query(filters=(Filter("name", op, value),)) for op in ("eq", "prefix", "contains"))):
            assert list_credentials(ADMIN, query).items == []
    assert Credential.objects.count() == 10


def test_a_page_takes_few_queries(database: str) -> None:
    """A page costs the same few queries however many rows it has."""
    store("a")
    with CaptureQueriesContext(connection) as one:
        list_credentials(ADMIN, Query())
    store(*(f"n{number}" for number in range(30)))
    with CaptureQueriesContext(connection) as many:
        list_credentials(ADMIN, Query())
    assert len(one) == len(many) == 2


def test_export_is_the_list(database: str) -> None:
    """JSON, JSON lines and CSV hold every row that the list has, in its order, over more rows than a page may have."""
    store(*(f"n{number:04}" for number in range(530)))
    query = Query(sort="name", limit=7, filters=(Filter("name", "prefix", "n0"),))
    expected = [f"n{number:04}" for number in range(530)]
    assert [row["name"] for row in json.loads("".join(export_credentials(ADMIN, query, "json")))] == expected
    assert [json.loads(line)["name"] for line in export_credentials(ADMIN, query, "jsonl")] == expected
    rows = list(csv.DictReader(io.StringIO("".join(export_credentials(ADMIN, query, "csv")))))
    assert [row["name"] for row in rows] == expected
    assert {row["secret_set"] for row in rows} == {"true"}


def test_empty_exports(database: str) -> None:
    """An export of nothing is still a file of its format."""
    assert json.loads("".join(export_credentials(ADMIN, Query(), "json"))) == []
    assert "".join(export_credentials(ADMIN, Query(), "jsonl")) == ""
    assert "".join(export_credentials(ADMIN, Query(), "csv")).startswith("id,name,")


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0", "\n=1+1", "\uff1d1+1", "\uff0b1", "\uff0d1",
            "\uff20SUM(A1)"]  # fmt: skip


def test_formulas_are_defused(database: str) -> None:
    """A cell that a spreadsheet would run begins with a quote in CSV, and is as it was in JSON."""
    for number, text in enumerate(FORMULAS):
        store(f"{number:02}", disabled_reason=text)
    query = Query(sort="name")
    rows = list(csv.DictReader(io.StringIO("".join(export_credentials(ADMIN, query, "csv")), newline="")))
    assert [row["disabled_reason"] for row in rows] == [f"'{text}" for text in FORMULAS]
    rows = json.loads("".join(export_credentials(ADMIN, query, "json")))
    assert [row["disabled_reason"] for row in rows] == FORMULAS


def test_columns_are_not_null() -> None:
    """Every column that lists sort by holds a value in every row: where one could be missing, pages would lose rows."""
    fields = {field.name: field for field in Credential._meta.concrete_fields}
    stored = [column.where for column in CREDENTIALS.columns if column.sortable and column.where != "ends_at"]
    assert not [where for where in stored if fields[where].null]


def test_no_end_is_the_last_one(database: str) -> None:
    """Sorted by their end, page by page, credentials that never end come last, and none is lost between two pages."""
    for name, end in (("later", "2031-01-01T00:00:00Z"), ("soon", "2030-01-01T00:00:00Z")):
        store(name, expires_at=end)
    store("never", "ever")
    found = walked(Query(sort="expires_at", limit=1))
    assert found[:2] == ["soon", "later"]
    assert sorted(found[2:]) == ["ever", "never"]
    assert walked(Query(sort="-expires_at", limit=1)) == found[::-1]
