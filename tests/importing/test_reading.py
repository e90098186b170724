"""Reading: every form and encoding, and every way in which a file can be broken, each with words that help and no word of the
file."""

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importing.kit import ACCOUNTS, CANARIES, CONFIG, TRACKER
from stationmaster.errors import Invalid
from stationmaster.importing import reading
from stationmaster.importing.reading import Raw

TEXT = json.dumps(ACCOUNTS, ensure_ascii=False)
CANARY = "sk-ant-sid01-canary"


def objects(data: bytes, encoding: str = "") -> list[Raw]:
    """Every object of a file that arrives whole."""
    return list(reading.objects([data], reading.form_of(data, encoding)[1]))


def refused(data: bytes, encoding: str = "", name: str = "") -> Invalid:
    """How a file is refused."""
    with pytest.raises(Invalid) as caught:
        read(data, encoding, name)
    return caught.value


def read(data: bytes, encoding: str = "", name: str = "") -> None:
    """Read a file to its end, whatever it is."""
    form, told = reading.form_of(data, encoding, name)
    if form == "toml":
        reading.tables([data], told)
    elif form == "csv":
        list(reading.rows([data], told, ","))
    else:
        list(reading.objects([data], told))


BROKEN: list[tuple[bytes, str, str]] = [
    (b"", "csv", ""),
    (TEXT.encode()[:200], "error.import.half", "in or after object 1"),
    (TEXT.encode()[:-1], "error.import.half", "in or after object 5"),
    (b'[{"email": "a@example.com"},', "error.import.half", "object 1"),
    (b'{"teams": [{"members": [{"email": "a@exam', "error.import.half", "object 3"),
    (b"[", "error.import.half", "beginning"),
    (b'[{"email": "a@example.com"}} ', "error.import.row", "bracket"),
    (b'[{"email": "a@example.com"}] [1]', "error.import.row", "several"),
    (b'{"email": "a"}\n{"email": "b"}\n', "error.import.row", "several"),
    (b"[{email: 1}]", "error.import.row", "does not have"),
    (b'[{"email": "a@example.com",}]', "error.import.row", "quotation"),
    (b'[{"email": canary}]', "error.import.row", "does not have"),
    (b'[{"seats": NaN}]', "error.import.row", "does not have"),
    (b"[" * 40 + b"]" * 40, "error.import.row", "deeper than 16"),
    (b'["' + b"x" * (3 << 20) + b'"]', "error.import.row", "more than 1048576 bytes"),
    (b"[{" + b",".join(b'"f%d": 1' % each for each in range(600)) + b"}]", "error.import.row", "500 fields"),
    (TEXT.encode() + b"\xff\xfe", "error.import.encoding", "gb18030"),
    ('[{"note": "备注"}]'.encode("gb18030"), "error.import.encoding", "gb18030"),
    (b'[s2a]\napi_base = "https://a.exam', "error.import.half", "end of document"),
    (b"[s2a]\napi_base = ", "error.import.half", "end of document"), (b"[s2a]\n= 1\n", "error.import.row", "line 2"),
    (b'[s2a]\nx = """abc', "error.import.half", "end of document"),
    (b"[s2a]\na = 1\na = 2\n", "error.import.row", "line 3"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code", "words"), BROKEN, ids=range(len(BROKEN)))
def test_what_is_broken_is_refused_with_where_and_why(data: bytes, code: str, words: str) -> None:
    """A file that ends in the middle, that is no JSON or TOML, that has no end, or other bytes: the place and a hint."""
    if code == "csv":
        assert reading.form_of(data, "")[0] == code
        return
    error = refused(data)
    assert error.code == code, error
    assert words in f"{error.message} {error.hint}"


@pytest.mark.parametrize("tail", ["", '"', "}", "\x01", "}]"])
def test_no_message_repeats_the_file(tail: str) -> None:
    """Parsers show what they stumbled over, which may be a secret: ours says only where."""
    error = refused(f'[{{"token": "{CANARY}\n{tail} : {CANARY}'.encode())
    assert CANARY not in f"{error.message} {error.hint} {error.fields}"


@pytest.mark.parametrize(
    ("written", "said"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", ""), ("utf-16-be", ""), ("gb18030", "gb18030")],
)
def test_encodings(written: str, said: str) -> None:
    """UTF-8 and UTF-16 are told, with and without a mark; GB18030 is said."""
    text = '[{"email": "a@example.com", "note": "第一队"}]'
    (found,) = objects(text.encode(written), said)
    assert found.fields == {"email": "a@example.com", "note": "第一队"}


FORMS = [
    (TEXT, "", "json"), ("  \n{}", "", "json"), (CONFIG, "", "toml"), ("# words\n\n[s2a]\n", "", "toml"), ("a = 1", "", "toml"),
    ("email,type\n", "", "csv"), ("[1, 2]", "", "json"), ('[{"a": 1}]', "", "json"), ("x,y", "c.toml", "toml"),
    ("{}", "x.csv", "json"),
    ("邮箱,类型\n", "", "csv"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "form"), FORMS)
def test_forms_are_told(text: str, name: str, form: str) -> None:
    """By how a file begins, and TOML by its name."""
    assert reading.form_of(text.encode(), "", name)[0] == form


def test_objects_know_where_they_stand() -> None:
    """What is in an object comes before it; each knows what it is in, under which name, and what is in it."""
    file = {"teams": {"A": [{"email": "x"}], "B": {"members": [{"email": "y"}]}}}
    found = {raw.number: raw for raw in objects(json.dumps(file).encode())}
    assert [(raw.parent, raw.key, raw.above, raw.listed, raw.depth) for raw in (found[3], found[5])] == [
        (2, "A", "teams", True, 2), (4, "members", "B", True, 3),
    ]  # fmt: skip
    assert (found[4].key, found[4].holds) == ("B", {"members"})


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=20,
)  # fmt: skip


@given(_VALUES, st.integers(1, 7))
def test_any_json_is_read_the_same_in_any_pieces(value: Any, size: int) -> None:
    """Whole, and a few bytes at a time: the same objects, as many as there are."""
    data = json.dumps([value]).encode()
    whole = objects(data)
    assert list(reading.objects([data[at : at + size] for at in range(0, len(data), size)], "utf-8")) == whole
    assert len(whole) == _number(value)


def _number(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict) + sum(map(_number, inner))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever the file is, it is one of ours or an error of ours."""
    for encoding in ("", "gb18030"):
        with suppress(Invalid):
            read(data, encoding)


@given(st.integers(0, len(TEXT) - 2))
def test_half_a_file_is_never_taken_for_a_whole_one(cut: int) -> None:
    """Cut anywhere: refused, and nearly always as half of a file."""
    data = TEXT.encode()[: cut + 1]
    assert refused(data).code in ("error.import.half", "error.import.row") or not data.strip()


def test_a_file_larger_than_memory_is_read_piece_by_piece() -> None:
    """300 MB of accounts: never more than a few megabytes at a time."""

    def file() -> Iterator[bytes]:
        yield b"[" + json.dumps({"email": "a@example.com"}).encode()
        one = b',{"email":"p%d@example.com","type":"child","note":"%s"}'
        block = b"".join(one % (each, b"x" * 3_000) for each in range(1_000))
        for _ in range(100):
            yield block
        yield b"]"

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        assert sum(1 for _ in reading.objects(file(), "utf-8")) == 100_001
        assert tracemalloc.get_traced_memory()[1] - before < 32 << 20
    finally:
        tracemalloc.stop()


def test_rows_of_a_table() -> None:
    """Headings first; cells by them; the same heading twice is refused."""
    first, one = reading.rows([b"email,type\na@example.com,child\n"], "utf-8", ",")
    assert (list(first.fields), one.fields) == (["email", "type"], {"email": "a@example.com", "type": "child"})
    assert refused(b"email,email\n").code == "error.import.row"


def test_fixtures_have_secrets_by_format_only() -> None:
    """What these tests look for is in their files."""
    assert all(value in TEXT for value in CANARIES.values())
    assert CANARIES["password"] in json.dumps(TRACKER)
