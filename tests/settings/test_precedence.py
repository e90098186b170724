"""Flag > environment > file > saved > default, and every value knows where it came from."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from settings.kit import Row
from stationmaster.gateway.config.tables import GatewayTable
from stationmaster.gateway.core import snapshot
from stationmaster.settings import FIELDS, Flag, Origin, Settings, check_value, find_file, load, with_saved

Read = Callable[..., Settings]

LAYERS: list[tuple[str, int, str]] = [
    ("flag", 5001, "--port"),
    ("env", 5002, "STATIONMASTER__CONSOLE__PORT"),
    ("file", 5003, "stationmaster.toml:2"),
    ("stored", 5004, "by op_1 at 2026-11-22"),
]


def given(kinds: tuple[str, ...]) -> dict[str, Any]:
    """What `read` is handed when these layers have a port."""
    every: dict[str, dict[str, Any]] = {
        "flag": {"flags": {"console.port": Flag("--port", 5001)}},
        "env": {"environ": {"STATIONMASTER__CONSOLE__PORT": "5002"}},
        "file": {"file": "[console]\nport = 5003\n"},
        "stored": {"saved": {"console.port": 5004}},
    }
    return {name: value for kind in kinds for name, value in every[kind].items()}


@pytest.mark.parametrize("kinds", [each for n in range(5) for each in combinations([kind for kind, _, _ in LAYERS], n)])
def test_the_strongest_layer_wins(read: Read, tmp_path: Path, kinds: tuple[str, ...]) -> None:
    """Whichever layers have a value, the strongest decides, is named as the origin, and locks what is above "stored"."""
    settings = read(**given(kinds))
    kind, value, where = next(((k, v, w) for k, v, w in LAYERS if k in kinds), ("default", 4001, ""))
    origin = settings.origin("console.port")
    assert (settings.console.port, origin.kind) == (value, kind)
    assert origin.where.removeprefix(f"{tmp_path}/") == where
    assert settings.locked("console.port") is (kind in {"flag", "env", "file"})


def test_options_left_out_do_not_count(read: Read) -> None:
    """An option that the command line did not have is handed over as None, and is as good as absent."""
    settings = read(flags={"console.port": Flag("--port", None)}, file="[console]\nport = 5003\n")
    assert settings.origin("console.port").kind == "file"


def test_layers_mix_within_a_section(read: Read) -> None:
    """One section's keys may come from different places."""
    settings = read(environ={"STATIONMASTER__CONSOLE__HOST": "::1"}, **given(("file",)))
    assert (settings.console.host, settings.console.port) == ("::1", 5003)


