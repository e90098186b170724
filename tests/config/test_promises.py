"""Promises over all files: nothing but ConfigError is raised, no secret is repeated, every key is documented."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stationmaster.gateway.config import ConfigError, Problem, Surroundings, load, parse
from stationmaster.gateway.config.problems import CODES
from stationmaster.gateway.config.tables import TABLES, CredentialTable, MemberTable
from stationmaster.gateway.core.snapshot import Snapshot

Read = Callable[..., Snapshot]
Find = Callable[..., tuple[Problem, ...]]

PAGE = Path(__file__).parents[2] / "docs/reference/gateway-toml.md"

_words = st.sampled_from(
    [
        "[gateway]\n", "[[credential]]\n", "[[pool]]\n", "[[route]]\n", "[[key]]\n", "[credential]\n", "id = ",
        "port = ", "vendor = ", "secret = ", "base_url = ", "members = ", "credential = ", "models = ", "pool = ",
        "aliases = ", "secret_sha256 = ", "weight = ", '"openai"\n', '"env:A"\n', '"file:x"\n', '"file:\\u0000"\n',
        '"a"\n', "7\n", "nan\n", "[]\n", '["*"]\n', '[{credential = "a"}]\n', "{}\n", "{a = 1}\n", "true\n",
        '"https://x.test"\n', '"http://[::1"\n', "1979-05-27\n", '""\n', '"é"\n', "\n", "9" * 30 + "\n",
        'host = "\\ud7ff"\n', 'default_pool = "a"\n', 'tenant = "\\r\\n"\n', "max_body_mib = -3\n", "'''\n'''\n",
    ]
)  # fmt: skip


def _problems(read: Callable[[], Snapshot]) -> tuple[Problem, ...]:
    """Read, and return the problems: none for a good file. Any other error fails the test."""
    try:
        read()
    except ConfigError as error:
        return error.problems or (Problem("", 0, "", "an error without problems", code=""),)
    return ()


def _only_config_errors(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        problems = _problems(lambda: load(path, environ={"A": "sk-proj-a"}, allow_literal_secrets=True))
    assert {problem.code for problem in problems} <= set(CODES)


@given(st.text())
@example("[" * 4000)
@example("a" + ".a" * 2000 + " = 1")
@example("[gateway]\nport = " + "9" * 5000)
@example("x = " + "{x=" * 2000)
def test_any_text(text: str) -> None:
    """Whatever the file holds, reading it ends in a snapshot or a ConfigError."""
    _only_config_errors(text)


@given(st.lists(_words, max_size=14).map("".join))
def test_likely_text(text: str) -> None:
    """The same for texts made of the format's own words."""
    _only_config_errors(text)


@given(st.binary())
def test_any_bytes(raw: bytes) -> None:
    """The same for a secret's file with anything in it."""
    text = '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "file:a"\n'
    around = Surroundings({}, lambda _: raw, Path())
    problems = _problems(lambda: parse(text, file="gateway.toml", around=around))
    assert {problem.key for problem in problems} <= {"credential[0].secret"}


SENTINEL = "sk-sentinel-5f0c1d2e3b4a"
_TABLES = {
    "gateway": "[gateway]\n{}",
    "credential": '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n{}',
    "pool": '[[pool]]\nid = "p"\nmembers = [{{ credential = "a" }}]\n{}',
    "route": '[[route]]\nmodels = ["*"]\npool = "p"\n{}',
    "key": '[[key]]\nid = "k"\nsecret_sha256 = "x"\n{}',
}


_VALUES = (f'"{SENTINEL}"', f'["{SENTINEL}"]', f'{{ x = "{SENTINEL}" }}', f'{{ "{SENTINEL}" = 1 }}')


def _misplaced() -> Iterator[str]:
    for name, type_ in TABLES.items():
        for key in type_.__struct_fields__:
            lines = [line for line in _TABLES[name].split("\n") if not line.startswith(f"{key} =")]
            for value in _VALUES:
                yield "\n".join(lines).format(f"{key} = {value}\n")
        yield _TABLES[name].format(f'{SENTINEL} = "x"\n')
        yield f'{SENTINEL} = 1\n{name} = "{SENTINEL}"\n'
    for scheme in ("env:", "file:", "file:/", "ENV:", " ", "sk-ant-oat01-", "eyJ"):
        yield _TABLES["credential"].replace("env:KEY_A", scheme + SENTINEL).format("")
    for broken in ('x = "{}', "x = {}", '"{}" = 1\n"{}" = 2', '["{}"]\n["{}"]', "x = {{ {} = 1, {} = 2 }}"):
        yield broken.format(SENTINEL, SENTINEL)


