"""The line index: every key, table and element of a TOML text has its line."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.gateway.config.lines import index, nearest
from stationmaster.gateway.config.problems import Place

TEXT = """\
# a comment = "not a key"
top = 1

[gateway] # [not.a.table]
host = \"\"\"
x = 1
[y]
\"\"\"   # after
"quoted.key" = 'its'
port = 4000

[[pool]]
id = '''
[[pool]]'''
members = [ # a list
  { credential = "a]", weight = 1 },

  { credential = 'b}' }, # , {
]
[[pool]]
members = []
[pool.more]
x.y . "z" = 1.5
[[pool.inner]]
k = [[1, 2],
  [3]]
[[pool.inner]]
when = 1979-05-27 07:32:00
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("top",), 2),
        (("gateway",), 4),
        (("gateway", "host"), 5),
        (("gateway", "quoted.key"), 9),
        (("gateway", "port"), 10),
        (("pool",), 12),
        (("pool", 0), 12),
        (("pool", 0, "id"), 13),
        (("pool", 0, "members"), 15),
        (("pool", 0, "members", 0), 16),
        (("pool", 0, "members", 0, "weight"), 16),
        (("pool", 0, "members", 1, "credential"), 18),
        (("pool", 1), 20),
        (("pool", 1, "members"), 21),
        (("pool", 1, "more"), 22),
        (("pool", 1, "more", "x", "y", "z"), 23),
        (("pool", 1, "inner", 0, "k", 1, 0), 26),
        (("pool", 1, "inner", 1, "when"), 28),
    ],
)
def test_it_works(place: Place, line: int) -> None:
    """Strings over several lines, comments, nesting and dotted keys all keep their lines apart."""
    tomllib.loads(TEXT)
    assert index(TEXT)[place] == line


def test_places_without_a_line_take_the_one_round_them() -> None:
    """A missing key is reported at its table, anything else at the top."""
    lines = index(TEXT)
    assert nearest(lines, ("pool", 0, "missing")) == 12
    assert nearest(lines, ("pool", 0, "members", 1, "missing")) == 18
    assert nearest(lines, ("nothing", 3)) == 1


def test_windows_line_ends_count_the_same() -> None:
    """Carriage returns change no line."""
    assert index(TEXT.replace("\n", "\r\n")) == index(TEXT)


@given(st.text(alphabet="ab.=[]{},\"'#\n\\1 -", max_size=80))
def test_any_text(text: str) -> None:
    """No text makes the index fail; in TOML, every value that the parser finds has a line."""
    lines = index(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        return
    assert set(_places(document, ())) <= lines.keys()


def _places(value: Any, place: Place) -> Iterator[Place]:
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, row in rows:
        yield (*place, name)
        yield from _places(row, (*place, name))


_scalars = st.sampled_from(["1", "1.5", '"x"', "'y'", '"""\nm\n"""', "'''\n]\n'''", "true", "1979-05-27"])
_keys = st.sampled_from(["a", "b", '"c d"', "'e.f'", "g . h"])
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda rows: "[" + ", # c\n ".join([*rows, ""]) + "\n]"),
        st.lists(inner, max_size=3).map(lambda rows: "[" + ",".join(rows) + "]"),
        st.dictionaries(st.sampled_from(["p", "q", '"r"']), inner, max_size=2).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=6,
)
_pairs = st.builds("{} = {}\n".format, _keys, _values)
_headers = st.sampled_from(["[t]\n", "[[u]]\n", "[u.v]\n", "[[u.w]]\n", "[ x . y ]\n", "# [c]\n", "\n"])


@given(st.lists(st.one_of(_pairs, _headers), max_size=8).map("".join))
def test_likely_toml(text: str) -> None:
    """In texts built from TOML's parts, every value has a line, and one on which its key stands."""
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    lines, rows = index(text), text.split("\n")
    for place in _places(document, ()):
        key = place[-1]
        assert isinstance(key, int) or key in rows[lines[place] - 1]
