"""Whether what an issuer gave may serve. Owns: that it is for API use, can be sent by gateways, and has an end.

It is stored over a secret that works still, and goes to every gateway without anybody's eyes on it: what a person may not paste,
an issuer may not give.
"""

from datetime import datetime, timedelta
from typing import Final

from stationmaster.credentials.sources import times
from stationmaster.credentials.sources.models import TokenSource
from stationmaster.gateway.config.secret import check_use
from stationmaster.gateway.core.clouds import may_be_sent
from stationmaster.issuers._base import Issued
from stationmaster.line.errors import Transient

SHORTEST: Final = 8
LONGEST: Final = 16_384          # characters; gateways send it in one header
MOST: Final = 10 * times.LONGEST / timedelta(seconds=1)      # seconds of a life that are believed at all


def ends_at(issued: Issued, row: TokenSource, asked_at: datetime) -> datetime:
    """When it ends, as far as is believed. Raises `StationmasterError` when it may not serve; no word of it is in that."""
    _check_secret(issued.secret, row)
    end = _end(issued, asked_at)
    if end <= asked_at:
        raise _odd("it was over before it came")
    return min(end, asked_at + times.LONGEST)


def _check_secret(secret: str, row: TokenSource) -> None:
    slot = row.credential
    if row.kind != "anthropic_federation":      # whose tokens look like those of people's subscriptions
        check_use(secret, slot.vendor if row.kind != "openai_workload" else "openai_compatible")
    if not SHORTEST <= len(secret) <= LONGEST:
        raise _odd(f"it has not {SHORTEST} to {LONGEST} characters")
    if not may_be_sent(slot.vendor, secret, slot.base_url):
        raise _odd(f"a gateway could not send it to {slot.vendor}")


def _end(issued: Issued, asked_at: datetime) -> datetime:
    lasts = issued.expires_in
    if lasts is not None and not lasts <= MOST:      # so written, it holds for what is no number
        raise _odd("its life is no number of seconds that can be")
    if lasts is not None and lasts <= 0:
        return asked_at
    if issued.expires_at is not None and issued.expires_at.tzinfo is None:
        raise _odd("its end is a time of no zone")
    return issued.end(asked_at, times.UNTOLD)


def _odd(why: str) -> Transient:
    return Transient(f"what the issuer gave is of no use: {why}").about("source")
