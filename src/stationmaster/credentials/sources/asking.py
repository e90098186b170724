"""What people and gateways may ask of sources. Owns the services: see, set, take away, refresh now, list; and what follows when a
gateway says that a token was refused.

The refresh itself is never done while somebody waits for an answer: it is marked as due, and whoever looks next does it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from stationmaster.credentials import places
from stationmaster.credentials.checking import checked_slot
from stationmaster.credentials.models import Credential
from stationmaster.credentials.sources import clock, hosts, leasing, shaping
from stationmaster.credentials.sources.models import FAILING, NEEDS_YOU, NEW, OK, STATES, UNUSED, TokenSource, place_of
from stationmaster.errors import Conflict, NotFound
from stationmaster.issuers.registry import KINDS
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import Change, change, check_version
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, free_name

EXPIRED = "expired"       # as it is shown: failing, and the last secret is over


def show(row: TokenSource) -> Mapping[str, Any]:
    """A source as plain values; of its sealed parts only whether there are any."""
    over = row.state in (FAILING, NEEDS_YOU) and row.expires_at is not None and row.expires_at <= timezone.now()
    return {
        "id": row.id, "credential": row.credential.name, "kind": row.kind, "options": dict(row.options),
        "secret_set": bool(row.secret), "refresh_token_set": bool(row.rotating),
        "refresh": EXPIRED if over and row.state == FAILING else row.state,
        "asked_at": row.asked_at, "expires_at": row.expires_at, "refresh_at": row.refresh_at, "refreshed_at": row.refreshed_at,
        "failures": row.failures, "last_error": row.last_error, "last_words": row.last_words,
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


SOURCES = Listing(
    noun="sources",
    columns=(
        Column("id"), Column("kind", values=KINDS), Column("credential", "credential__name"),
        Column("refresh", "state", values=STATES),
        Column("last_error", sortable=False), Column("expires_at", kind="time", sortable=False),
        Column("refresh_at", kind="time", sortable=False),
        Column("failures", kind="number"), Column("created_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show, sort="id",
)  # fmt: skip


def list_sources(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "credentials:read")
    return page(SOURCES, _rows(), query)


def export_sources(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "credentials:export")
    return export(SOURCES, _rows(), query, form)


def get_source(actor: Actor, which: str) -> Mapping[str, Any]:
    """Where a credential's secret comes from. Raises `Forbidden`, `NotFound`: the credential, or a source of it."""
    require(actor, "credentials:read")
    return show(_of(find(Credential, which)))


def put_source(
    actor: Actor, which: str, given: Given, version: int | None = None, *, new: bool = False
) -> Mapping[str, Any]:  # fmt: skip
    """Have a credential's secret come from this source: `kind`, `options`, `secret` and `refresh_token` where the kind has them
    (empty: as they are stored). For a name that there is not, a credential is made: `vendor`, `base_url`, `organisation`,
    `allow_insecure_http`. The first refresh follows within seconds. `version`: the source's revision that the caller read;
    `new`: a credential that is there is refused. Raises `Forbidden`, `NotFound`, `Stale`, `Invalid`, `Conflict`."""
    require(actor, "credentials:source")
    known_only(given, shaping.WORDS | shaping.SLOT)
    with change(actor) as edit:
        credential = _new_slot(edit, actor, which, given) if new else _slot(edit, actor, which, given)
        row = TokenSource.objects.filter(credential=credential).first()
        wanted = shaping.wanted(given, credential.vendor, row)
        places.lent(actor, credential, wanted.options)
        hosts.check(credential, wanted.kind.name)
        if row is None:
            places.unheld(credential, clock.now())
        row = _made(edit, credential, wanted) if row is None else _changed(edit, row, wanted, version)
    return show(_of(find(Credential, credential.id)))


def delete_source(actor: Actor, which: str, version: int | None = None) -> None:
    """Forget it: the secret that was issued last serves until it ends. Raises `Forbidden`, `NotFound`, `Stale`."""
    require(actor, "credentials:source")
    with change(actor) as edit:
        edit.delete(_of(find(Credential, which)), version)


