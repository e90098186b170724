"""Lists on pages. Owns: from an address to a query, and from a page of rows to a table with links to sort, filter and go on.

The address is that of REST's list: `search`, `filter` (repeatable, field:op:value), `sort`, `cursor`, `limit`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages.parts import Cell, Head, Link, Row, Select, Table, Tools, Typing
from stationmaster.errors import Invalid
from stationmaster.i18n import tr
from stationmaster.phrases import said
from stationmaster.store.filters import BAD_FILTER, Filter
from stationmaster.store.listing import Listing, Page, Query

_KNOWN = ("search", "filter", "sort", "cursor", "limit", "columns")
_MANY = 4  # columns that can be left out, from which on it is offered
_CHOSEN = "columns"  # in the session: which columns of which list its reader does not want to see


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, what it shows of a row, and the list's column that it can be sorted by."""

    text: str
    cell: Callable[[Row], Cell]
    sort: str = ""
    number: bool = False


@dataclass(frozen=True)
class Choice:
    """Filters that people choose from, as a select: what they are about, value and words of each, and how a value is compared."""

    text: str
    field: str
    options: tuple[tuple[str, str], ...]
    op: str = "eq"


@dataclass(frozen=True)
class Typed:
    """A filter that people type, where there are too many values for a select: what it is about, the list's field, and values
    with their words, to which what is typed is completed. What is none of them is asked for as it was typed."""

    text: str
    field: str
    known: tuple[tuple[str, str], ...]

    def value_of(self, written: str) -> str:
        """The value that was meant: by its words, by itself, by the one that has what was typed in its words."""
        meant = written.strip().casefold()
        exact = [value for value, words in self.known if meant in (words.casefold(), value.casefold())]
        near = [value for value, words in self.known if meant in words.casefold()]
        return exact[0] if exact else near[0] if len(near) == 1 else written.strip()

    def words_of(self, value: str) -> str:
        """What the value is called."""
        return dict(self.known).get(value, value)


@dataclass(frozen=True)
class Shape:
    """How a list is shown. `empty`: what to do where there is nothing at all. `download`: REST's path of the list as a file.
    `fixed`: what is asked for whatever the address says. `besides` looks up what rows have only ids of, for all at once."""

    listing: Listing
    columns: Sequence[Column]
    choices: Sequence[Choice] = ()
    empty: str = ""
    download: str = ""
    fixed: tuple[Filter, ...] = ()
    besides: Callable[[list[Row]], list[Row]] = lambda rows: rows
    typed: Sequence[Typed] = ()


def listed(request: HttpRequest, page: Callable[[Query], Page], shape: Shape) -> Table:
    """The table that the address asks for; of what a list cannot be asked, what is wrong with it instead of rows. Raises
    `Invalid` for an address that is none of a list."""
    seen = request.GET.getlist(_CHOSEN)
    _meant(request, shape.typed)
    asked = query_of(request)
    found, wrong = _found(page, replace(asked, filters=(*asked.filters, *shape.fixed)))
    rows = shape.besides(list(found.items))
    return Table(
        tuple(_head(request, shape, column, asked) for column in shape.columns),
        tuple(tuple(column.cell(row) for column in shape.columns) for row in rows),
        wrong or (tr("Nothing here is like that.") if asked.search or asked.filters else shape.empty),
        found.total,
        _with(request, cursor="") if asked.cursor else "",
        _with(request, cursor=found.next) if found.next else "",
        _download(request, shape),
        _tools(request, shape, asked),
        **_columns(request, shape, seen),
    )


def _meant(request: HttpRequest, typed: Sequence[Typed]) -> None:
    """What was typed becomes filters of the request, each in the place of those that ask the same of its field."""
    written = [(each, request.GET[each.field]) for each in typed if each.field in request.GET]
    if not written:
        return
    given = request.GET.copy()
    for each, text in written:
        kept = [one for one in given.getlist("filter") if not one.startswith(f"{each.field}:eq:")]
        asked = [f"{each.field}:eq:{each.value_of(text)}"] if text.strip() else []
        given.pop(each.field)
        given.setlist("filter", [*kept, *asked])
    request.GET = given  # type: ignore[assignment]  # a copy of it, which Django types apart


def _columns(request: HttpRequest, shape: Shape, seen: Sequence[str]) -> dict[str, Any]:
    """Which columns are seen: those that the address names, which is remembered; else those of the last time. The first, and
    those without a head, which hold what can be done, always are."""
    choosable = {str(place): column.text for place, column in enumerate(shape.columns) if place and column.text}
    if len(choosable) < _MANY:
        return {}
    hidden = _hidden(request, choosable, seen)
    choosing = tuple((name, words, name not in hidden) for name, words in choosable.items())
    return {"choosing": choosing, "hidden": tuple(map(int, hidden))}


def _hidden(request: HttpRequest, choosable: Mapping[str, str], seen: Sequence[str]) -> list[str]:
    match = request.resolver_match
    which = match.view_name if match else request.path
    kept: dict[str, list[str]] = request.session.get(_CHOSEN, {})
    if not seen:
        return [name for name in kept.get(which, ()) if name in choosable]
    hidden = [name for name in choosable if name not in seen]
    if hidden != kept.get(which, []):
        request.session[_CHOSEN] = kept | {which: hidden}
    return hidden


def _found(page: Callable[[Query], Page], asked: Query) -> tuple[Page, str]:
    try:
        return page(asked), ""
    except Invalid as error:
        if error.code != BAD_FILTER:
            raise
        return Page(), " ".join(filter(None, (said(error.message), said(error.hint))))


