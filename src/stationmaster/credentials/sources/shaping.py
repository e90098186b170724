"""What people say of a source, checked. Owns: its words, that its public parts are of the kind's shape, and that its sealed parts
go nowhere that their owner did not agree to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from stationmaster.credentials.sources import identity
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.errors import Invalid
from stationmaster.gateway.core.networks import address_of, is_allowed
from stationmaster.issuers import own
from stationmaster.issuers.registry import KINDS, PLACES, Kind
from stationmaster.outbound import fault_in_url
from stationmaster.store import writeonly
from stationmaster.store.given import Given, Rows, known_only, read
from stationmaster.workspaces.addresses import entries

WORDS: Final = frozenset({"kind", "options", "secret", "refresh_token"})
SLOT: Final = frozenset({"vendor", "base_url", "organisation", "allow_insecure_http"})
LARGEST: Final = 16_384               # characters of a sealed part


@dataclass(frozen=True)
class Wanted:
    """A source as somebody wants it; an empty sealed part keeps the stored one."""

    kind: Kind
    options: Mapping[str, Any]
    secret: str = field(default="", repr=False)
    rotating: str = field(default="", repr=False)


def wanted(given: Given, vendor: str, row: TokenSource | None) -> Wanted:
    """Read it; `row`: the source that there is. Raises `Invalid`."""
    known_only(given, WORDS | SLOT)
    kind = _kind(given.get("kind"), vendor)
    options = _options(kind, given.get("options"))
    sealed = {name: _sealed(given, name) for name in ("secret", "refresh_token")}
    _fits(kind, options, sealed, row)
    plain = {name: value for name, value in msgspec.to_builtins(options).items() if value not in ("", None)}
    _stays(kind, plain, sealed, row)
    return Wanted(kind, plain, sealed["secret"], sealed["refresh_token"])


def _kind(name: Any, vendor: str) -> Kind:
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise _wrong("kind", f"is one of {', '.join(KINDS)}")
    if vendor not in kind.vendors:
        raise _wrong("kind", f"{kind.title} gives no secrets for {vendor}")
    return kind


def _options(kind: Kind, given: Any) -> Any:
    if not isinstance(given, Mapping):
        raise _wrong("options", "expected a table")
    report = Rows("options")
    if "id" in given or "name" in given:      # which the file's rows have, and no source
        raise _wrong("options", f"unknown key; the keys here are {', '.join(kind.shape.__struct_fields__)}")
    table: Any = read("options", kind.shape, given, report).table
    for name in kind.needs(table):
        if not getattr(table, name):
            report.add("error.config.missing_key", ("options", 0, name), "missing key")
    report.refuse()
    _reachable(table)
    if getattr(table, "token_url", ""):
        own.refuse_consumer(table.token_url, table.client_id)
        own.refuse_stranger(table.token_url, entries())
    if getattr(table, "identity", ""):
        identity.check(table.identity)
    return table


def _reachable(table: Any) -> None:
    """What stands in for a vendor's own address gets what is meant for the vendor: only where an admin allowed it."""
    allowed = entries()
    instead = getattr(table, "address", "")
    if instead and not is_allowed(urlsplit(instead).hostname or "", address_of(urlsplit(instead).hostname or ""), allowed):
        raise _wrong("address", "another address than the vendor's own is one that an admin allowed",
                     "leave it out, or have it allowed: `stationmaster address allow`")  # fmt: skip
    insecure = bool(instead) or getattr(table, "allow_insecure_http", False)
    for name in ("address", "token_url"):
        url = getattr(table, name, "")
        fault = fault_in_url(url.partition("?")[0], allowed, allow_insecure_http=insecure) if url else None
        if fault:
            raise _wrong(name, fault[0], fault[1])


def _sealed(given: Given, name: str) -> str:
    text = writeonly.new(given, name)
    if len(text) > LARGEST or any(mark < " " and mark not in "\r\n\t" for mark in text):
        raise _wrong(name, f"expected a text of up to {LARGEST} characters")
    own.refuse_shape(text, name)
    return text


def _fits(kind: Kind, options: Any, sealed: Mapping[str, str], row: TokenSource | None) -> None:
    keeps = kind.keeps(options)
    same = row is not None and row.kind == kind.name
    if keeps == "none" and sealed["secret"]:
        raise _wrong("secret", "this kind of source has none")
    if keeps == "needed" and not sealed["secret"] and not (same and row is not None and row.secret):
        raise _wrong("secret", f"needed: {kind.secret}", code="error.secret.needed")
    if sealed["refresh_token"] and not kind.rotates:
        raise _wrong("refresh_token", "this kind of source has none")
    if kind.rotates and not sealed["refresh_token"] and not (same and row is not None and row.rotating):
        raise _wrong("refresh_token", "needed", code="error.secret.needed")
    if sealed["secret"]:
        _read(kind, options, sealed["secret"])


def _read(kind: Kind, options: Any, secret: str) -> None:
    """The documents that a secret may be are read now, not at the first refresh."""
    from stationmaster.issuers._base import Access
    from stationmaster.issuers.registry import open_issuer

    if kind.name in ("google", "aws"):
        open_issuer(Access(kind.name, options, secret, allowed=entries(), ambient=True))


def _stays(kind: Kind, options: Mapping[str, Any], sealed: Mapping[str, str], row: TokenSource | None) -> None:
    """Raise `Invalid` when sealed parts that are kept would go elsewhere than before."""
    if row is None or row.kind != kind.name:
        return
    moved = row.moved or any(options.get(name) != row.options.get(name) for name in PLACES)
    for name, held in (("secret", row.secret), ("refresh_token", row.rotating)):
        if moved and held and not sealed[name]:
            raise _wrong(name, "needed together with another address",
                         "a stored secret is not sent to another address: give it anew", "error.secret.needed")  # fmt: skip


def _wrong(name: str, why: str, hint: str = "", code: str = "error.config.bad_value") -> Invalid:
    return Invalid(code, f"{name}: {why}", hint=hint, fields={name: why})
