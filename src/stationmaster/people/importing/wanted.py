"""A row as it is wanted. Owns: reading the cells of a row by their fields, and what is wrong with one. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.folding import fold
from stationmaster.people import checks
from stationmaster.people.importing.fields import LOGIN, TEXTS
from stationmaster.vendors.registry import VENDORS

MAX_GROUPS: Final = 200          # of one person
_YES = frozenset({"true", "yes", "y", "1", "active", "enabled", "on", "是", "在职", "启用", "正常", "有效"})
_NO = frozenset({"false", "no", "n", "0", "inactive", "disabled", "off", "否", "离职", "停用", "禁用", "失效"})

Login = tuple[str, str]          # a vendor, and what it knows somebody by


@dataclass(frozen=True)
class Row:
    """A row of a file: its number, and its cells by their fields. `width` says how it has more or fewer cells than the heading:
    nobody knows then what is where, and `cells` has none."""

    number: int
    cells: Mapping[str, str] = field(default_factory=dict)
    width: str = ""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row. `field` may be empty; `message` repeats no value."""

    field: str
    code: str
    message: str


@dataclass(frozen=True)
class Wanted:
    """What a row says of a person. None: nothing. `values` are plain columns."""

    values: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    active: bool | None = None
    further: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    logins: frozenset[Login] | None = None       # all of them
    at: Mapping[str, str] = field(default_factory=dict)      # the one log-in at a vendor, of columns of their own


def read(row: Row) -> Wanted | list[Fault]:
    """What the row says, or everything that is wrong with it."""
    if row.width:
        return [Fault("", "import.width", row.width)]
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name, cell in row.cells.items():
        try:
            found[name] = _read(name, cell)
        except Invalid as error:
            faults.append(Fault(name, "import.value", _why(error)))
        except ValueError as error:
            faults.append(Fault(name, "import.value", str(error)))
    return faults or _wanted(found)


def keys_of(row: Row) -> list[str]:
    """The names under which nobody else may be in the same file."""
    found = {name: fold(row.cells.get(name, "")) for name in ("id", "user_name", "email")}
    return [f"{name} {value}" for name, value in found.items() if value]


def _read(name: str, cell: str) -> Any:
    if name in TEXTS:
        return checks.checked({name: cell})[name] if cell or name != "user_name" else ""
    if name == "active":
        return _active(cell)
    if name == "further_emails":
        pairs = checks.checked({"further_emails": _listed(cell)})["further_emails"]
        return tuple(address for address, _ in pairs)
    if name == "groups":
        return _groups(cell)
    if name == "logins":
        return frozenset(_login(each) for each in _json(cell))
    return checks.login(cell) if name.startswith(LOGIN) and cell.strip() else cell.strip()


def _wanted(found: Mapping[str, Any]) -> Wanted:
    at = {name.removeprefix(LOGIN): value for name, value in found.items() if name.startswith(LOGIN) and value}
    return Wanted(
        {name: value for name, value in found.items() if name in TEXTS}, found.get("id", ""), found.get("active"),
        found.get("further_emails"), found.get("groups"), found.get("logins"), at,
    )


def _active(cell: str) -> bool:
    said = fold(cell)
    if said and said not in _YES | _NO:
        raise ValueError("expected yes or no")
    return said not in _NO


def _groups(cell: str) -> tuple[str, ...]:
    names = {fold(name): checks.name_of_group(name) for name in _listed(cell)}
    if len(names) > MAX_GROUPS:
        raise ValueError(f"expected at most {MAX_GROUPS} groups")
    return tuple(names.values())


def _listed(cell: str) -> list[str]:
    """Several values of one cell: by semicolons, or as JSON, as an export writes them."""
    if cell.startswith("["):
        values = _json(cell)
        if not all(isinstance(each, str) for each in values):
            raise ValueError("expected a list of texts")
        return values
    return [part for part in (each.strip() for each in cell.replace("\uff1b", ";").split(";")) if part]


def _json(cell: str) -> list[Any]:
    if not cell.strip():
        return []
    try:
        values = json.loads(cell)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, list):
        return values
    raise ValueError("expected a list, in JSON")


def _login(given: Any) -> Login:
    if not (isinstance(given, dict) and isinstance(given.get("vendor"), str) and given["vendor"] in VENDORS):
        raise ValueError('expected a list like [{"vendor": "github_copilot", "login": "octocat"}]')
    return given["vendor"], checks.login(given.get("login"))


def _why(error: Invalid) -> str:
    return next(iter(error.fields.values()), error.message)
