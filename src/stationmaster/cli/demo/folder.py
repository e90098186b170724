"""Where the demo keeps its data: beside the real thing's folder, never in it."""

from pathlib import Path

from stationmaster.cli.config import settings_of

_ENDING = "-demo"


def folder_of(config: Path | None, data: Path | None) -> Path:
    """The folder that was named, else the data folder's neighbour with `-demo` behind its name; a data folder that is called
    so already, as when STATIONMASTER_DATA names the demo's, is it. Raises ConfigError."""
    if data is not None:
        return data
    usual = settings_of(config, None).folder
    return usual if usual.name.endswith(_ENDING) else usual.with_name(f"{usual.name}{_ENDING}")
