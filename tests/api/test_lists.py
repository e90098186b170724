"""Lists: pages, filters, order, search, files; the same for every kind of thing."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from api.kit import Callers, code
from controlkit import ADMIN, a_credential
from stationmaster.credentials import services as credentials
from stationmaster.entrances.api.resources import RESOURCES
from stationmaster.routing import services as routing
from usage.kit import request, sent

PATHS = [thing.path for thing in RESOURCES]


def _keys(*names: str) -> None:
    for name in names:
        routing.create_key(ADMIN, {"name": name, "owner": f"Owner {name}"})


def _names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


@pytest.mark.parametrize("path", PATHS)
def test_every_list_takes_the_same_questions(callers: Callers, path: str) -> None:
    """Every list pages, orders by each of its fields both ways, filters by each, comes as every kind of file, and refuses
    what it does not know."""
    thing = next(each for each in RESOURCES if each.path == path)
    _something()
    asked = callers["admin"]
    whole = asked.get(path, params={"limit": 500}).json()
    assert whole["total"] == len(whole["items"])
    assert whole["next"] == ""
    for column in thing.listing.columns:
        if column.sortable:
            for sort in (column.name, f"-{column.name}"):
                assert asked.get(path, params={"sort": sort}).json()["total"] == whole["total"], sort
        if whole["items"] and column.name in whole["items"][0]:
            value = whole["items"][0][column.name]
            text = str(value).lower() if isinstance(value, bool) else str(value).rstrip("…")
            if text and value is not None and not (column.kind == "number" and isinstance(value, str)):
                found = asked.get(path, params={"filter": f"{column.name}:eq:{text}"})
                assert whole["items"][0] in found.json()["items"], (column.name, found.text)
    for wrong in ({"sort": "nothing"}, {"filter": "nothing:eq:1"}, {"filter": "x"}, {"limit": "0"}, {"limit": "501"},
                  {"limit": "²"}, {"cursor": "x"}, {"nothing": "1"}, {"format": "xml"}, {"sort": ["id", "name"]}):  # fmt: skip
        refused = asked.get(path, params=wrong)
        assert (refused.status_code, refused.json()["error"]["retryable"]) == (422, False), wrong


@pytest.mark.parametrize("path", [thing.path for thing in RESOURCES if thing.export is not None])
def test_a_file_is_the_list(callers: Callers, path: str) -> None:
    """What is exported, as CSV, JSON and JSON lines, is what the pages of the same question show, in their order."""
    _something()
    question = {"sort": next(each.name for each in _thing(path).listing.columns if each.sortable), "limit": 2}
    items = _all(callers["admin"], path, question)
    assert items
    as_json = callers["admin"].get(path, params={**question, "format": "json"})
    assert as_json.json() == items
    lines = callers["admin"].get(path, params={**question, "format": "jsonl"})
    assert [json.loads(line) for line in lines.text.splitlines()] == items
    for table in (callers["admin"].get(path, params={**question, "format": "csv"}),
                  callers["admin"].get(path, params=question, headers={"accept": "text/csv"})):  # fmt: skip
        assert table.headers["content-type"] == "text/csv; charset=utf-8"
        assert table.headers["content-disposition"].startswith("attachment; filename=")
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert [list(row) for row in rows] == [list(item) for item in items]
        key = _thing(path).listing.key
        assert [row[key] for row in rows] == [str(item[key]) for item in items]


def test_an_empty_list_is_a_file_too(callers: Callers) -> None:
    """A list of nothing is an empty array, a head line, or no line."""
    answers = {form: callers["admin"].get("pools", params={"format": form}).text for form in ("json", "csv", "jsonl")}
    assert json.loads(answers["json"]) == []
    assert answers["csv"].startswith("id,name")
    assert answers["jsonl"] == ""


def test_a_spreadsheet_gets_no_formula(callers: Callers) -> None:
    """A cell that a spreadsheet would run is quoted in CSV, and left as it is in JSON."""
    routing.create_key(ADMIN, {"name": "evil", "owner": '=HYPERLINK("http://x")'})
    rows = list(csv.DictReader(io.StringIO(callers["admin"].get("keys", params={"format": "csv"}).text)))
    assert rows[0]["owner"] == "'=HYPERLINK(\"http://x\")"
    assert callers["admin"].get("keys").json()["items"][0]["owner"] == '=HYPERLINK("http://x")'


def test_pages_stay_right_while_rows_are_added(callers: Callers) -> None:
    """Whoever goes through the pages sees each row that stood at the beginning once, whatever is added or deleted
    meanwhile before or behind them."""
    _keys(*(f"k{number:02}" for number in range(0, 20, 2)))
    for sort in ("name", "-name", "created_at", "-created_at"):
        stood = set(_names(callers["admin"].get("keys", params={"limit": 100})))
        seen: list[str] = []
        cursor = ""
        for turn in range(100):
            page = callers["admin"].get("keys", params={"limit": 3, "sort": sort, "cursor": cursor}).json()
            seen += [item["name"] for item in page["items"]]
            cursor = page["next"]
            if not cursor:
                break
            routing.create_key(ADMIN, {"name": f"a{sort}{turn}".replace("_", "")})
            routing.create_key(ADMIN, {"name": f"z{sort}{turn}".replace("_", "")})
        assert len(seen) == len(set(seen))
        assert stood <= set(seen)


def test_a_cursor_is_for_its_own_question(callers: Callers) -> None:
    """A cursor of another list or order, or one that was changed, is refused."""
    _keys("a", "b", "c")
    cursor = callers["admin"].get("keys", params={"limit": 1, "sort": "name"}).json()["next"]
    for path, params in (("keys", {"sort": "-name"}), ("pools", {"sort": "name"}), ("keys", {})):
        assert callers["admin"].get(path, params={**params, "cursor": cursor}).status_code == 422
    changed = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    assert code(callers["admin"].get("keys", params={"sort": "name", "cursor": changed})) == "error.list.bad_cursor"


_QUESTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"search": "OWNER al"}, ["alpha"]), ({"filter": "name:prefix:b"}, ["beta"]), ({"filter": "name:contains:et"}, ["beta"]),
    ({"filter": "name:in:alpha,beta"}, ["alpha", "beta"]), ({"filter": ["name:ne:alpha", "name:ne:beta"]}, ["gamma"]),
    ({"filter": "owner:eq:Owner gamma"}, ["gamma"]), ({"filter": "disabled:eq:true"}, []),
    ({"filter": "created_at:gt:2020-01-01T00:00:00+00:00"}, ["alpha", "beta", "gamma"]), ({"search": "' OR 1=1 --"}, []),
    ({"filter": "name:eq:a:b"}, []), ({"filter": "name:contains:%"}, []), ({"filter": "name:prefix:_"}, []),
]  # fmt: skip
_IMPOSSIBLE = ("name:like:x", "created_at:gt:yesterday", "disabled:eq:maybe", "revision:gt:x", "name", "name:eq",
               "revision:eq:99999999999999999999", "created_at:eq:9999-99-99")  # fmt: skip


def test_filters_and_search(callers: Callers) -> None:
    """Filters hold together, text is taken as it is written, search finds words in any case."""
    _keys("alpha", "beta", "gamma")
    for params, expected in _QUESTIONS:
        assert _names(callers["admin"].get("keys", params={"sort": "name", **params})) == expected, params


def test_filters_that_cannot_be(callers: Callers) -> None:
    """A comparison or value that a field does not take is told, under the field's name."""
    for bad in _IMPOSSIBLE:
        refused = callers["admin"].get("keys", params={"filter": bad})
        assert (refused.status_code, code(refused)) == (422, "error.list.bad_filter"), bad
        assert refused.json()["error"]["fields"]


