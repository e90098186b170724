"""Fuzz target for SCIM filters: the database finds whom the library's own evaluation of the same filter finds.

Filters are made of choices, by RFC 7644's grammar (section 3.4.2.2) and a little beside it; `populate` makes the people.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    InvalidFilterException,
    InvalidPathException,
    Resource,
    ResourceType,
    SCIMException,
    ScimProvider,
    SearchRequest,
)
from scim2_server.testing import SEARCH_USERS
from scim2_server.utils import parametrize

from databases import RING, copy_of_sqlite, open_database
from fuzz.chance import Choices
from scim.kit import SCIM
from stationmaster.entrances.scim import description
from stationmaster.people.scim.storage import PeopleStorage
from stationmaster.store import keyholder

_ATTRIBUTES = (
    "userName", "USERNAME", "displayName", "title", "name.givenName", "name.familyName", "active", "externalId", "id",
    "meta.created", "meta.lastModified", "emails", "emails.value", "emails.type", "groups.value", "groups", "nickName",
    "urn:ietf:params:scim:schemas:core:2.0:User:userName", "emails.primary", "nobody", "name", "meta.resourceType",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
)  # fmt: skip
_PARTS = ("value", "type", "TYPE", "primary", "display", "nobody")
_OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "EQ", "xx")
_VALUES = (
    '"alice"', '"ALICE"', '"dave_"', '"_%"', '"a"', '"%"', '""', '"work"', '"home"', '"Boss"', '"50% off"', "true", "false",
    "null",     "0", "1", "-1.5", "1e999", '"alice@work.example"', '"@"', '"2020-01-01T00:00:00Z"', '"9999-12-31T23:59:59-14:00"',
    '"2026-11-23T00:00:00"', '"20"', '"\\u0000"', '"\\ud800"', '"\\""', '"\u0130"', '"stra\u00dfe"', '"STRASSE"', '"\u01c5"',
)  # fmt: skip
_PEOPLE: list[dict[str, Any]] = [
    {"userName": "stra\u00dfe", "displayName": "\u0130stanbul", "title": "100%_\\'\""},
    {"userName": "o'brien; --", "externalId": "Ab", "name": {"givenName": "\u01c5", "familyName": "SMITH"}, "active": False},
]


def a_filter(choices: Choices, depth: int = 0) -> str:
    """A filter by what was chosen."""
    kind = choices.number(8)
    if kind == 6 and depth < 4:
        return f"{choices.one_of(('not ', 'NOT', ''))}({a_filter(choices, depth + 1)})"
    if kind in (4, 5) and depth < 4:
        return f"{a_filter(choices, depth + 1)} {choices.one_of(('and', 'or', 'AND', 'xor'))} {a_filter(choices, depth + 1)}"
    if kind == 7 and depth < 4:
        return f"{choices.one_of(('emails', 'groups', 'title'))}[{_within(choices, depth + 1)}]"
    return _term(choices, choices.one_of(_ATTRIBUTES))


def _within(choices: Choices, depth: int) -> str:
    kind = choices.number(6)
    if kind == 4 and depth < 4:
        return f"{_within(choices, depth + 1)} {choices.one_of(('and', 'or'))} {_within(choices, depth + 1)}"
    if kind == 5 and depth < 4:
        return f"not ({_within(choices, depth + 1)})"
    return _term(choices, choices.one_of(_PARTS))


def _term(choices: Choices, attribute: str) -> str:
    if choices.number(6) == 5:
        return f"{attribute} pr"
    value = choices.one_of((*_VALUES, "")) or f'"{choices.text()}"'
    return f"{attribute} {choices.one_of(_OPERATORS)} {value}"


@cache
def _provider() -> tuple[ScimProvider, ResourceType, Any]:
    provider = description.provider()
    user = next(each for each in provider.resource_types if each.name == "User")
    return provider, user, provider.model_for(user)


def populate() -> None:
    """The people that are searched, in the database that is open."""
    provider, user, model = _provider()
    storage = PeopleStorage(provider, SCIM)
    for each in [*SEARCH_USERS, *_PEOPLE]:
        storage.create(user, model.model_validate(each))
    _everybody.cache_clear()


@cache
def _everybody() -> list[Resource[Any]]:
    provider, user, model = _provider()
    return list(PeopleStorage(provider, SCIM).search([user], _request(model, None)).resources)


def _request(model: Any, text: str | None) -> SearchRequest[Any]:
    asked: Any = parametrize(SearchRequest, model)
    with _provider()[0]:
        made: SearchRequest[Any] = asked(filter=text, count=100)
    return made


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """A database of its own with the people in it."""
    with tempfile.TemporaryDirectory() as folder:
        keyholder.use(RING)
        open_database(f"sqlite:///{copy_of_sqlite(Path(folder))}", Path(folder))
        populate()
        yield


def filters(data: bytes) -> None:
    """Whom a filter finds, the library finds too; a filter that is not answered is refused as `invalidFilter`."""
    choices = Choices(data)
    text = choices.text() if choices.number(10) == 9 else a_filter(choices)
    provider, user, model = _provider()
    try:
        request = _request(model, text)
    except (ValidationError, SCIMException):
        return
    try:
        found = PeopleStorage(provider, SCIM).search([user], request)
    except (InvalidFilterException, InvalidPathException):
        return
    if request.filter is None:
        return
    with provider:
        wanted = [each.id for each in _everybody() if request.filter.match(each)]
    assert sorted(str(each.id) for each in found.resources) == sorted(map(str, wanted)), text
    assert found.total == len(wanted), text
