"""A file → what is wanted. Owns: TOML and YAML, every check that can be made before anything is asked of a database, and where
a secret of the file comes from. All that is wrong is told at once, with its line.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import msgspec

from stationmaster.cli.declared import sources
from stationmaster.cli.declared.document import Document, spelled
from stationmaster.cli.declared.sealed import Secret
from stationmaster.cli.declared.tables import OURS, SEALED, STORED, TABLES, Kind, Name, Sort, needs_secret
from stationmaster.cli.declared.yaml_form import yaml_of
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config import ConfigError, build, reach, references
from stationmaster.gateway.config.problems import Place
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import SecretError, Surroundings, check_use, fetched, resolve
from stationmaster.gateway.config.shape import check_tables, read_many, read_one
from stationmaster.gateway.config.source import _toml as toml_of
from stationmaster.gateway.config.tables import CredentialTable, GatewayTable
from stationmaster.issuers import own
from stationmaster.publishing import rules
from stationmaster.workspaces.tables import check_vendor

Form = Literal["toml", "yaml"]
Rows = Sequence[Placed[Any]]
Known = Mapping[Kind, Collection[str]]


@dataclass(frozen=True)
class Wanted:
    """What a file wants. `given`: secrets, and hashes of keys, that it gives; `left`: settings of `[gateway]` in it, which are
    not routing objects."""

    document: Document
    given: Mapping[Name, Secret]
    left: tuple[str, ...] = ()


def read(text: str, file: str, form: Form, around: Surroundings, known: Known) -> Wanted:
    """Read a file. `known`: what exists beside it, so that it may be named. Raises ConfigError."""
    tables = toml_of(text, file) if form == "toml" else yaml_of(text, file)
    report = Report(file, text if form == "toml" else "")
    check_tables({name: value for name, value in tables.items() if name not in OURS}, report)
    gateway = read_one(tables, "gateway", GatewayTable, report)
    plain = sources.without(tables)
    rows: dict[Kind, Rows] = {kind: read_many(plain, kind, table, report) for kind, table in TABLES.items()}
    given: dict[Name, Secret] = {}
    rows["credential"] = list(_with_sources(tables, rows["credential"], around, report, given))
    _check_names(rows, gateway.default_pool, known, report)
    given |= dict(each for kind in TABLES for row in rows[kind] for each in _READERS[kind](row, around, report))
    if problems := report.problems():
        raise ConfigError(problems)
    entries = {kind: tuple(_entry(kind, row.table) for row in rows[kind]) for kind in TABLES}
    left = tuple(sorted(tables.get("gateway", {}).keys() - {"default_pool"}))
    return Wanted(Document(entries, gateway.default_pool or None), given, left)


def _entry(kind: Kind, table: Any) -> dict[str, Any]:
    if kind in SEALED:
        has = needs_secret(kind, msgspec.structs.asdict(table)) or (kind == "target" and table.secret)
        table = msgspec.structs.replace(table, secret=f"{STORED}{table.id}" if has else "")
    return spelled(table)


def _with_sources(
    tables: Mapping[str, Any], rows: Rows, around: Surroundings, report: Report, given: dict[Name, Secret]
) -> Iterator[Placed[Any]]:
    """The credentials with their sources; what the file gives for sealed parts goes into `given`."""
    for row, table in zip(rows, tables["credential"] if rows else (), strict=True):
        if "source" not in table:
            yield row
            continue
        entry, written = sources.read(table["source"], row, report)
        for mark, text in written.items():
            place, check = (*row.place, "source", mark), partial(own.refuse_shape, field=mark)
            given |= _given(sources.SEALED[mark], row.table.id, text, place, partial(_any_text, around, check), report)
        yield Placed(row.place, msgspec.structs.replace(row.table, source=entry))


def _check_names(rows: Mapping[Kind, Rows], default_pool: str, known: Known, report: Report) -> None:
    names = {kind: dict.fromkeys(known[kind], ()) | references.places_by_id(rows[kind], report)
             for kind in TABLES if kind != "route"}  # fmt: skip
    references.check_workspaces(rows["credential"], names["workspace"], report)
    sources.check_names(rows["credential"], names["credential"], report)
    references.check_pools(rows["pool"], names["credential"], report)
    references.check_routes(rows["route"], names["pool"], report)
    references.check_key_pools(rows["key"], names["pool"], report)
    references.check_default_pool(default_pool, names["pool"], report)
    references.check_hashes(rows["key"], report)
    _check_default(rows["target"], report)
    reach.check_aliases(rows["route"], report)
    reach.check_reach(rows["route"], report)


def _check_default(targets: Rows, report: Report) -> None:
    """There is one default."""
    for row in [each for each in targets if each.table.default][1:]:
        report.add("error.config.duplicate", (*row.place, "default"), "another target is the default already")


Found = list[tuple[Name, Secret]]


def _of_workspace(row: Placed[Any], around: Surroundings, report: Report) -> Found:
    check_vendor(row, report)
    build.check_base_url(CredentialTable(vendor=row.table.vendor, base_url=row.table.base_url,
                                         allow_insecure_http=row.table.allow_insecure_http), row.place, report)  # fmt: skip
    return _secret("workspace", row, around, report)


def _of_credential(row: Placed[Any], around: Surroundings, report: Report) -> Found:
    build.credential(Placed(row.place, msgspec.structs.replace(row.table, secret="")), around, report)
    if row.table.source:
        return []
    return _secret("credential", row, around, report)


def _of_key(row: Placed[Any], _around: Surroundings, report: Report) -> Found:
    key = build.key(row, report)
    return [(("key", key.id), Secret("(the file's)", key.secret_sha256))] if key.secret_sha256 else []


def _of_target(row: Placed[Any], around: Surroundings, report: Report) -> Found:
    rules.check_address(row, report)
    rules.check_kind(row, report)

    def taken(written: str) -> str:
        text = _any_text(around, lambda _: None, written)
        rules.check_secret(Placed(row.place, msgspec.structs.replace(row.table, secret=text)), report)
        return text

    return [*_given("target", row.table.id, row.table.secret, (*row.place, "secret"), taken, report).items()]


def _secret(kind: Kind, row: Placed[Any], around: Surroundings, report: Report) -> Found:
    """The secret that a table gives, unless it leaves it to what is stored."""

    def taken(written: str) -> str:
        secret = resolve(written, around)
        _check_use(kind, secret, row.table.vendor)
        return secret

    return [*_given(kind, row.table.id, row.table.secret, (*row.place, "secret"), taken, report).items()]


def _given(
    sort: Sort, name: str, written: str, place: Place, taken: Callable[[str], str], report: Report
) -> dict[Name, Secret]:
    """What is written for a secret, taken for what it stands for; nothing where it is left to what is stored."""
    if written.startswith(STORED) and written != f"{STORED}{name}":
        report.add("error.config.secret", place, "what is stored belongs to its own row", f'write "{STORED}" and the id')
    if not written or written.startswith(STORED):
        return {}
    try:
        secret = taken(written)
    except StationmasterError as error:
        report.add(error.code, place, next(iter(error.fields.values()), error.message), error.hint)
        return {}
    reference = written if written.startswith(("env:", "file:")) else "(the file's)"
    return {(sort, name): Secret(reference, secret)}


def _any_text(around: Surroundings, check: Callable[[str], None], written: str) -> str:
    """What it stands for, as it is: passwords, certificates and documents may hold spaces and lines."""
    text = fetched(written, around)
    if not text:
        raise SecretError("error.config.secret", "it is empty")
    check(text)
    return text


def _check_use(kind: Kind, secret: str, vendor: str) -> None:
    """A workspace takes the admin key that a credential must not be."""
    try:
        check_use(secret, vendor)
    except SecretError as error:
        if kind != "workspace" or error.code != "error.credential.admin_key":
            raise


_READERS: Mapping[Kind, Callable[[Placed[Any], Surroundings, Report], Found]] = {
    "workspace": _of_workspace, "credential": _of_credential, "key": _of_key, "target": _of_target,
    "pool": lambda *_: [], "route": lambda *_: [],
}  # fmt: skip
