"""Parts of pages, as their templates draw them: what they promise without a script, and that nothing in them is markup."""

import re
from datetime import UTC, datetime

import pytest
from django.template import engines

from stationmaster.entrances.console.pages import parts, pictures
from stationmaster.entrances.console.pages.parts import Bulk, Cell, Field, Form, Head, Link, Log, Note, Section, Sorting, Table
from stationmaster.entrances.console.pages.pictures import (
    Blank,
    Checklist,
    Course,
    Event,
    Lane,
    Lanes,
    Once,
    Snippet,
    Snippets,
    Span,
    Stacked,
    Tick,
    Tile,
    Tiles,
)  # fmt: skip

ODD = "<script>alert(1)</script>\"'{{ 7*7 }}"
ROWS = ((Cell("one"), Cell("3", number=True)), (Cell("two"), Cell("4", number=True)))
TABLE = Table((Head("Name"), Head("Number", number=True)), ROWS)


def drawn(part: parts.Part) -> str:
    """A part's markup."""
    return str(engines["django"].get_template(part.template).render({"part": part}))


@pytest.mark.parametrize("part", [
    Tiles((Tile(ODD, ODD, "/x", ODD, meter=(1, 2)),)), Checklist((Tick(ODD, False, command=ODD, note=ODD, cells=(Cell(ODD),)),)),
    Course((Event(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), ODD, "bad", ODD, facts=((ODD, Cell(ODD)),)),)),
    Lanes(ODD, (Lane(ODD, (Span(0, 1, "good", ODD),)),), (ODD, ODD)), Stacked(ODD, (ODD,), ((ODD, (1.0,)),), limit=2),
    Snippets((Snippet(ODD, ODD), Snippet("b", ODD))), Once(ODD, ODD, ODD), Blank(ODD, ODD, (Link(ODD, "/x"),), ODD),
    Log(((ODD, "info", ODD),)), Note(ODD, "bad", (Link(ODD, "/x"),)),
    Table((Head(ODD),), ((Cell(ODD, note=ODD, title=ODD, copy=True, code=True),),), caption=ODD, sums=(Cell(ODD),)),
    Form(ODD, ODD, (Field("a", ODD, "select", "b", (("b", ODD),), ODD, ODD), Field("c", ODD, "textarea", ODD)), text=ODD),
], ids=lambda part: type(part).__name__)  # fmt: skip
def test_what_stands_in_a_part_is_text(part: parts.Part) -> None:
    """Whatever anybody called a thing."""
    text = drawn(part)
    assert "<script" not in text
    assert "49" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r" style=| on[a-z]+=", text.replace("&quot;", ""))


def test_rows_can_be_selected_without_a_script() -> None:
    """A form sends their ids to the page that a button names, with what the button adds; and what the list was asked for."""
    bulk = Bulk(("a", ""), (Link("Publish", "/publish?kind=x", dialog=True), Link("Probe", "/probe")), (("search", "s"),), True)
    text = drawn(Table(TABLE.heads, ROWS, bulk=bulk, total=9))
    form = re.search(r'<form class="bulk" method="get" id="([^"]+)"', text)
    assert form
    assert re.findall(r'name="id" value="([^"]*)" form="([^"]+)"', text) == [("a", form[1])]
    assert 'formaction="/publish" name="kind" value="x" data-dialog' in text
    assert 'formaction="/probe">' in text
    assert 'name="all" value="1"' in text
    assert '<input type="hidden" name="search" value="s">' in text
    assert "disabled" not in text


def test_rows_have_an_order_without_a_script() -> None:
    """The form holds the ids in their order; each row's buttons move it by one, but past the ends."""
    text = drawn(Table(TABLE.heads, ROWS, sorting=Sorting(("a", "b"), "order", "sort", "Save")))
    assert re.findall(r'<input type="hidden" name="order" value="(\w)"', text) == ["a", "b"]
    moves = re.findall(r'name="move" value="order:(\w):(\w+)"( disabled)?', text)
    assert moves == [("a", "up", " disabled"), ("a", "down", ""), ("b", "up", ""), ("b", "down", " disabled")]


def test_hidden_columns_are_hidden_everywhere() -> None:
    """In the head, in the rows and in the sums; a row has as many cells as the head."""
    text = drawn(Table(TABLE.heads, ROWS, hidden=(0,), sums=(Cell("all"), Cell("7", number=True))))
    assert "one" not in text
    assert ">all<" not in text
    assert text.count("data-label") == 3
    assert ">7<" in text


def test_a_chart_is_a_table_too() -> None:
    """Each value stands in a table, to be read by whoever sees no chart; what is unknown is a dash and no nought."""
    chart = Stacked("Spend", ("Mon", "Tue"), (("a", (1.5, None)), ("b", (2.0, 0.0))), "usd", hrefs=("/x",))
    text = drawn(chart)
    values = [("1.5", "$1.50"), ("2.0", "$2.00"), ("", parts.DASH), ("0.0", "$0.00")]
    assert re.findall(r'data-value="([^"]*)">([^<]+)<', text) == values
    assert '<a href="/x">Mon</a>' in text
    assert "<canvas" not in drawn(Stacked("Spend", (), (), empty="nothing was spent"))


def test_a_secret_is_there_to_copy_unseen() -> None:
    """It stands behind something to open, beside a button that copies it."""
    text = drawn(Once("Key", "sm-secret"))
    assert text.count("sm-secret") == 1
    assert re.search(r"<details>.*sm-secret.*</details>.*data-copy", text)
    assert "<details open" not in text


def test_states_are_a_picture_and_a_word() -> None:
    """Not a colour alone; a dash is no state."""
    text = drawn(Table((Head("State"),), ((Cell("failed", tone="bad"),), (parts.NOTHING,))))
    assert re.search(r'<span class="state bad"><svg[^>]*aria-hidden="true">.*?</svg>failed</span>', text)
    assert f'<span class="state off">{parts.DASH}</span>' in text


def test_every_part_has_a_template() -> None:
    """Whatever a section may hold is drawn."""
    named = [each for module in (parts, pictures) for each in vars(module).values()]
    known = [each for each in named if isinstance(getattr(each, "template", None), str)]
    assert len(known) > 12
    for each in known:
        engines["django"].get_template(each.template)
    assert Section("", ()).live == ""
