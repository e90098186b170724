"""What somebody tried: a file that keeps everybody waiting, a secret that comes in as a word of a note, a choice taken away."""

import json
import tomllib
from types import SimpleNamespace
from typing import Any

import pytest

from controlkit import ADMIN
from importing.kit import imported
from stationmaster.errors import Invalid
from stationmaster.importing import fields, reading
from stationmaster.importing import services as rosters
from stationmaster.importing.recognising import Record
from stationmaster.importing.understanding import Understood
from stationmaster.publishing import services as publishing
from stationmaster.store.listing import Query

KEY, SESSION = "sk-proj-abcdefghijklmnopqrst", "sess-abcdefghijklmnopqrst"
CHATGPT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2F1dGgub3BlbmFpLmNvbSJ9.c2ln"
WORDS = " ".join(["word"] * 55)
NOTES = [
    f"{WORDS} {KEY}", f"{WORDS} {SESSION}", f"key:{KEY}", "a,sk-admin-abcdefghijklmnop", f"token={CHATGPT}", f"({CHATGPT})",
    "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP", "cookie: session=abcdef0123456789", '{"password": "hunter2"}',
    "https://user:pass@mail.example.com", "pw: hunter2hunter2", "Password is hunter2", "密码是Passw0rd",
    "备用邮箱密码：Passw0rd!2024",      # noqa: RUF001  as they are written there
    "PASSWORD = hunter2", "his password (old): hunter2", f"{KEY},{SESSION}",
]  # fmt: skip
PLAIN = [
    "passed to Ada on Monday: all well", "owner is on leave until March", "see https://wiki.example.com/teams?id=4 for the list",
    "compare with 10:30 call, 3 seats", "第一个团队：五个座位", "a@example.com, b@example.com", "x" * 4000,      # noqa: RUF001
]  # fmt: skip


def understood(content: bytes, name: str = "x.json") -> tuple[list[Record], dict[str, Any]]:
    """Every record of a file, and what of it was left out."""
    of = SimpleNamespace(encoding="", name=name, format="", delimiter="", mapping={})
    one = Understood(iter([content]), content, of)
    return list(one.records()), one.left_out


# a file that keeps others waiting

@pytest.mark.parametrize("content", [
    b"x" + b".a" * 30_000 + b" = 1\n", b"x = {a" + b" . a" * 10_000 + b" = 1}\n", b"[x" + b'."a"' * 10_000 + b"]\n",
    b'y = """\n\'""", b' + b".b" * 20_000 + b"='x'\n",
])  # fmt: skip
def test_a_key_of_thousands_of_parts_is_never_parsed(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused by its line before the parser sees it, however it is written."""
    monkeypatch.setattr(tomllib, "loads", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(Invalid) as told:
        reading.tables([content], "utf-8")
    assert told.value.code == "error.import.row"
    assert "dots" in told.value.message


@pytest.mark.timeout(60)
def test_the_worst_file_that_is_taken_is_read_soon() -> None:
    """As large as may be and as deep as may be, within this test's time."""
    line = ".".join(["a"] * reading.MAX_DOTS)
    text = "".join(f"{line}.k{number} = 1\n" for number in range(reading.MAX_TOML // (len(line) + 12)))
    assert reading.tables([text.encode()], "utf-8")
    with pytest.raises(Invalid) as told:
        reading.tables([b"#" * reading.MAX_TOML, b"#"], "utf-8")
    assert told.value.code == "error.import.too_large"


def test_a_number_that_python_does_not_read() -> None:
    """Is a fault of the file, which is said."""
    with pytest.raises(Invalid) as told:
        reading.tables([b"x = " + b"1" * 5000 + b"\n"], "utf-8")
    assert told.value.code == "error.import.row"


# secrets in free text

@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("name", ["note", "name", "team", "email"])
def test_no_secret_comes_in_as_a_word_of_a_text(name: str, note: str) -> None:
    """Wherever in it a secret stands and whatever is around it, the text stays outside, and is named as what it is."""
    found, left_out = understood(json.dumps([{"email": "a@example.com", "type": "child", name: note}]).encode())
    assert not any(note in record.values.values() or record.key for record in found)
    assert name in {**left_out["secrets"], **left_out["admin"]}


@pytest.mark.parametrize("note", PLAIN)
def test_other_texts_come_in(note: str) -> None:
    """Texts that have such words, or colons, and no secret."""
    found, left_out = understood(json.dumps([{"email": "a@example.com", "type": "child", "note": note}]).encode())
    assert found[0].values["note"] == note
    assert left_out == {"secrets": {}, "admin": {}, "unknown": {}}


def test_a_key_is_one_word() -> None:
    """What stands beside one makes none of it."""
    assert fields.what_of("api_key", KEY)[0] == fields.what_of("note", f" {KEY} ")[0] == "key"
    assert fields.what_of("api_key", f"{KEY} of Ada's")[0] == fields.what_of("note", f"key:{KEY}")[0] == "secret"


def test_what_others_are_listed_by_may_be_a_secret() -> None:
    """Sessions as keys of an object are no names of teams or accounts."""
    found, _ = understood(json.dumps({SESSION: {"members": [{"email": "a@example.com"}]},
                                      "ada:pw:x@example.com": {"type": "child"}}).encode())  # fmt: skip
    assert found
    assert SESSION not in repr(found)
    assert "pw" not in repr(found)


@pytest.mark.parametrize("heading", ["\ud800", "a\0b"])
def test_a_heading_is_a_text(database: str, heading: str) -> None:
    """What no database takes is refused with words."""
    with pytest.raises(Invalid) as told:
        rosters.save_mapping(ADMIN, {"name": "m", "fields": {heading: "email"}})
    assert told.value.code == "error.import.form"


# the target that people chose

@pytest.mark.parametrize(("named", "default"), [("", "chosen"), ('s2a_default_target = "s2a"\n', "s2a")])
def test_an_older_setup_takes_no_default_away(database: str, named: str, default: str) -> None:
    """Which target is used when nobody says which stays as people chose it, unless the file names one."""
    given = {"kind": "litellm", "base_url": "https://mine.example.com", "secret": "sk-1234567890", "default": True}
    publishing.create_target(ADMIN, {"name": "chosen", **given})
    imported(f'{named}[s2a]\napi_base = "https://s2a.example.com"\nadmin_key = "admin-canary9999cccccccc"\n', name="c.toml")
    rows = publishing.list_targets(ADMIN, Query()).items
    assert {row["name"]: row["default"] for row in rows} == {"chosen": default == "chosen", "s2a": default == "s2a"}


def test_the_first_target_is_the_default_one(database: str) -> None:
    """Where there was none before."""
    imported('[s2a]\napi_base = "https://s2a.example.com"\nadmin_key = "admin-canary9999cccccccc"\n', name="c.toml")
    assert publishing.get_target(ADMIN, "s2a")["default"]
