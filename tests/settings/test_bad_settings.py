"""What is refused: for each, where it stands, and words of the message. No message repeats a value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stationmaster.gateway.config import Problem
from stationmaster.gateway.config.problems import CODES
from stationmaster.settings import FIELDS, Flag, Settings, variables

Read = Callable[..., Settings]
Find = Callable[..., tuple[Problem, ...]]

PORT = "STATIONMASTER__CONSOLE__PORT"

FILES: list[tuple[str, int, str, str, str]] = [
    # text, line, key, words, code behind "error.config."
    ("[console\n", 1, "", "not TOML", "syntax"),
    ("[consol]\n", 1, "consol", 'unknown table — did you mean "console"?', "unknown_key"),
    ("zzz = 1\n", 1, "zzz", "the tables are data, database", "unknown_key"),
    ("[[credential]]\nid = 'a'\n", 1, "credential", "stationmaster apply", "unknown_key"),
    ("[console]\n\nprot = 1\n", 3, "console.prot", 'unknown key — did you mean "port"?', "unknown_key"),
    ("[console]\nzzz = 1\n", 2, "console.zzz", "the keys here are host, port", "unknown_key"),
    ("console = 1\n", 1, "console", "expected a table — write [console] once", "bad_value"),
    ("[[console]]\nport = 1\n", 1, "console", "expected a table", "bad_value"),
    ("[console]\nport = 0\n", 2, "console.port", "expected a whole number from 1 to 65535", "bad_value"),
    ('[console]\nport = "4001"\n', 2, "console.port", "expected a whole number", "bad_value"),
    ("[console]\nport = true\n", 2, "console.port", "expected a whole number", "bad_value"),
    ("[console]\nport = 1.5\n", 2, "console.port", "expected a whole number", "bad_value"),
    ("[login]\nlocal = 1\n", 2, "login.local", "expected true or false", "bad_value"),
    ('[log]\nlevel = "loud"\n', 2, "log.level", "expected one of debug, info, warning, error", "bad_value"),
    ('[console]\nhost = "a b"\n', 2, "console.host", "expected an IP address or host name", "bad_value"),
    ('[console]\nhost = "127.0.0.1:1"\n', 2, "console.host", "without a port", "bad_value"),
    ('[console]\npublic_url = "sm.example.com"\n', 2, "console.public_url", "expected an address like", "bad_value"),
    ('[console]\npublic_url = "https://a@b"\n', 2, "console.public_url", "expected an address like", "bad_value"),
    ('[console]\npublic_url = "https://a/?x"\n', 2, "console.public_url", "expected an address like", "bad_value"),
    ('[oidc]\nissuer = "javascript://a"\n', 2, "oidc.issuer", "expected an address like", "bad_value"),
    ("[rotation]\nshares = [50, 10, 100]\n", 2, "rotation.shares", "expected a list of rising percentages", "bad_value"),
    ("[rotation]\nshares = [0, 100]\n", 2, "rotation.shares", "expected a list of rising percentages", "bad_value"),
    ("[rotation]\nshares = [10, 50]\n", 2, "rotation.shares", "that ends in 100", "bad_value"),
    ("[rotation]\nshares = []\n", 2, "rotation.shares", "expected a list", "bad_value"),
    ("[rotation]\ndrain_seconds = -1\n", 2, "rotation.drain_seconds", "expected a number from 0", "bad_value"),
    ("[gateway]\nidle_timeout_seconds = nan\n", 2, "gateway.idle_timeout_seconds", "expected a number", "bad_value"),
    ("[gateway]\nidle_timeout_seconds = inf\n", 2, "gateway.idle_timeout_seconds", "expected a number", "bad_value"),
    ('[gateway]\ndefault_pool = "a b"\n', 2, "gateway.default_pool", "expected a name of up to 128", "bad_value"),
    ("[gateway]\nca_bundle = 1\n", 2, "gateway.ca_bundle", "expected a path", "bad_value"),
    ('[gateway]\nca_bundle = ""\n', 2, "gateway.ca_bundle", "expected a path", "bad_value"),
    ("[outbound]\nallowed_private = '10.0.0.0/8'\n", 2, "outbound.allowed_private", "expected a list", "bad_value"),
    ("[outbound]\nallowed_private = ['10.0.0.1/8']\n", 2, "outbound.allowed_private", "expected a list", "bad_value"),
    ("[outbound]\nallowed_private = ['0.0.0.0/0']\n", 2, "outbound.allowed_private", "expected a list of private", "bad_value"),
    ("[outbound]\nallowed_private = ['169.254.0.0/16']\n", 2, "outbound.allowed_private", "expected a list", "bad_value"),
    ("[outbound]\nallowed_private = ['']\n", 2, "outbound.allowed_private", "expected a list", "bad_value"),
    ('[database]\nurl = "mysql://h/x"\n', 2, "database.url", "expected a URL that begins with postgresql", "bad_value"),
    ('[valkey]\nurl = "localhost"\n', 2, "valkey.url", "expected a URL that begins with valkey", "bad_value"),
    ('[database]\nurl = "postgresql://u:p@h/x"\n', 2, "database.url", 'write url_file = "/path"', "literal_secret"),
    ('[database]\nurl = "postgresql://h/x?password=p"\n', 2, "database.url", "STATIONMASTER_DATABASE_URL", "literal_secret"),
    ('[oidc]\nclient_secret = "x"\n', 2, "oidc.client_secret", "the secret itself stands in the file", "literal_secret"),
    ('[oidc]\nclient_secret_file = "gone"\n', 2, "oidc.client_secret_file", "cannot read the file", "secret"),
    ('[oidc]\nclient_secret_file = "a\\u0000b"\n', 2, "oidc.client_secret_file", "cannot read the file", "secret"),
    ("[oidc]\nclient_secret_file = 1\n", 2, "oidc.client_secret_file", "cannot read the file", "secret"),
    ('[database]\nurl = "sqlite:///x"\nurl_file = "y"\n', 3, "database.url_file", "given twice", "duplicate"),
    ("[gateway]\nport = 4001\n", 2, "gateway.port", "need a port each", "bad_value"),
    ("[gateway]\nmetrics_port = 4001\n", 2, "gateway.metrics_port", "are one port", "bad_value"),
    ('[console]\ntls_key = "k"\n', 2, "console.tls_key", "belong together", "bad_value"),
    ('[gateway]\ntls_certificate = "c"\n', 2, "gateway.tls_certificate", "belong together", "bad_value"),
    ("[gateway]\nbody_budget_mib = 1\n", 2, "gateway.body_budget_mib", "one body may hold more", "bad_value"),
]


@pytest.mark.parametrize(("text", "line", "key", "words", "code"), FILES)
def test_files(find: Find, tmp_path: Path, text: str, line: int, key: str, words: str, code: str) -> None:
    """Every fault of a file is told with its line and key, and what to do."""
    (problem,) = find(file=text)
    assert (problem.file, problem.line, problem.key) == (str(tmp_path / "stationmaster.toml"), line, key)
    assert words in str(problem)
    assert problem.code == f"error.config.{code}"
    assert problem.code in CODES


VARIABLES: list[tuple[dict[str, str], str, str, str]] = [
    # variables, the one that is blamed, words, code
    ({"STATIONMASTER__CONSOLE__PROT": "1"}, "STATIONMASTER__CONSOLE__PROT", f'did you mean "{PORT}"?', "unknown_key"),
    ({"STATIONMASTER__CONSOLE": "{}"}, "STATIONMASTER__CONSOLE", "unknown setting", "unknown_key"),
    ({"STATIONMASTER__console__port": "1"}, "STATIONMASTER__console__port", f'did you mean "{PORT}"?', "unknown_key"),
    ({f"{PORT}_FILE": "x"}, f"{PORT}_FILE", f'did you mean "{PORT}"?', "unknown_key"),
    ({PORT: "x"}, PORT, "expected a whole number from 1 to 65535", "bad_value"),
    ({PORT: "70000"}, PORT, "expected a whole number from 1 to 65535", "bad_value"),
    ({"STATIONMASTER__LOGIN__LOCAL": "perhaps"}, "STATIONMASTER__LOGIN__LOCAL", "expected true or false", "bad_value"),
    ({"STATIONMASTER_DATABASE_URL": "h"}, "STATIONMASTER_DATABASE_URL", "expected a URL", "bad_value"),
    ({"STATIONMASTER_MASTER_KEY_FILE": "/gone"}, "STATIONMASTER_MASTER_KEY_FILE", "No such file", "secret"),
    ({"STATIONMASTER_DATABASE_URL": "sqlite:///a", "STATIONMASTER_DATABASE_URL_FILE": "/b"},
     "STATIONMASTER_DATABASE_URL_FILE", "database.url is also set by STATIONMASTER_DATABASE_URL", "duplicate"),
    ({"STATIONMASTER_DATABASE_URL": "sqlite:///a", "STATIONMASTER__DATABASE__URL": "sqlite:///b"},
     "STATIONMASTER_DATABASE_URL", "is also set by STATIONMASTER__DATABASE__URL", "duplicate"),
]  # fmt: skip


@pytest.mark.parametrize(("environ", "name", "words", "code"), VARIABLES)
def test_variables(find: Find, environ: dict[str, str], name: str, words: str, code: str) -> None:
    """Every fault of a variable is told with its name."""
    (problem,) = find(environ=environ)
    assert (problem.file, problem.line, problem.key) == ("environment", 0, name)
    assert words in str(problem)
    assert problem.code == f"error.config.{code}"
    assert str(problem).startswith(f"environment: {name}: ")


def test_flags(find: Find) -> None:
    """A fault of an option is told with the option's name."""
    (problem,) = find(flags={"console.port": Flag("--port", 0)})
    assert str(problem) == "command line: --port: expected a whole number from 1 to 65535"


