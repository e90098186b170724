"""A file → what is wanted. Owns: TOML and YAML, every check that can be made before anything is asked of a database, and where
a secret of the file comes from. All that is wrong is told at once, with its line.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec
import yaml

from stationmaster.cli.declared.document import Document, spelled
from stationmaster.cli.declared.tables import SEALED, STORED, TABLES, Kind, has_secret
from stationmaster.gateway.config import ConfigError, Problem, build, reach, references
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import SecretError, Surroundings, check_use, resolve
from stationmaster.gateway.config.shape import check_tables, read_many, read_one
from stationmaster.gateway.config.source import _toml as toml_of
from stationmaster.gateway.config.tables import CredentialTable, GatewayTable
from stationmaster.workspaces.tables import check_vendor

Form = Literal["toml", "yaml"]
Rows = Sequence[Placed[Any]]
Known = Mapping[Kind, Collection[str]]
Name = tuple[Kind, str]


@dataclass(frozen=True)
class Secret:
    """A secret that a file gives, and how it may be shown: its reference."""

    shown: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class Wanted:
    """What a file wants. `given`: secrets, and hashes of keys, that it gives; `left`: settings of `[gateway]` in it, which are
    not routing objects."""

    document: Document
    given: Mapping[Name, Secret]
    left: tuple[str, ...] = ()


def read(text: str, file: str, form: Form, around: Surroundings, known: Known) -> Wanted:
    """Read a file. `known`: what exists beside it, so that it may be named. Raises ConfigError."""
    tables = toml_of(text, file) if form == "toml" else _yaml_of(text, file)
    report = Report(file, text if form == "toml" else "")
    check_tables({name: value for name, value in tables.items() if name != "workspace"}, report)
    gateway = read_one(tables, "gateway", GatewayTable, report)
    rows: dict[Kind, Rows] = {kind: read_many(tables, kind, table, report) for kind, table in TABLES.items()}
    _check_names(rows, gateway.default_pool, known, report)
    given = dict(each for kind in TABLES for row in rows[kind] for each in _READERS[kind](row, around, report))
    if problems := report.problems():
        raise ConfigError(problems)
    entries = {kind: tuple(_entry(kind, row.table) for row in rows[kind]) for kind in TABLES}
    left = tuple(sorted(tables.get("gateway", {}).keys() - {"default_pool"}))
    return Wanted(Document(entries, gateway.default_pool or None), given, left)


def _entry(kind: Kind, table: Any) -> dict[str, Any]:
    if kind in SEALED:
        table = msgspec.structs.replace(table, secret=f"{STORED}{table.id}" if has_secret(kind, table.vendor) else "")
    return spelled(table)


def _check_names(rows: Mapping[Kind, Rows], default_pool: str, known: Known, report: Report) -> None:
    names = {kind: dict.fromkeys(known[kind], ()) | references.places_by_id(rows[kind], report)
             for kind in TABLES if kind != "route"}  # fmt: skip
    references.check_pools(rows["pool"], names["credential"], report)
    references.check_routes(rows["route"], names["pool"], report)
    references.check_key_pools(rows["key"], names["pool"], report)
    references.check_default_pool(default_pool, names["pool"], report)
    references.check_hashes(rows["key"], report)
    reach.check_aliases(rows["route"], report)
    reach.check_reach(rows["route"], report)


Found = list[tuple[Name, Secret]]


def _of_workspace(row: Placed[Any], around: Surroundings, report: Report) -> Found:
    check_vendor(row, report)
    build.check_base_url(CredentialTable(vendor=row.table.vendor, base_url=row.table.base_url,
                                         allow_insecure_http=row.table.allow_insecure_http), row.place, report)  # fmt: skip
    return _secret("workspace", row, around, report)


def _of_credential(row: Placed[Any], around: Surroundings, report: Report) -> Found:
    build.credential(Placed(row.place, msgspec.structs.replace(row.table, secret="")), around, report)
    return _secret("credential", row, around, report)


def _of_key(row: Placed[Any], _around: Surroundings, report: Report) -> Found:
    key = build.key(row, report)
    return [(("key", key.id), Secret("(the file's)", key.secret_sha256))] if key.secret_sha256 else []


def _secret(kind: Kind, row: Placed[Any], around: Surroundings, report: Report) -> Found:
    """The secret that a table gives, unless it leaves it to what is stored."""
    written, place = row.table.secret, (*row.place, "secret")
    if written.startswith(STORED) and written != f"{STORED}{row.table.id}":
        report.add("error.config.secret", place, "what is stored belongs to its own row", f'write "{STORED}" and the id')
    if not written or written.startswith(STORED):
        return []
    try:
        secret = resolve(written, around)
        _check_use(kind, secret, row.table.vendor)
    except SecretError as error:
        report.add(error.code, place, error.message, error.hint)
        return []
    reference = written if written.startswith(("env:", "file:")) else "(the file's)"
    return [((kind, row.table.id), Secret(reference, secret))]


def _check_use(kind: Kind, secret: str, vendor: str) -> None:
    """A workspace takes the admin key that a credential must not be."""
    try:
        check_use(secret, vendor)
    except SecretError as error:
        if kind != "workspace" or error.code != "error.credential.admin_key":
            raise


_READERS: Mapping[Kind, Callable[[Placed[Any], Surroundings, Report], Found]] = {
    "workspace": _of_workspace, "credential": _of_credential, "key": _of_key,
    "pool": lambda *_: [], "route": lambda *_: [],
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """YAML as the tables need it: a date is the text that was written, and no key is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if any(not isinstance(key, str) for key in keys):
            raise yaml.constructor.ConstructorError(None, None, "a key that is no string", node.start_mark)
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "one key given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_str)  # type: ignore[type-var]


def _yaml_of(text: str, file: str) -> dict[str, Any]:
    """The tables of a YAML file. Raises ConfigError, whose message repeats nothing of the file."""
    line, why = 0, "a table of tables is expected"
    try:
        tables = yaml.load(text, _Loader)  # noqa: S506  a SafeLoader
        if tables is None:
            return {}
        if isinstance(tables, dict):
            return tables
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark
        line, why = (mark.line + 1 if mark else 0), "not YAML"
        if isinstance(error, yaml.constructor.ConstructorError) and error.problem in _OURS:
            why = str(error.problem)
    except (yaml.YAMLError, RecursionError, ValueError):
        why = "not YAML"
    raise ConfigError([Problem(file, line, "", why, code="error.config.syntax")])


_OURS = ("a key that is no string", "one key given twice")