def test_a_value_that_no_row_can_have(callers: Callers) -> None:
    """Of a field with a fixed set of values another one is refused, with those there are and the nearest: an empty list would
    say that nothing is in that state."""
    for path, asked in (("jobs", "state:eq:runing"), ("seats", "state:in:active,runing"), ("people", "source:ne:runing"),
                        ("audit", "actor_kind:eq:runing"), ("jobs", "kind:eq:runing")):  # fmt: skip
        refused = callers["admin"].get(path, params={"filter": asked})
        assert (refused.status_code, code(refused)) == (422, "error.list.bad_filter"), path
        assert refused.json()["error"]["fields"][asked.partition(":")[0]].startswith("is one of ")
    told = callers["admin"].get("jobs", params={"filter": "state:eq:runing"}).json()["error"]
    assert told["message"] == "state: is one of queued, running, succeeded, partial, failed, cancelled"
    assert told["hint"] == 'did you mean "running"?'
    assert callers["admin"].get("jobs", params={"filter": "state:eq:running"}).json()["items"] == []


def _something() -> None:
    """Two things of most kinds."""
    from stationmaster.operators import services as operators
    from stationmaster.workspaces import addresses
    from stationmaster.workspaces import services as workspaces

    for name in ("one", "two"):
        credentials.create_credential(ADMIN, a_credential(name, secret=f"sk-proj-{name}-Qc8AZr2vTn5mXw0y"))
        routing.create_pool(ADMIN, {"name": name, "members": [{"credential": name}]})
        routing.create_route(ADMIN, {"models": [f"{name}-*"], "pool": name})
        routing.create_key(ADMIN, {"name": name, "owner": "ada", "expires": "2099-01-01"})
        workspaces.create_workspace(ADMIN, {"name": name, "vendor": "openai", "secret": f"sk-admin-{name}-Lp3kVb7dHs9qWe1t"})
        addresses.allow_address(ADMIN, {"name": f"10.0.0.{len(name)}" if name == "one" else "10.9.0.0/16", "reason": "ours"})
        operators.create_gateway_token(ADMIN, {"name": name})
        sent(request(), gateway=f"gw-{name}")


def _thing(path: str) -> Any:
    return next(each for each in RESOURCES if each.path == path)


def _all(client: httpx.Client, path: str, question: dict[str, Any]) -> list[Any]:
    items, cursor = [], ""
    while True:
        page = client.get(path, params={**question, "cursor": cursor}).json()
        items += page["items"]
        cursor = page["next"]
        if not cursor:
            return items
