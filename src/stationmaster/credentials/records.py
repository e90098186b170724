"""Credentials as gateways get them. Owns: row → record of the snapshot. For the snapshot's compiler alone."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from stationmaster.credentials.models import PROBED, Credential, CredentialSecret
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config.prices import override
from stationmaster.gateway.core import snapshot
from stationmaster.gateway.core.clouds import may_be_sent
from stationmaster.store.sealed import Sealed

_COLUMNS = (
    "id", "name", "vendor", "secret", "base_url", "organisation", "disabled", "prices", "generation", "incoming", "share",
    "override",
)  # fmt: skip
Following = Mapping[tuple[str, int], CredentialSecret]
_log = logging.getLogger(__name__)


def credentials(since: int = 0) -> Iterator[tuple[str, snapshot.Credential]]:
    """The records, by name, of credentials that changed after revision `since`; 0: all of them.

    A secret that does not open, or that no gateway could send, takes its own credential out of service, not the configuration of
    all others.
    """
    rows = Credential.objects.filter(revision__gt=since).order_by("name").values_list(*_COLUMNS)
    following = _following(since)
    for row in rows.iterator(chunk_size=2000):
        yield row[1], _record(following, *row)


def _record(following: Following, id_: str, name: str, vendor: Any, secret: Sealed, *rest: Any) -> snapshot.Credential:
    base_url, organisation, disabled, prices, generation, incoming, share, said = rest
    opened = _fit(id_, vendor, _opened(id_, secret), base_url)
    next_ = _fit(id_, vendor, _opened_next(following.get((id_, incoming))), base_url) if incoming else ""
    return snapshot.Credential(
        id=name, vendor=vendor, secret=opened, base_url=base_url, organisation=organisation,
        disabled=disabled or not opened or said == "out", prices=override(prices) if prices else (), generation=generation,
        incoming=snapshot.Incoming(next_, incoming, share) if next_ else None, forced=said == "in",
    )  # fmt: skip


def _fit(id_: str, vendor: str, secret: str, base_url: str) -> str:
    if not secret or may_be_sent(vendor, secret, base_url):
        return secret
    _log.error("the secret of %s cannot be sent, it is out of service", id_)
    return ""


def _following(since: int) -> Following:
    """The generations that follow the live one in credentials which changed, by credential and number: few, mostly none."""
    rows = CredentialSecret.objects.filter(credential__revision__gt=since, credential__incoming__gt=0, state=PROBED)
    return {(row.credential_id, row.number): row for row in rows.defer("scopes", "words")}


def _opened_next(row: CredentialSecret | None) -> str:
    return _opened(row.id, row.secret) if row is not None else ""


def _opened(id_: str, secret: Sealed) -> str:
    try:
        return secret.of(id_).reveal("snapshot")
    except StationmasterError as error:
        _log.error("the secret of %s does not open, it is out of service: %s", id_, error.code)
        return ""
