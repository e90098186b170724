"""Publications, as they are looked up, and what is asked for without a plan: taking away, reading back. Owns what is shown of
them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from stationmaster.credentials.models import Credential
from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs import services as jobs
from stationmaster.operators.access import require
from stationmaster.publishing import kinds
from stationmaster.publishing.models import SIGHTS, STATES, Publication
from stationmaster.publishing.policy import BATCH, MAX_CHOSEN
from stationmaster.publishing.reaching import require_ready
from stationmaster.publishing.targeting import chosen
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change, revision
from stationmaster.store.export import Format, export
from stationmaster.store.filters import Column
from stationmaster.store.given import Given, known_only, refuse_odd_text
from stationmaster.store.listing import Listing, Page, Query, page
from stationmaster.store.lookup import find, find_all
from stationmaster.vendors.registry import VENDORS

_PLAIN: Final = (
    "pool", "state", "cause", "words", "wanted", "job", "models", "priority", "concurrency", "groups", "entry", "place",
    "generation", "behind", "published_at", "seen", "drift", "seen_at", "health", "health_words", "health_until", "usage",
)  # fmt: skip


def show(row: Publication) -> Mapping[str, Any]:
    """A publication as plain values; nothing that is made from a secret is among them."""
    return {
        "id": row.id, "credential": row.credential_id, "credential_name": row.credential_name, "vendor": row.credential.vendor,
        "target": row.target_id, "target_name": row.target_name, **{name: getattr(row, name) for name in _PLAIN},
        "revision": row.revision, "created_at": row.created_at, "updated_at": row.updated_at,
    }  # fmt: skip


PUBLICATIONS: Final = Listing(
    noun="publications",
    columns=(
        Column("id"), Column("credential", "credential_id"), Column("credential_name", "credential__name"),
        Column("vendor", "credential__vendor", values=VENDORS),
        Column("target", "target_id"), Column("target_name", "target__name"), Column("pool"),
        Column("state", values=STATES), Column("cause"), Column("wanted", kind="flag"),
        Column("seen", values=SIGHTS), Column("health"), Column("generation", kind="number"),
        Column("job", sortable=False), Column("created_at", kind="time"),
        Column("updated_at", kind="time"), Column("revision", kind="number"),
    ),
    show=show,
)  # fmt: skip


def list_publications(actor: Actor, query: Query) -> Page:
    """One page of them. Raises `Forbidden`, `Invalid`."""
    require(actor, "publications:read")
    return page(PUBLICATIONS, _rows(), query)


def export_publications(actor: Actor, query: Query, form: Format) -> Iterator[str]:
    """All that the query asks for, as a file. Raises `Forbidden`, `Invalid`."""
    require(actor, "publications:export")
    return export(PUBLICATIONS, _rows(), query, form)


def get_publication(actor: Actor, which: str) -> Mapping[str, Any]:
    """One, by its id. Raises `Forbidden`, `NotFound`."""
    require(actor, "publications:read")
    return show(find(Publication, which))


def copies_of(actor: Actor, credential: str) -> list[Mapping[str, Any]]:
    """Where a credential is published, by target. After `revoke now`, those that are shown are not withdrawn yet. Raises
    `Forbidden`, `NotFound`."""
    require(actor, "publications:read")
    return [show(row) for row in _rows().filter(credential=find(Credential, credential)).order_by("target__name")]


def withdraw(actor: Actor, given: Given) -> Mapping[str, Any]:
    """Take the copies of `credentials` (names or ids) at a `target` (the default, if none is named) away, by a job. What we did
    not publish stays. Returns the job. Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict`."""
    require(actor, "publications:remove")
    known_only(given, frozenset({"target", "credentials"}))
    refuse_odd_text(given)
    names = given.get("credentials")
    if not isinstance(names, list) or not 0 < len(names) <= MAX_CHOSEN or not all(isinstance(each, str) for each in names):
        why = f"a list of one to {MAX_CHOSEN} credentials"
        raise Invalid("error.config.bad_value", f"credentials: {why}", fields={"credentials": why})
    target = chosen(str(given.get("target") or ""))
    require_ready(target, withdrawing=True)
    ids = [row.id for row in find_all(Credential, names).values()]
    rows = list(_rows().filter(target=target, credential__in=ids).values_list("id", flat=True))
    if not rows:
        raise Conflict("error.publication.none", f"none of them is published at {target.name}")
    for first in range(0, len(rows), BATCH):
        _leave(actor, rows[first : first + BATCH])
    dedupe = f"withdraw:{target.id}:{revision()}"
    return jobs.submit(actor, kinds.WITHDRAW, workspace=target.id, dedupe=dedupe, item_retries=4)


def _leave(actor: Actor, which: list[str]) -> None:
    """Some of them are not wanted any more. Should we stop before the job is there, what is owed is asked for all the same."""
    with change(actor) as edit:
        for row in _rows().filter(id__in=which):
            with edit.updating(row, action="withdraw"):
                row.wanted, row.job = False, ""


def read_back(actor: Actor, which: str) -> Mapping[str, Any]:
    """Compare a target with what is published there, by a job. Raises `Forbidden`, `NotFound`, `Conflict`."""
    require(actor, "publications:check")
    with change(actor):
        target = chosen(which)
        require_ready(target)
        return jobs.submit(actor, kinds.READ_BACK, workspace=target.id, dedupe=f"read-back:{target.id}")


def _rows() -> Any:
    return Publication.objects.select_related("credential", "target")