def query_of(request: HttpRequest) -> Query:
    """What is asked. An empty field of a form asks for nothing. Raises `Invalid`."""
    given = without_empty(request)
    asking.known_only(request, _KNOWN, ("filter", _CHOSEN))
    given.pop(_CHOSEN, None)
    return asking.query(request)


def without_empty(request: HttpRequest) -> QueryDict:
    """What the address asks, less the fields of a form that were left empty; the request has it from now on, and it can be
    changed."""
    given = request.GET.copy()
    for name in list(given):
        kept = [value for value in given.getlist(name) if value]
        given.setlist(name, kept) if kept else given.pop(name)
    request.GET = given  # type: ignore[assignment]  # a copy of it, which Django types apart
    return given


def plain(columns: Sequence[Column], rows: Sequence[Row], empty: str = "") -> Table:
    """A table that is never long: nothing to search, sort or turn over."""
    heads = tuple(Head(column.text, number=column.number) for column in columns)
    return Table(heads, tuple(tuple(column.cell(row) for column in columns) for row in rows), empty)


def starting(table: Table, link: Link, able: bool) -> Table:
    """The table; where there is nothing at all yet, with the way to begin."""
    return replace(table, starts=link) if able and not table.rows and not (table.tools and table.tools.asked) else table


def filtered(path: str, *filters: tuple[str, str, str]) -> str:
    """The address of a list, with filters."""
    return f"{path}?{urlencode([('filter', ':'.join(each)) for each in filters])}"


def by_id(page: Callable[[Query], Page], ids: Sequence[str]) -> Mapping[str, Row]:
    """Rows by their ids, in one question for up to 500."""
    wanted = sorted({each for each in ids if each})
    if not wanted:
        return {}
    asked = Query(filters=(Filter("id", "in", wanted[:500]),), limit=500, counted=False)
    return {str(row["id"]): row for row in page(asked).items}


def _head(request: HttpRequest, shape: Shape, column: Column, asked: Query) -> Head:
    if not column.sort or not _sortable(shape.listing, column.sort):
        return Head(column.text, number=column.number)
    now = asked.sort or shape.listing.sort
    if now.removeprefix("-") != column.sort:
        return Head(column.text, _with(request, sort=column.sort, cursor=""), number=column.number)
    other = column.sort if now.startswith("-") else f"-{column.sort}"
    order = "descending" if now.startswith("-") else "ascending"
    return Head(column.text, _with(request, sort=other, cursor=""), order, column.number)  # type: ignore[arg-type]  # one of both


def _sortable(listing: Listing, name: str) -> bool:
    try:
        return listing.column(name).sortable
    except Invalid:
        return False


def _tools(request: HttpRequest, shape: Shape, asked: Query) -> Tools:
    texts = request.GET.getlist("filter")
    selects = [_select(choice, texts) for choice in shape.choices]
    typed = tuple(_typing(each, texts) for each in shape.typed)
    offered = {value for select in selects for value, _, _ in select.options} | {each.filter for each in typed}
    others = [each for each in texts if each not in offered]
    kept = [("filter", each) for each in others]
    kept += [(name, request.GET[name]) for name in ("sort", "limit") if request.GET.get(name)]
    chips = tuple(
        Link(_chip(shape, each), _with(request, filter=[one for one in texts if one != each], cursor="")) for each in others
    )
    searchable = bool(shape.listing.search)
    return Tools(searchable, asked.search, tuple(selects), tuple(kept), chips, bool(asked.search or texts), typed)


def _typing(typed: Typed, texts: Sequence[str]) -> Typing:
    start = f"{typed.field}:eq:"
    asked = next((each for each in texts if each.startswith(start)), "")
    return Typing(typed.text, typed.field, typed.words_of(asked[len(start):]), tuple(words for _, words in typed.known), asked)


def _chip(shape: Shape, text: str) -> str:
    """A filter as people read it: by its column's head, if it has one and asks for a value plainly."""
    name, op, value = (*text.split(":", 2), "", "")[:3]
    head = next((column.text for column in shape.columns if column.sort == name), "")
    return f"{head}: {value}" if head and op == "eq" else text


def _select(choice: Choice, texts: Sequence[str]) -> Select:
    options: list[tuple[str, str, bool]] = [("", tr("all"), False)]
    for value, words in choice.options:
        text = f"{choice.field}:{choice.op}:{value}"
        options.append((text, words, text in texts))
    return Select(choice.text, tuple(options))


def _download(request: HttpRequest, shape: Shape) -> str:
    if not shape.download:
        return ""
    texts = [*request.GET.getlist("filter"), *(f"{each.field}:{each.op}:{each.value}" for each in shape.fixed)]
    asked = [("format", "csv"), *(("filter", text) for text in texts)]
    asked += [(name, request.GET[name]) for name in ("search", "sort") if request.GET.get(name)]
    return f"/api/v1/{shape.download}?{urlencode(asked)}"


def _with(request: HttpRequest, **changed: Any) -> str:
    """This page's address with other values; an empty one leaves its name out."""
    asked = {name: request.GET.getlist(name) for name in _KNOWN if name != _CHOSEN and request.GET.get(name)}
    for name, value in changed.items():
        asked[name] = value if isinstance(value, list) else [value] if value else []
    text = urlencode([(name, value) for name, values in asked.items() for value in values])
    return f"{request.path}?{text}" if text else request.path
