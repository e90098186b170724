"""`stationmaster.toml` → a layer of given values, unchecked. Owns the file's form: tables, unknown and double keys, lines.

No secret may stand in the file itself: it names a file that holds it, by the key with `_file` behind.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from stationmaster.gateway.config import ConfigError, Problem, lines
from stationmaster.gateway.config.problems import Place, did_you_mean, dotted
from stationmaster.gateway.config.source import _text, _toml
from stationmaster.settings.fields import FIELDS, TWIN, Field
from stationmaster.settings.layers import Read, placed, problem, secret_in
from stationmaster.settings.masks import has_password
from stationmaster.settings.root import Given, Origin, Spot

SECTIONS = tuple(dict.fromkeys(field.section for field in FIELDS.values()))
_ROUTING = {"credential", "pool", "route", "key"}


def of_file(path: Path) -> Read:
    """The settings of a `stationmaster.toml`."""
    try:
        text = _text(path)
        document = _toml(text, str(path))
    except ConfigError as error:
        hint = "name another with --config; `stationmaster config schema` describes what stands in it"
        return Read({}, tuple(msgspec.structs.replace(each, hint=each.hint and hint) for each in error.problems))
    reader = _FileReader(path, lines.index(text))
    reader.read(document)
    return Read(reader.layer, tuple(reader.problems))


class _FileReader:
    """Walks a parsed file, and knows the line of everything in it."""

    def __init__(self, path: Path, index: dict[Place, int]) -> None:
        self.layer: dict[str, Given] = {}
        self.problems: list[Problem] = []
        self._path = path
        self._index = index

    def _spot(self, *place: str) -> Spot:
        return Spot(str(self._path), lines.nearest(self._index, place), dotted(place))

    def _add(self, place: tuple[str, ...], code: str, message: str, hint: str = "") -> None:
        self.problems.append(problem(self._spot(*place), code, message, hint))

    def read(self, document: Mapping[str, Any]) -> None:
        """Take every table."""
        for section, table in document.items():
            if section not in SECTIONS:
                self._add((section,), "unknown_key", "unknown table", _other_table(section))
            elif not isinstance(table, dict):
                self._add((section,), "bad_value", "expected a table", f"write [{section}] once, and its keys below")
            else:
                self._table(section, table)

    def _table(self, section: str, table: Mapping[str, Any]) -> None:
        keys = {key: field for field in FIELDS.values() if field.section == section for key in _keys(field)}
        for key, value in table.items():
            field = keys.get(key)
            if field is None:
                hint = did_you_mean(key, keys) or f"the keys here are {', '.join(keys)}"
                self._add((section, key), "unknown_key", "unknown key", hint)
            elif field.name in self.layer:
                self._add((section, key), "duplicate", f"{field.name} is given twice", "take one of them out")
            else:
                self._take(field, key, value)

    def _take(self, field: Field, key: str, value: Any) -> None:
        place, folder = (field.section, key), self._path.parent.absolute()
        if key != field.key:
            self._twin(field, key, value, folder)
        elif field.secret and isinstance(value, str) and (has_password(value) if field.is_url else value):
            hint = f'write {key}{TWIN} = "/path", or set {field.variables[-1]}'
            self._add(place, "literal_secret", "the secret itself stands in the file", hint)
        else:
            self._given(field, place, placed(field, value, folder), "")

    def _twin(self, field: Field, key: str, value: Any, folder: Path) -> None:
        place = (field.section, key)
        try:
            self._given(field, place, secret_in(folder / value), f" ({value})")
        except OSError as error:
            self._add(place, "secret", f"cannot read the file it names: {error.strerror}")
        except (ValueError, TypeError):
            self._add(place, "secret", "cannot read the file it names as text")

    def _given(self, field: Field, place: tuple[str, str], value: Any, tail: str) -> None:
        spot = self._spot(*place)
        self.layer[field.name] = Given(value, Origin("file", f"{spot.file}:{spot.line}{tail}"), spot)


def _other_table(section: str) -> str:
    if section in _ROUTING:
        return "credentials, pools, routes and keys are not settings: they go into a file for `stationmaster apply`"
    return did_you_mean(section, SECTIONS) or f"the tables are {', '.join(SECTIONS)}"


def _keys(field: Field) -> tuple[str, ...]:
    return (field.key, f"{field.key}{TWIN}") if field.secret else (field.key,)
