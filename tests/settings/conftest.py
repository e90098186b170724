"""What every test of the settings needs: reading them with made-up variables, flags, file and saved values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from settings.kit import Row
from stationmaster.gateway.config import ConfigError, Problem
from stationmaster.settings import Flag, Settings, load

Read = Callable[..., Settings]
Find = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read settings in an empty folder; `file` is the text of its stationmaster.toml."""

    def read(
        *, file: str | None = None, environ: Mapping[str, str] | None = None, flags: Mapping[str, Flag] | None = None,
        saved: Mapping[str, Any] | None = None,
    ) -> Settings:  # fmt: skip
        if file is not None:
            (tmp_path / "stationmaster.toml").write_text(file)
        around = {"STATIONMASTER_DATA": str(tmp_path / "data"), **(environ or {})}
        rows = {name: Row(value) for name, value in (saved or {}).items()}
        return load(flags=flags, environ=around, folder=tmp_path, saved=None if saved is None else lambda _: rows)

    return read


@pytest.fixture
def find(read: Read) -> Find:
    """Read settings that have problems, and return them."""

    def find(**given: Any) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            read(**given)
        return caught.value.problems

    return find