def refresh_credential(actor: Actor, which: str, given: Given) -> Mapping[str, Any]:
    """Have it refreshed now, within seconds. Returns the source, as it is until then. Raises `Forbidden`, `NotFound`, and
    `Conflict` where a person has to give another refresh token first, or the credential is out of use."""
    require(actor, "credentials:refresh")
    known_only(given, frozenset())
    credential = find(Credential, which)
    row = _of(credential)
    if credential.disabled:
        raise Conflict("error.source.credential_off", f"{credential.name} is switched off", hint="switch it on first")
    if row.state == NEEDS_YOU:
        raise Conflict("error.source.needs_you", f"{credential.name} is not refreshed: {row.last_words}",
                       hint="give the source its secret, or another refresh token")  # fmt: skip
    leasing.ask(row.id)
    return show(_of(credential))


def refused(credential: str, at: datetime) -> bool:
    """A gateway says that the live secret of a credential (by id) was refused at that time. One that was issued since is not
    meant; of many words one refresh comes, a minute after the last one at the soonest. Whether that brings one."""
    row = TokenSource.objects.filter(credential=credential, state__in=(OK, NEW)).first()
    if row is None or (row.refreshed_at is not None and row.refreshed_at >= at):
        return False
    return leasing.ask_again(row)


def _made(edit: Change, credential: Credential, wanted: shaping.Wanted) -> TokenSource:
    row = TokenSource(credential=credential, kind=wanted.kind.name, options=wanted.options, place=place_of(credential),
                      refresh_at=clock.now())  # fmt: skip
    row.secret, row.rotating = wanted.secret, wanted.rotating
    edit.create(row)
    return row


def _changed(edit: Change, row: TokenSource, wanted: shaping.Wanted, version: int | None) -> TokenSource:
    """Other parts: what is being asked with the old ones counts for nothing (`serial`), and it is due at once."""
    check_version(row, version)
    same = row.kind == wanted.kind.name
    with edit.updating(row):
        row.kind, row.options, row.place = wanted.kind.name, wanted.options, place_of(row.credential)
        if wanted.secret or not same:
            row.secret = wanted.secret
        if wanted.rotating or not same:
            row.rotating = wanted.rotating
    renewed = {"sent": UNUSED} if wanted.rotating or not same else {}
    # Who is just sending the refresh token that stays goes on, and nobody sends it beside them.
    free = {"lease": "", "lease_until": None} if renewed or not wanted.kind.rotates else {}
    state = {"state": NEW if row.state == NEEDS_YOU else row.state} if renewed or not wanted.kind.rotates else {}
    TokenSource.objects.filter(id=row.id).observe(
        serial=row.serial + 1, refresh_at=None if row.state == NEEDS_YOU and not state else clock.now(), failures=0,
        **free, **renewed, **state,
    )  # fmt: skip
    return row


def _slot(edit: Change, actor: Actor, which: str, given: Given) -> Credential:
    try:
        row: Credential = find(Credential, which)
    except NotFound:
        return _new_slot(edit, actor, which, given)
    if any(_normal(given[name]) != _normal(getattr(row, name)) for name in shaping.SLOT if given.get(name)):
        raise Conflict("error.source.credential_there", f"{row.name} is there already, with another vendor or address",
                       hint="leave out --vendor and --base-url, or `credential update`")  # fmt: skip
    return row


def _normal(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


def _new_slot(edit: Change, actor: Actor, name: str, given: Given) -> Credential:
    """A credential that has no secret yet: gateways are told of it, and leave it out until it has."""
    require(actor, "credentials:create")
    if not given.get("vendor"):
        raise NotFound("error.credential.not_found", "there is no such credential", hint="say `vendor` to make one")
    fields = {each: given[each] for each in shaping.SLOT if given.get(each)}
    table = checked_slot({"name": name, **fields})
    free_name(Credential, table.id)
    row = Credential(
        name=table.id, vendor=table.vendor, base_url=table.base_url.rstrip("/"), organisation=table.organisation,
        allow_insecure_http=table.allow_insecure_http,
    )  # fmt: skip
    edit.create(row)
    return row


def _of(credential: Credential) -> TokenSource:
    row: TokenSource | None = TokenSource.objects.select_related("credential").filter(credential=credential).first()
    if row is None:
        raise NotFound("error.source.not_found", f"the secret of {credential.name} comes from no source")
    return row


def _rows() -> "QuerySet[Any]":
    return TokenSource.objects.select_related("credential")
