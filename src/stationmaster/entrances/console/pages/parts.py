"""What pages are made of, as values. Owns: those values, and the template that shows each. Knows no service and no request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any, ClassVar, Final, Literal, Protocol
from urllib.parse import unquote_plus

from django.utils import timezone

from stationmaster.i18n import tr, trn

Row = Mapping[str, Any]
_SENTENCE: Final = 44  # characters that a narrow column would break into too many lines
Tone = Literal["", "good", "busy", "bad", "off"]
Control = Literal["text", "password", "number", "select", "checkbox", "textarea", "file", "hidden", "search"]


@dataclass(frozen=True)
class Link:
    """An address and its words; `here`: the page that is shown. `main`: what most people come for. `dialog`: where there is a
    script, the page it leads to opens above this one."""

    text: str
    href: str
    here: bool = False
    main: bool = False
    dialog: bool = False
    danger: bool = False


@dataclass(frozen=True)
class Field:
    """One control of a form. `options`: value and words, for a select, and what a text may be completed to. `error`: what is
    wrong with what was sent."""

    name: str
    label: str
    control: Control = "text"
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    help: str = ""
    error: str = ""
    needed: bool = False
    checked: bool = False


@dataclass(frozen=True)
class Form:
    """What can be done here: sent to `action` (empty: this page) by a button. `do` says which of the page's actions it is."""

    button: str
    do: str = ""
    fields: tuple[Field, ...] = ()
    action: str = ""
    text: str = ""
    danger: bool = False
    upload: bool = False
    folded: str = ""  # words behind which it is hidden until somebody opens it
    main: bool = False  # what most people come for, though it is a button alone
    quiet: bool = False  # not that
    besides: tuple[tuple[str, str], ...] = ()  # further buttons: what they do, their words; the page is shown again
    asks: bool = False  # it changes nothing: what it asks for stands in the address

    template: ClassVar[str] = "parts/form.html"

    @property
    def plain(self) -> bool:
        """Whether its button is one among others."""
        return self.quiet or (self.inline and not self.main)

    @property
    def inline(self) -> bool:
        """Whether it is a button alone."""
        return not self.text and not any(each.control != "hidden" for each in self.fields)


@dataclass(frozen=True)
class Cell:
    """One value as it is shown: its words, where they lead, how they look, a quieter line below; or a moment, or several."""

    text: str = ""
    href: str = ""
    note: str = ""
    tone: Tone | None = None
    number: bool = False
    code: bool = False
    at: datetime | None = None
    title: str = ""
    many: tuple["Cell", ...] = ()
    forms: tuple[Form, ...] = ()
    meter: tuple[int, int] | None = None  # so much of so much, drawn as a bar beside the words
    copy: bool = False  # a button beside it copies the words
    icon: str = ""  # a state's picture where words alone would be long to read: one of `icons.ICONS`
    links: tuple[Link, ...] = ()  # what can be done here, as links (into dialogs)

    @property
    def long(self) -> bool:
        """Whether it is sentences, which want room."""
        return any(max(len(each.text), len(each.note)) > _SENTENCE for each in (*self.many, self))


@dataclass(frozen=True)
class Facts:
    """Names and values of one thing."""

    rows: tuple[tuple[str, Cell], ...]

    template: ClassVar[str] = "parts/facts.html"


@dataclass(frozen=True)
class Head:
    """The head of a column: where it leads to be sorted by, and which way it is."""

    text: str
    href: str = ""
    order: Literal["", "ascending", "descending"] = ""
    number: bool = False


@dataclass(frozen=True)
class Select:
    """A choice above a list: each option is the whole of a `filter`, or nothing."""

    label: str
    options: tuple[tuple[str, str, bool], ...]


@dataclass(frozen=True)
class Typing:
    """A choice above a list that is typed: sent as `name`, completed to one of `options` (each its words alone). `value` is what
    is asked for now, in words, and `filter` the same as the whole of a `filter`."""

    label: str
    name: str
    value: str
    options: tuple[str, ...]
    filter: str = ""


