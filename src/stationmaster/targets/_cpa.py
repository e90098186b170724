"""Lists of CLIProxyAPI as values: which list takes what, an entry made and read, the lists before and after. Pure.

By https://github.com/router-for-me/CLIProxyAPI (internal/config/config_types.go, internal/api/handlers/management).

Entries have no id and no note. A named provider carries our marker as its name. In the other lists it stands among
`excluded-models`, names of models that an entry does not serve: no model is called so, it is kept (in lower case), and unlike a
header or a prefix it is neither sent to the vendor nor seen by clients.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stationmaster.line.errors import Rejected
from stationmaster.targets._base import Entry, Wanted
from stationmaster.targets.addresses import full, root
from stationmaster.targets.matching import digest_of, higher_first, marker, owner_in

Row = Mapping[str, Any]

COMPUTED = "auth-index"        # shown beside an entry, and no part of it
_ALL = "*"                     # among excluded models: the entry serves nothing
_NAMED = re.compile(r"stationmaster-([a-z0-9_]{1,64})")


@dataclass(frozen=True)
class Keys:
    """One list. `named`: of providers, each with a name and keys. `whole`: addresses are written with their version. `dedups`: a
    second entry with the same key and address vanishes without a word."""

    path: str
    named: bool = False
    whole: bool = False
    dedups: bool = False


LISTS = {
    "openai": Keys("codex-api-key", whole=True),
    "anthropic": Keys("claude-api-key"),
    "gemini": Keys("gemini-api-key", dedups=True),
    "openai_compatible": Keys("openai-compatibility", named=True, whole=True),
}


def keys_of(wanted: Wanted) -> Keys:
    """The list for a vendor's credentials. Raises `Rejected`."""
    found = LISTS.get(wanted.vendor)
    if found is None:
        raise Rejected(f"CLIProxyAPI takes no key of {wanted.vendor} from us", remote_code="vendor").about("target")
    if found.named and not wanted.models:
        odd = "CLIProxyAPI serves an OpenAI-compatible address by its list of models alone: name them"
        raise Rejected(odd, remote_code="models").about("target")
    return found


def shaped(wanted: Wanted) -> Entry:
    """The entry that is to be listed. Raises `Rejected`."""
    keys = keys_of(wanted)
    return Entry(
        id=wanted.id, marker=wanted.id, place=keys.path, base_url=full(wanted) if keys.whole else root(wanted),
        models=tuple(sorted(set(wanted.models))), priority=wanted.priority, enabled=wanted.enabled, digest=wanted.digest,
    )  # fmt: skip


def content(keys: Keys, wanted: Wanted, before: Row) -> dict[str, Any]:
    """The fields of an entry that are ours to set, but its priority; what else somebody excluded by hand stays excluded."""
    models = [{"name": model, "alias": model} for model in sorted(set(wanted.models))]
    address = shaped(wanted).base_url
    if keys.named:
        return {"name": f"stationmaster-{wanted.id}", "disabled": not wanted.enabled, "base-url": address, "models": models,
                "api-key-entries": [{"api-key": wanted.secret}]}  # fmt: skip
    kept = [each for each in before.get("excluded-models") or () if each != _ALL and not owner_in(each)]
    excluded = [marker(wanted.id), *([] if wanted.enabled else [_ALL]), *kept]
    return {"api-key": wanted.secret, "base-url": address, "models": models, "excluded-models": excluded}


def row_of(keys: Keys, wanted: Wanted, before: Row) -> dict[str, Any]:
    """A whole entry; what we do not set stays as it was."""
    return {**before, **content(keys, wanted, before), "priority": higher_first(wanted.priority)}


def owner(keys: Keys, row: Row) -> str:
    """The credential that an entry is ours for, or ""."""
    if keys.named:
        found = _NAMED.fullmatch(str(row.get("name") or ""))
        return found[1] if found else ""
    owners = {found for found in map(owner_in, row.get("excluded-models") or ()) if found}
    return owners.pop() if len(owners) == 1 else ""


def secret_of(keys: Keys, row: Row) -> str:
    """The key that an entry holds, in clear; a provider of ours has one."""
    if not keys.named:
        return str(row.get("api-key") or "")
    return "|".join(str(each.get("api-key") or "") for each in row.get("api-key-entries") or ())


def entries_of(keys: Keys, rows: Sequence[Row]) -> list[tuple[Entry, Row]]:
    """Our entries of a list with their rows, in its order; a second one of a credential has `#2` in its id."""
    found: list[tuple[Entry, Row]] = []
    seen: dict[str, int] = {}
    for row in rows:
        credential = owner(keys, row)
        if credential:
            seen[credential] = seen.get(credential, 0) + 1
            found.append((_entry(keys, row, credential, seen[credential]), row))
    return found


def rows_of(keys: Keys, answer: Any) -> list[Row]:
    """The entries of an answer, without what is computed. Raises `TypeError`: half a list must never be written back."""
    rows = [] if answer[keys.path] is None else answer[keys.path]
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise TypeError("no list")
    return [{name: value for name, value in row.items() if name != COMPUTED} for row in rows]


def twin(keys: Keys, rows: Sequence[Row], wanted: Wanted) -> bool:
    """Whether somebody else's entry would swallow ours."""
    if not keys.dedups:
        return False
    same = (wanted.secret, shaped(wanted).base_url)
    return any((row.get("api-key"), str(row.get("base-url") or "").rstrip("/")) == same and not owner(keys, row) for row in rows)


def counts_of(answer: Any) -> Mapping[str, tuple[int, int]]:
    """(successes, failures) by "address|key", over all providers."""
    found: dict[str, tuple[int, int]] = {}
    for told in answer.values():
        for name, count in told.items():
            before = found.get(name, (0, 0))
            found[name] = (before[0] + int(count["success"]), before[1] + int(count["failed"]))
    return found


def counted_as(keys: Keys, row: Row) -> str:
    """The name under which an entry is counted."""
    return f"{row.get('base-url') or ''}|{secret_of(keys, row)}"


def _entry(keys: Keys, row: Row, credential: str, number: int) -> Entry:
    models = sorted({str(each.get("name")) for each in row.get("models") or () if isinstance(each, Mapping)})
    enabled = not row.get("disabled") if keys.named else _ALL not in (row.get("excluded-models") or ())
    return Entry(
        id=credential if number == 1 else f"{credential}#{number}", marker=credential, place=keys.path,
        base_url=str(row.get("base-url") or "").rstrip("/"), models=tuple(models),
        priority=higher_first(int(row.get("priority") or 0)), enabled=enabled, digest=digest_of(secret_of(keys, row)),
    )  # fmt: skip