@pytest.mark.parametrize("text", list(_misplaced()))
def test_no_secret_in_a_problem(read: Read, text: str) -> None:
    """A secret in any place where it does not belong is repeated in no message, key, hint or repr."""
    problems = _problems(lambda: read(text))
    error = ConfigError(problems)
    told = f"{error} {error!r} {error.args} {problems!r} {error.hint} {error.message}"
    assert SENTINEL not in told


def test_no_secret_in_a_traceback(read: Read) -> None:
    """Problems are raised on their own: no foreign error, which may quote the text, hangs behind them."""
    with pytest.raises(ConfigError) as caught:
        read(f'x = "{SENTINEL}')
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize("words", [f"{SENTINEL}\n", f"{SENTINEL} x", f"\ufeff{SENTINEL}", f"{SENTINEL}\0"])
def test_no_secret_from_outside_in_a_problem(find: Find, words: str) -> None:
    """Nor one that came from a variable and cannot be sent."""
    text = '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:K"\n'
    (problem,) = find(text, environ={"K": words})
    assert SENTINEL not in repr(problem) + str(problem)


def test_no_secret_in_a_repr(read: Read) -> None:
    """Values on the way to the snapshot, and the snapshot, can be printed without their secrets."""
    text = f'[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "{SENTINEL}"\n'
    around = Surroundings({"K": SENTINEL}, lambda _: b"", Path("/x"))
    table = CredentialTable(id="a", secret=SENTINEL)
    assert SENTINEL not in f"{read(text, literal=True)!r} {around!r} {table!r}"


def _keys() -> Iterator[tuple[str, str]]:
    tables: dict[str, type[msgspec.Struct]] = {**TABLES, "member": MemberTable}
    for name, type_ in tables.items():
        for key in type_.__struct_fields__:
            yield name, key


@pytest.mark.parametrize(("table", "key"), list(_keys()))
def test_every_key_is_documented(table: str, key: str) -> None:
    """The reference page has a row for every key the file may hold, in its table's section."""
    heading = {"gateway": "## `[gateway]`", "member": "Each member:"}.get(table, f"## `[[{table}]]`")
    section = PAGE.read_text().split(heading, 1)[1].split("\n## ", 1)[0]
    assert f"\n| `{key}` |" in section


def test_documented_defaults_are_the_real_ones(read: Read) -> None:
    """What the page gives as `[gateway]` defaults changes nothing when it is written into a file."""
    section = PAGE.read_text().split("## `[gateway]`", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (?:`(.+?)`|none) \|", section, re.MULTILINE)
    assert [key for key, _ in rows] == list(TABLES["gateway"].__struct_fields__)
    assert read("[gateway]\n" + "".join(f"{key} = {value}\n" for key, value in rows if value)) == read("")


def test_no_key_is_documented_that_does_not_exist() -> None:
    """Every row of the page's tables is a key or a code that exists."""
    rows = set(re.findall(r"^\| `(.+?)` \|", PAGE.read_text(), re.MULTILINE))
    assert rows == {key for _, key in _keys()} | set(CODES) | {"error.config.invalid"}


def test_the_example_of_the_page_works() -> None:
    """The file that the page begins with is good."""
    (example,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    around = Surroundings({"OPENAI_KEY_A": "sk-proj-a"}, lambda _: b"sk-proj-b\n", Path("/"))
    snapshot = parse(example, file="gateway.toml", around=around)
    assert (len(snapshot.credentials), len(snapshot.routes)) == (2, 1)


def test_codes_are_written_alike() -> None:
    """Codes are dotted words in lower case, and each says what it means in one sentence."""
    assert all(re.fullmatch(r"error(\.[a-z_]+){2}", code) for code in CODES)
    assert all(meaning.endswith(".") for meaning in CODES.values())