@dataclass(frozen=True)
class Tools:
    """What stands above a list: search, choices, and what else the address asks for, to be kept or taken away."""

    searchable: bool
    search: str
    selects: tuple[Select, ...]
    kept: tuple[tuple[str, str], ...]
    chips: tuple[Link, ...]
    asked: bool
    typed: tuple[Typing, ...] = ()


@dataclass(frozen=True)
class Bulk:
    """What can be done with rows that were selected: `ids`, one a row (empty: it cannot be selected); `actions` are pages that
    take them as `id`, repeated, and say what will happen. `filters`: what the list was asked for, for "all that match", sent
    along as `all=1`; without it only rows that are seen can be selected."""

    ids: tuple[str, ...]
    actions: tuple[Link, ...]
    filters: tuple[tuple[str, str], ...] = ()
    everything: bool = False  # "all that match" is offered

    @property
    def choices(self) -> list[tuple[Link, str, str, str]]:
        """The actions, each with its address and the one name and value that a button can add to it."""
        apart = [(each, *each.href.partition("?")) for each in self.actions]
        return [(each, path, *map(unquote_plus, asked.partition("=")[::2])) for each, path, _, asked in apart]  # type: ignore[misc]  # two texts


@dataclass(frozen=True)
class Sorting:
    """Rows whose order is theirs to say: by dragging, by keys, or by buttons. `ids`, one a row, are sent in the new order as
    `field`, repeated, with `do`."""

    ids: tuple[str, ...]
    field: str
    do: str
    button: str


@dataclass(frozen=True)
class Line:
    """One row of a table as it is drawn: its cells with their columns' heads; its id where it can be selected or moved; its
    address where it can be opened in place."""

    cells: tuple[tuple[Head, Cell], ...]
    selected: str = ""
    moved: str = ""
    opens: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of a list. `total` -1: nobody counted. `empty` is said where there are none, with commands between backquotes.
    `opens`: one address a row (or nothing), whose page is shown in place below the row when it is opened. `hidden`: columns, by
    place, that the reader chose not to see; `choosing`: every column's name, words and whether it is shown, where they can be
    chosen. `sums`: a last row with totals. `stream`: an address of events that bring new rows on top."""

    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    total: int = -1
    first: str = ""
    next: str = ""
    download: str = ""
    tools: Tools | None = None
    live: str = ""
    bulk: Bulk | None = None
    sorting: Sorting | None = None
    opens: tuple[str, ...] = ()
    choosing: tuple[tuple[str, str, bool], ...] = ()
    sums: tuple[Cell, ...] = ()
    caption: str = ""
    stream: str = ""
    starts: Link | None = None  # where there is nothing yet: what to do first
    hidden: tuple[int, ...] = ()

    template: ClassVar[str] = "parts/table.html"

    @property
    def shown(self) -> list[Head]:
        """The heads of the columns that are seen."""
        return [head for place, head in enumerate(self.heads) if place not in self.hidden]

    @property
    def lines(self) -> list[Line]:
        """The rows, each cell with its column's head: on a narrow screen a row is a card."""
        bulk = self.bulk.ids if self.bulk else ()
        moved = self.sorting.ids if self.sorting else ()
        beside = zip_longest(self.rows, bulk, moved, self.opens, fillvalue="")
        return [Line(self._seen(row), *ids) for row, *ids in beside if row]  # type: ignore[arg-type]  # texts all

    @property
    def totals(self) -> tuple[tuple[Head, Cell], ...]:
        """The last row."""
        return self._seen(self.sums) if self.sums else ()

    @property
    def acts(self) -> bool:
        """Whether the last column holds what can be done, and stays in sight."""
        return any(row and _acts(row[-1]) for row in self.rows)

    def _seen(self, row: Sequence[Cell]) -> tuple[tuple[Head, Cell], ...]:
        beside = enumerate(zip(self.heads, row, strict=True))
        return tuple(each for place, each in beside if place not in self.hidden)


def _acts(cell: Cell) -> bool:
    return bool(cell.forms or cell.links) or any(map(_acts, cell.many))