def test_nothing_is_read_behind_ones_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Settings()` is all defaults, whatever the environment says."""
    monkeypatch.setenv("STATIONMASTER__CONSOLE__PORT", "5005")
    monkeypatch.setenv("CONSOLE", '{"port": 5006}')
    assert Settings().console.port == 4001
    assert {Settings().origin(name) for name in FIELDS} == {Origin("default")}


def test_it_is_frozen(read: Read) -> None:
    """Nobody changes a setting in place."""
    settings = read()
    with pytest.raises(ValidationError):
        settings.console.port = 1
    with pytest.raises(ValidationError):
        settings.console = settings.console


def test_names_that_are_none(read: Read) -> None:
    """Asking for a setting that does not exist is a KeyError, not a default."""
    for name in ("console", "console.prot", "nothing.at.all", "", "console.model_config.x"):
        for ask in (read().origin, read().locked, read().value, read().shown):
            with pytest.raises(KeyError):
                ask(name)


def test_saved_values_change_while_running(read: Read) -> None:
    """New saved values go under the same flags, variables and file; those taken away fall back to the default."""
    first = read(**given(("env",)), saved={"retention.raw_events_days": 7, "console.port": 9})
    assert (first.retention.raw_events_days, first.console.port) == (7, 5002)
    second = with_saved(first, {"ui.language": Row("zh-CN")})
    assert (second.retention.raw_events_days, second.console.port, second.ui.language) == (30, 5002, "zh-CN")
    assert first.ui.language == "auto"


def test_what_reads_saved_values_sees_the_rest(tmp_path: Path) -> None:
    """To read saved values one must know where the database is: flags, variables and file are there by then."""
    seen: list[str] = []

    def saved(settings: Settings) -> dict[str, Row]:
        seen.append(settings.database.url.get_secret_value())
        return {}

    load(environ={"STATIONMASTER_DATABASE_URL": "postgresql:///sm"}, folder=tmp_path, saved=saved)
    assert seen == ["postgresql:///sm"]


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("console.prot", 1, 'no setting that can be saved — did you mean "console.port"?'),
        ("data.dir", "/x", "no setting that can be saved"),
        ("oidc.client_secret", "x", "no setting that can be saved"),
        ("console.port", "5004", "expected a whole number from 1 to 65535"),
        ("console.port", 4000, "console and gateway need a port each"),
        ("console.port", 4002, "console.port and gateway.metrics_port are one port"),
        ("console.host", "0.0.0.0", "without TLS, passwords and tokens could be read on the way"),
        ("gateway.max_body_mib", 1000, "one body may hold more than all bodies together"),
    ],
)
def test_saved_values_that_cannot_be_used(read: Read, name: str, value: Any, why: str) -> None:
    """A saved value that no longer fits stops nothing and changes nothing: it is told, and the others count."""
    settings = read(saved={name: value, "retention.raw_events_days": 7})
    (problem,) = settings.ignored
    assert why in str(problem)
    assert settings.retention.raw_events_days == 7
    assert "stored" not in {settings.origin(each).kind for each in FIELDS if each != "retention.raw_events_days"}


def test_a_saved_value_does_not_blame_the_file(read: Read) -> None:
    """Where a saved value and the file clash, the file stands and the saved value goes; a saved value may also be what
    keeps the file's from clashing."""
    clashing = read(file="[gateway]\nport = 5000\n", saved={"console.port": 5000})
    assert (clashing.console.port, len(clashing.ignored)) == (4001, 1)
    rescued = read(file="[gateway]\nport = 4001\n", saved={"console.port": 5000})
    assert (rescued.gateway.port, rescued.console.port, rescued.ignored) == (4001, 5000, ())


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    """The named file, else the one here, else the one in the data folder; a named one that is not there is an error,
    the others may be missing."""
    here, data = tmp_path / "here", tmp_path / "data"
    for folder in (here, data):
        folder.mkdir()
    assert find_file({}, here, data) is None
    (data / "stationmaster.toml").touch()
    assert find_file({}, here, data) == data / "stationmaster.toml"
    (here / "stationmaster.toml").touch()
    assert find_file({}, here, data) == here / "stationmaster.toml"
    assert find_file({"STATIONMASTER_CONFIG": "other.toml"}, here, data) == here / "other.toml"


def test_the_data_folder_of_a_flag_is_searched(tmp_path: Path) -> None:
    """`--data` says where a file may be found, too."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "stationmaster.toml").write_text("[console]\nport = 5003\n")
    settings = load(environ={}, folder=tmp_path, flags={"data.dir": Flag("--data", Path("data"))})
    assert (settings.folder, settings.console.port) == (tmp_path / "data", 5003)


def test_relative_paths(read: Read, tmp_path: Path) -> None:
    """A path starts where it was written: at the file's folder, or, in a variable, where the command runs; ~ is home."""
    settings = read(file='[gateway]\nca_bundle = "ca.pem"\n', environ={"STATIONMASTER__GATEWAY__STATE_FILE": "spent"})
    assert (settings.gateway.ca_bundle, settings.gateway.state_file) == (tmp_path / "ca.pem", tmp_path / "spent")
    assert read(environ={"STATIONMASTER_DATA": "~/sm"}).folder == Path.home() / "sm"
    assert read(environ={"STATIONMASTER_DATA": "~nobody-of-that-name/sm"}).folder.is_absolute()
    assert Settings().folder == Path.home() / ".local/share/stationmaster"


def test_the_gateway_section_is_gateway_tomls() -> None:
    """`[gateway]` has gateway.toml's keys, in its order, with its defaults and bounds, in its units."""
    keys = [name.removeprefix("gateway.") for name in FIELDS if name.startswith("gateway.")]
    assert keys == list(GatewayTable.__struct_fields__)
    assert Settings().gateway.for_snapshot() == snapshot.Settings()


@pytest.mark.parametrize("key", GatewayTable.__struct_fields__)
def test_the_gateway_section_has_the_same_bounds(key: str) -> None:
    """A number that gateway.toml takes is taken here, and the next beyond its bounds is refused in both."""
    metas = getattr(GatewayTable.__annotations__[key], "__metadata__", ())
    for low, high in [(meta.ge, meta.le) for meta in metas if meta.ge is not None]:
        assert [check_value(f"gateway.{key}", end) for end in (low, high)] == [low, high]
        for beyond in (low - 1, high + 1):
            with pytest.raises(ValueError, match=f"number from {low} to {high}"):
                check_value(f"gateway.{key}", beyond)


def test_the_gateway_section_reaches_the_gateway(read: Read, tmp_path: Path) -> None:
    """What is set in `[gateway]` is what a gateway is given: MiB as bytes, paths as text, names as they stand."""
    text = '[gateway]\nmax_body_mib = 2\nca_bundle = "ca.pem"\nidle_timeout_seconds = 3\nhost = "::"\ndefault_pool = "a"\n'
    expected = snapshot.Settings(
        max_body_bytes=2 << 20, ca_bundle=str(tmp_path / "ca.pem"), idle_timeout=3.0, host="::", default_pool="a"
    )
    assert read(file=text).gateway.for_snapshot() == expected


def test_saving_is_checked_by_the_same_rules() -> None:
    """Whoever saves a setting can check it first: the value as it will be used, or words that say what is expected."""
    assert check_value("outbound.allowed_private", ["10.1.2.3", "Vault.Internal"]) == ("10.1.2.3", "vault.internal")
    with pytest.raises(ValueError, match="expected one of auto, en, zh-CN"):
        check_value("ui.language", "fr")
    with pytest.raises(KeyError):
        check_value("ui.colour", "blue")
