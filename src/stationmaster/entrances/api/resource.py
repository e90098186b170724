"""Things that can be listed, read, made, changed and deleted. Owns: the operations that all of them share, and their
descriptions. What they do is the services'; one `Resource` says which.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import answering, asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import FAILURE, operation, parameters
from stationmaster.entrances.api.replay import write
from stationmaster.store.actor import Actor
from stationmaster.store.export import Format
from stationmaster.store.listing import Listing, Page, Query

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """One kind of thing. `path` is its folder, `one` its name in the singular; `body` describes what makes one, `example` is
    one as it is shown, `given` what made it. Functions that are None do not exist for it; `create` returns the row, and
    what is shown besides this once."""

    path: str
    one: str
    listing: Listing
    example: Given
    page: Callable[[Actor, Query], Page]
    export: Callable[[Actor, Query, Format], Iterator[str]] | None = None
    get: Callable[[Actor, str], Given] | None = None
    create: Callable[[Actor, Given], tuple[Given, Given]] | None = None
    update: Callable[[Actor, str, Given, int | None], Given] | None = None
    delete: Callable[[Actor, str, int | None], None] | None = None
    body: schemas.Schema = field(default_factory=dict)
    given: Given = field(default_factory=dict)
    changed: Given = field(default_factory=dict)
    shown_once: Given = field(default_factory=dict)
    once_nullable: bool = False
    nullable: frozenset[str] = frozenset()
    maps: frozenset[str] = frozenset()
    detail: Given = field(default_factory=dict)      # what one alone shows besides
    many: str = ""                                   # its name in the plural, where the path is not that

    @property
    def name(self) -> str:
        """For operation ids and file names: the path in one word."""
        return self.path.strip("/").replace("/", "_").replace("-", "_")

    @property
    def a(self) -> str:
        """Its name with an article."""
        return f"{'an' if self.one[0].lower() in 'aeiou' else 'a'} {self.one}"

    def schema(self, more: Given | None = None) -> schemas.Schema:
        """Of one as it is shown."""
        return schemas.of_example({**self.example, **(more or {})}, self.nullable, self.maps)


def mount(router: Router, thing: Resource) -> None:
    """Add its operations."""
    _add_list(router, thing)
    if thing.create is not None:
        _add_create(router, thing, thing.create)
    if thing.get is not None:
        _add_get(router, thing, thing.get)
    if thing.update is not None:
        _add_update(router, thing, thing.update)
    if thing.delete is not None:
        _add_delete(router, thing, thing.delete)


def _add_list(router: Router, thing: Resource) -> None:
    page = {"items": [thing.example], "next": "", "total": 1}
    columns = ", ".join(f"`{column.name}`" for column in thing.listing.columns)
    text = f"Filters and orders by {columns}.{'' if thing.listing.search else ' There is no search.'}"

    @router.get(f"/{thing.path}", **operation(
        f"list_{thing.name}", f"List {thing.many or thing.path.replace('-', ' ')}", thing.path, text,
        parameters=parameters("list"), success=schemas.content(schemas.page_of(thing.schema()), page),
        file=thing.export is not None,
    ))  # fmt: skip
    def list_(request: HttpRequest) -> HttpResponseBase:
        return listed(request, thing.name, thing.page, thing.export)


def _add_create(router: Router, thing: Resource, create: Callable[[Actor, Given], tuple[Given, Given]]) -> None:
    shown = {**thing.example, **thing.shown_once}
    once = frozenset(thing.shown_once) if thing.once_nullable else frozenset()
    schema = schemas.of_example(shown, thing.nullable | once, thing.maps)

    @router.post(f"/{thing.path}", **operation(
        f"create_{thing.name}", f"Make {thing.a}", thing.path, _once(thing), parameters=parameters("idempotency"),
        body=schemas.content(thing.body, thing.given), success=schemas.content(schema, shown), status=201,
    ))  # fmt: skip
    def create_(request: HttpRequest) -> HttpResponse:
        actor, given = actor_of(request), asking.body(request)
        asking.known_only(request, ())

        def work() -> Reply:
            row, besides = create(actor, given)
            return Reply(201, {**row, **besides}, row.get("revision"), f"/api/v1/{thing.path}/{row['id']}")

        return write(request, actor, work)


def _add_get(router: Router, thing: Resource, get: Callable[[Actor, str], Given]) -> None:
    shown = {**thing.example, **thing.detail}

    @router.get(f"/{thing.path}/{{which}}", **operation(
        f"get_{thing.name}", f"Read {thing.a}", thing.path, "Its `ETag` is its version, for `If-Match`.",
        success=schemas.content(thing.schema(thing.detail), shown),
    ))  # fmt: skip
    def get_(request: HttpRequest, which: str) -> HttpResponse:
        asking.known_only(request, ())
        row = get(actor_of(request), which)
        return Reply(200, row, row.get("revision")).response()


def _add_update(router: Router, thing: Resource, update: Callable[[Actor, str, Given, int | None], Given]) -> None:
    @router.patch(f"/{thing.path}/{{which}}", **operation(
        f"update_{thing.name}", f"Change {thing.a}", thing.path, "Fields that are not given stay as they are.",
        parameters=parameters("if_match", "idempotency"), body=schemas.content(schemas.for_update(thing.body), thing.changed),
        success=schemas.content(thing.schema(), {**thing.example, **thing.changed}),
    ))  # fmt: skip
    def update_(request: HttpRequest, which: str) -> HttpResponse:
        asking.known_only(request, ())
        actor, given, version = actor_of(request), asking.body(request), asking.version(request)

        def work() -> Reply:
            row = update(actor, which, given, version)
            return Reply(200, row, row.get("revision"))

        return write(request, actor, work)


def _add_delete(router: Router, thing: Resource, delete: Callable[[Actor, str, int | None], None]) -> None:
    @router.delete(f"/{thing.path}/{{which}}", **operation(
        f"delete_{thing.name}", f"Delete {thing.a}", thing.path, "", parameters=parameters("if_match", "idempotency"),
        status=204,
    ))  # fmt: skip
    def delete_(request: HttpRequest, which: str) -> HttpResponse:
        asking.known_only(request, ())
        actor, version = actor_of(request), asking.version(request)

        def work() -> Reply:
            delete(actor, which, version)
            return Reply(204)

        return write(request, actor, work)


def listed(
    request: HttpRequest, name: str, page: Callable[[Actor, Query], Page],
    export: Callable[[Actor, Query, Format], Iterator[str]] | None,
) -> HttpResponseBase:
    """A page of a list, or all of it as a file."""
    actor, query, form = actor_of(request), asking.query(request), asking.export_format(request)
    if form is not None and export is not None:
        return answering.file(export(actor, query, form), form, name)
    found = page(actor, query)
    return Reply(200, {"items": found.items, "next": found.next, "total": found.total}).response()


def _once(thing: Resource) -> str:
    names = " and ".join(f"`{name}`" for name in thing.shown_once)
    return f"The answer's {names} is shown this once." if names else ""


__all__ = ["FAILURE", "Resource", "listed", "mount"]