@dataclass(frozen=True)
class Note:
    """A paragraph, with commands between backquotes, and where it leads."""

    text: str
    tone: Tone = ""
    links: tuple[Link, ...] = ()

    template: ClassVar[str] = "parts/note.html"


@dataclass(frozen=True)
class Bar:
    """How far something is, of `most`."""

    done: int
    most: int
    text: str

    template: ClassVar[str] = "parts/bar.html"


@dataclass(frozen=True)
class Log:
    """Lines of a log."""

    lines: tuple[tuple[str, str, str], ...]
    before: int = 0  # lines that are not shown
    stream: str = ""  # an address of events that bring further lines

    template: ClassVar[str] = "parts/log.html"


@dataclass(frozen=True)
class Text:
    """A file's text, to be read; `href` is where it is to be had."""

    text: str
    href: str = ""
    name: str = ""

    template: ClassVar[str] = "parts/text.html"


class Part(Protocol):
    """Whatever a section holds: a value that says which template shows it, under the name `part`."""

    template: ClassVar[str]


@dataclass(frozen=True)
class Section:
    """Some parts under one heading; `live`: a name under which the page renews it by itself. `half`: narrow enough to stand
    beside another. `danger`: what cannot be taken back stands apart. `links`: what can be done from its heading."""

    title: str
    parts: Sequence[Part]
    live: str = ""
    half: bool = False
    danger: bool = False
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Problem:
    """What was wrong with what was sent."""

    message: str
    hint: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    status: int = 422


@dataclass(frozen=True)
class Page:
    """A page. `tabs` lead to its neighbours, `links` to what can be done from here; `same` are commands and calls of REST that
    do the same; `refresh`: seconds until it is looked at again by itself, 0: never."""

    title: str
    sections: Sequence[Section]
    tabs: tuple[Link, ...] = ()
    links: tuple[Link, ...] = ()
    same: tuple[tuple[str, str], ...] = ()
    refresh: int = 0
    problem: Problem | None = None
    tries: bool = False  # a form of it has further buttons, whose answer comes without leaving the page
    state: Cell | None = None  # of the thing that the page is about, beside its title
    lead: str = ""  # a sentence below the title
    trail: tuple[Link, ...] = ()  # where it stands: the pages above it


DASH: Final = "\N{EN DASH}"  # where there is nothing
NOTHING: Final = Cell(DASH, tone="off")


def text(value: object, href: str = "") -> Cell:
    """A text; a dash where there is none."""
    shown = "" if value is None else str(value)
    return Cell(shown, href) if shown else NOTHING


def code(value: object) -> Cell:
    """A text that is typed somewhere."""
    return Cell(str(value), code=True) if value else NOTHING


def number(value: int | float | None) -> Cell:
    """A number, right-aligned."""
    return Cell(f"{value:,}" if value is not None else DASH, number=True)


def flag(value: object, *, good: bool = True) -> Cell:
    """Yes or no; `good`: which of them is nothing to worry about."""
    return Cell(tr("yes") if value else tr("no"), tone="" if bool(value) is good else "off")


def texts(values: Sequence[object]) -> Cell:
    """Several texts."""
    return Cell(", ".join(map(str, values))) if values else NOTHING


def moment(at: datetime | str | None, empty: str = "") -> Cell:
    """A moment: how long ago, or in which time; the hour itself is its title."""
    if not at:
        return Cell(empty, tone="off") if empty else NOTHING
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    seconds = (timezone.now() - when).total_seconds()
    return Cell(_relative(seconds), at=when, title=f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def duration(seconds: float) -> str:
    """A length of time in its largest unit."""
    whole = round(seconds)
    if whole < 60:
        return trn("{number} second", "{number} seconds", whole)
    if whole < 3600:
        return trn("{number} minute", "{number} minutes", round(whole / 60))
    if whole < 86_400:
        return trn("{number} hour", "{number} hours", round(whole / 3600))
    return trn("{number} day", "{number} days", round(whole / 86_400))


def _relative(seconds: float) -> str:
    if abs(seconds) < 2:
        return tr("just now")
    if seconds < 0:
        return tr("in {time}", time=duration(-seconds))
    return tr("{time} ago", time=duration(seconds))
