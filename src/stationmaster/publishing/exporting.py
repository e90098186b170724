"""Credentials as a file for a gateway that takes no calls: which go in, and what the file is made of. Owns the service of the
declarative export. Nothing here opens a secret: the file says where each has to be put.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from stationmaster.credentials.models import Credential
from stationmaster.errors import Invalid, NotFound
from stationmaster.gateway.config.problems import quoted
from stationmaster.i18n import marked
from stationmaster.operators.access import require
from stationmaster.routing.models import Pool
from stationmaster.store.actor import Actor
from stationmaster.store.given import Given, known_only
from stationmaster.store.lookup import MAX_NAME, find, find_all
from stationmaster.targets.export import Export, Exported, LeftOut, envoy, kong

PRODUCTS: Final = ("kong", "envoy")
MAX_CHOSEN: Final = 2000
OFF: Final = marked("It is switched off.")
EMPTY: Final = marked("It has no secret.")
_FIELDS: Final = {"kong": frozenset({"pool", "credentials"}),
                  "envoy": frozenset({"pool", "credentials", "namespace", "gateway"})}  # fmt: skip
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")      # RFC 1123, as Kubernetes takes names


def export_declared(actor: Actor, product: str, given: Given) -> Mapping[str, Any]:
    """A file for `product`, "kong" (decK) or "envoy" (Envoy AI Gateway), of the members of a `pool` with their models, priorities
    and weights, or of the `credentials` that are named; for Envoy in `namespace`, for the Gateway called `gateway`.

    Returns `product`, `file` (its name), `text`, `exported` (how many), `secrets` (`credential`, `name`, and the `place` and
    `key` that its secret has to be put under), `left_out` (`credential`, `name`, `why` in English). Raises `Forbidden`,
    `NotFound`, `Invalid`.
    """
    require(actor, "credentials:read")
    write = _writer(product)
    known_only(given, _FIELDS[product])
    chosen = _chosen(actor, given)
    for row, _ in chosen:
        require(actor, "credentials:read", row)
    usable = [one for row, one in chosen if not _why_not(row)]
    made = write(usable, given)
    off = tuple(LeftOut(str(row.id), _why_not(row)) for row, _ in chosen if _why_not(row))
    return _shown(product, made, off, {str(row.id): row.name for row, _ in chosen})


def _writer(product: str) -> Callable[[Iterable[Exported], Given], Export]:
    if product == "kong":
        return lambda those, _: kong(those)
    if product == "envoy":
        return _envoy
    hint = f"one of {', '.join(PRODUCTS)}"
    raise NotFound("error.export.no_such_product", f"there is no export for {quoted(product)}", hint=hint)


def _envoy(those: Iterable[Exported], given: Given) -> Export:
    named = {name: _label(given, name) for name in ("namespace", "gateway") if given.get(name)}
    return envoy(those, **named)


def _label(given: Given, name: str) -> str:
    value = given[name]
    if not isinstance(value, str) or not _LABEL.fullmatch(value):
        raise _wrong(name, "is up to 63 lower-case letters, digits and hyphens, as Kubernetes takes names")
    return value


def _chosen(actor: Actor, given: Given) -> list[tuple[Credential, Exported]]:
    """Whose credentials, each with what of it goes into a file."""
    pool, names = given.get("pool") or "", given.get("credentials") or []
    if bool(pool) == bool(names):
        raise _wrong("pool" if pool else "credentials", "choose a pool, or name credentials")
    if pool:
        return _members(actor, pool)
    return [(row, _exported(row)) for row in _named(names)]


def _members(actor: Actor, which: Any) -> list[tuple[Credential, Exported]]:
    require(actor, "pools:read")
    if not isinstance(which, str):
        raise _wrong("pool", "is a name or an id")
    members = find(Pool, which).ordered()
    return [(each.credential, _exported(each.credential, each.models, each.priority, each.weight)) for each in members]


def _named(names: Any) -> list[Credential]:
    """The credentials with these names or ids, each once, in the order in which they are given."""
    if not isinstance(names, list) or len(names) > MAX_CHOSEN or not all(_nameable(each) for each in names):
        raise _wrong("credentials", f"is a list of up to {MAX_CHOSEN} names or ids")
    found = find_all(Credential, names)
    missing = next((name for name in names if name not in found), None)
    if missing is not None:
        raise NotFound("error.credential.not_found", f"there is no credential {quoted(missing)}")
    return list({found[name].id: found[name] for name in names}.values())


def _nameable(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isascii() and value.isprintable()


def _exported(row: Credential, models: Iterable[str] = (), priority: int = 0, weight: int = 1) -> Exported:
    every = "*" in models
    return Exported(str(row.id), row.name, row.vendor, row.base_url, () if every else tuple(models), priority, weight)


def _why_not(row: Credential) -> str:
    """Why one is left out for its own sake; what a file cannot express is told by whoever writes it."""
    return OFF if row.disabled else "" if row.secret else EMPTY


def _shown(product: str, made: Export, off: tuple[LeftOut, ...], names: Mapping[str, str]) -> Mapping[str, Any]:
    secrets = [{**asdict(each), "name": names[each.credential]} for each in made.secrets]
    left_out = [{**asdict(each), "name": names[each.credential]} for each in (*off, *made.left_out)]
    return {"product": product, "file": f"stationmaster-{product}.yaml", "text": made.text, "exported": len(secrets),
            "secrets": secrets, "left_out": left_out}  # fmt: skip


def _wrong(name: str, why: str) -> Invalid:
    return Invalid("error.config.bad_value", f"{name}: {why}", fields={name: why})