def test_everything_at_once(find: Find) -> None:
    """Faults of options, variables and file come together; nobody corrects one after another."""
    problems = find(
        file="[console]\nprot = 1\nport = 0\n\n[nowhere]\n", environ={PORT: "x", "STATIONMASTER__X": "1"},
        flags={"console.port": Flag("--port", 0)},
    )
    assert [problem.key for problem in problems] == [
        "--port", "STATIONMASTER__CONSOLE__PORT", "STATIONMASTER__X", "console.prot", "console.port", "nowhere",
    ]


def test_a_named_file_that_is_not_there(find: Find) -> None:
    """A file that somebody named is not passed over."""
    (problem,) = find(environ={"STATIONMASTER_CONFIG": "gone.toml"})
    assert problem.code == "error.config.unreadable"
    assert problem.file.endswith("gone.toml")


def test_an_empty_variable_is_not_set(read: Read) -> None:
    """As compose files and CI write `${X:-}`: empty is absent, for every setting."""
    environ = {name: "" for field in FIELDS.values() for name in variables(field) if name != "STATIONMASTER_DATA"}
    settings = read(environ=environ)
    assert {settings.origin(name).kind for name in FIELDS if name != "data.dir"} == {"default"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("10.0.0.0/8", ("10.0.0.0/8",)), (" vault.internal , ::1,", ("vault.internal", "::1")), (",", ())],
)
def test_lists_in_variables(read: Read, text: str, value: tuple[str, ...]) -> None:
    """A variable holds a list by commas."""
    assert read(environ={"STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": text}).outbound.allowed_private == value


@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if not field.secret])
def test_every_default_may_be_written_down(read: Read, name: str) -> None:
    """What `config show` prints can be put into a variable, and means the same there."""
    shown: Any = read().shown(name)
    text = ",".join(map(str, shown)) if isinstance(shown, list) else str(shown).lower() if isinstance(shown, bool) else str(shown)
    text = "" if shown is None else text
    assert read(environ={FIELDS[name].variables[0]: text} if name != "data.dir" else {}).shown(name) == shown
