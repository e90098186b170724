"""Credentials as gateways get them. Owns: row → record of the snapshot. For the snapshot's compiler alone."""

import logging
from collections.abc import Iterator
from typing import Any

from stationmaster.credentials.models import Credential
from stationmaster.errors import StationmasterError
from stationmaster.gateway.config.prices import override
from stationmaster.gateway.core import snapshot
from stationmaster.store.sealed import Sealed

_COLUMNS = ("id", "name", "vendor", "secret", "base_url", "organisation", "disabled", "prices")
_log = logging.getLogger(__name__)


def credentials(since: int = 0) -> Iterator[tuple[str, snapshot.Credential]]:
    """The records, by name, of credentials that changed after revision `since`; 0: all of them.

    A secret that does not open takes its own credential out of service, not the configuration of all others.
    """
    rows = Credential.objects.filter(revision__gt=since).order_by("name").values_list(*_COLUMNS)
    for row in rows.iterator(chunk_size=2000):
        yield row[1], _record(*row)


def _record(id_: str, name: str, vendor: Any, secret: Sealed, *rest: Any) -> snapshot.Credential:
    base_url, organisation, disabled, prices = rest
    opened = _opened(id_, secret)
    return snapshot.Credential(
        id=name, vendor=vendor, secret=opened, base_url=base_url, organisation=organisation,
        disabled=disabled or not opened, prices=override(prices) if prices else (),
    )


def _opened(id_: str, secret: Sealed) -> str:
    try:
        return secret.of(id_).reveal("snapshot")
    except StationmasterError as error:
        _log.error("the secret of %s does not open, it is out of service: %s", id_, error.code)
        return ""
