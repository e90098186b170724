"""Where settings come from: flag > environment > file > saved by an admin > default. Owns finding and checking them.

Everything wrong with flags, variables and file is found at once. Saved values that cannot be used stop nothing: they
are left out and told (`Settings.ignored`), so that a value saved under an older version keeps nobody out.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stationmaster.gateway.config import ConfigError, Problem
from stationmaster.settings import document, layers
from stationmaster.settings.fields import FIELDS
from stationmaster.settings.layers import Flag, Saved
from stationmaster.settings.listener import in_clear_text
from stationmaster.settings.root import Given, Layer, Settings

FILE = "stationmaster.toml"
FILE_VARIABLE = "STATIONMASTER_CONFIG"
_LAX = {"env", "flag"}  # a text stands for a number there

ReadSaved = Callable[[Settings], Mapping[str, Saved]]


def load(
    *,
    flags: Mapping[str, Flag] | None = None,
    environ: Mapping[str, str] = os.environ,
    folder: Path = Path(),
    file: Path | None = None,
    saved: ReadSaved | None = None,
) -> Settings:
    """Read all settings.

    `flags` are by a setting's name ("console.port"); `folder` is where the process runs; `file` is the config file, and
    when it is None, the one that `find_file` finds; `saved` reads what admins saved, given the settings without that.
    Raises `ConfigError` with every problem of flags, variables and file.
    """
    given, problems = _checked(layers.of_flags(flags or {}, folder), layers.of_environment(environ, folder))
    path = file or find_file(environ, folder, Settings.of_layers(given).folder)
    if path is not None:
        below, more = _checked(document.of_file(path))
        given, problems = [*given, *below], [*problems, *more]
    settings = Settings.of_layers(given)
    if saved is not None and not problems:
        settings = with_saved(settings, saved(settings))
    problems += [told for _, told in _clashes(settings)]
    if problems:
        raise ConfigError(problems)
    return settings


def with_saved(settings: Settings, saved: Mapping[str, Saved]) -> Settings:
    """The same flags, variables and file over what admins have saved by now."""
    above = [layer for layer in settings._layers if not any(each.origin.kind == "stored" for each in layer.values())]
    (layer,), ignored = _checked(layers.of_saved(saved))
    while True:
        made = Settings.of_layers([*above, layer], ignored)
        clashes = [*_clashes(made), *_open(made)]
        unusable = [(name, told) for names, told in clashes for name in names if made.origin(name).kind == "stored"]
        if not unusable:
            return made
        layer = {name: each for name, each in layer.items() if name not in dict(unusable)}
        ignored += [told for _, told in unusable]


def find_file(environ: Mapping[str, str], folder: Path, data: Path) -> Path | None:
    """The config file: the one that STATIONMASTER_CONFIG names, else `stationmaster.toml` in `folder`, else in the data
    folder, else none."""
    if named := environ.get(FILE_VARIABLE):
        return folder / named
    return next((path for path in (folder / FILE, data / FILE) if _is_file(path)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that we may not look into; whoever uses it will say so
        return False


def check_value(name: str, value: Any) -> Any:
    """The value of a setting as it would be used, for whoever saves one. Raises KeyError for no setting's name and
    ValueError, with what was expected, for a value that does not fit."""
    field = FIELDS[name]
    plain = tuple(value) if isinstance(value, list) else value
    try:
        return field.adapter.validate_python(plain, strict=not field.is_path)
    except ValidationError:
        raise ValueError(f"expected {field.expected}") from None


def _checked(*reads: layers.Read) -> tuple[list[Layer], list[Problem]]:
    """The layers with their values checked, and all that is wrong with them."""
    problems = [each for read in reads for each in read.problems]
    good: list[Layer] = []
    for read in reads:
        layer = {name: _value(name, given) for name, given in read.layer.items()}
        good.append({name: each for name, each in layer.items() if isinstance(each, Given)})
        problems += [each for each in layer.values() if isinstance(each, Problem)]
    return good, sorted(problems, key=lambda each: (each.file, each.line, each.key))


def _value(name: str, given: Given) -> Given | Problem:
    field = FIELDS[name]
    try:
        value = field.adapter.validate_python(given.value, strict=given.origin.kind not in _LAX)
    except ValidationError:
        return layers.problem(given.spot, "bad_value", f"expected {field.expected}")
    return Given(value, given.origin, given.spot)


def _clashes(settings: Settings) -> Iterator[tuple[Iterable[str], Problem]]:
    """What is wrong with values that are right by themselves: the names, and the problem, told where it is set."""
    console, gateway = settings.console, settings.gateway
    for name, served in (("console", console), ("gateway", gateway)):
        if (served.tls_certificate is None) != (served.tls_key is None):
            yield _clash(settings, "tls_certificate and tls_key belong together", f"{name}.tls_certificate", f"{name}.tls_key")
    if console.port == gateway.port:
        yield _clash(settings, "console and gateway need a port each", "console.port", "gateway.port")
    for name, port in (("console.port", console.port), ("gateway.port", gateway.port)):
        if gateway.metrics_port == port:
            yield _clash(settings, f"{name} and gateway.metrics_port are one port", name, "gateway.metrics_port")
    if gateway.max_body_mib > gateway.body_budget_mib:
        message = "one body may hold more than all bodies together"
        yield _clash(settings, message, "gateway.max_body_mib", "gateway.body_budget_mib")


def _open(settings: Settings) -> Iterator[tuple[Iterable[str], Problem]]:
    """A saved host that would have the console listen in clear text; one that a flag or file says ends the start."""
    if in_clear_text(settings) and settings.origin("console.host").kind == "stored":
        message = "without TLS, passwords and tokens could be read on the way: set console.public_url, an https:// address, first"
        yield _clash(settings, message, "console.host")


def _clash(settings: Settings, message: str, *names: str) -> tuple[Iterable[str], Problem]:
    given = next(each for name in names if (each := settings.given(name)))  # defaults do not clash
    return names, layers.problem(given.spot, "bad_value", message)
