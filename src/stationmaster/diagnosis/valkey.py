"""The Valkey that gateways share: whether it answers, takes writes, keeps what it was given, is near enough. Owns judging that.

Gateways go on without it, each with a share of every limit; so what is wrong here is a warning, but for a URL of no use.
"""

from collections.abc import Iterator
from typing import Final

from stationmaster.diagnosis.finding import Finding, broken, fine, warning
from stationmaster.errors import StationmasterError
from stationmaster.gateway.server.valkey import TIMEOUT, Look, look
from stationmaster.i18n import marked, told, tr
from stationmaster.settings import Settings

_ID: Final = "valkey"
_KEEPS: Final = "noeviction"
_FAR: Final = TIMEOUT / 4      # seconds for one answer, of which a round has a few
# What is wrong, and what to do.
_FAULTS: Final = {
    "password": (marked("it refuses the user name or password"), marked("correct them in valkey.url")),
    "late": (marked("it does not answer in time"), marked("bring it nearer to the gateways, or see what keeps it busy")),
    "tls": (marked("no TLS connection is made"), marked("valkeys:// takes a certificate of this name that this machine trusts")),
    "silent": (marked("nobody answers there"), marked("start it, or correct valkey.url")),
    "refuses": (marked("it refuses what gateways ask"), marked("give its user the rights to read and write stationmaster:*")),
    "odd": (marked("what it answers cannot be read"), marked("see what listens there: it is no Valkey and no Redis")),
}


def of_settings(settings: Settings) -> Iterator[Finding]:
    """Nothing where gateways share none."""
    if url := settings.valkey.url.get_secret_value():
        try:
            yield check(look(url))
        except StationmasterError as error:
            yield broken(_ID, tr("the URL of Valkey cannot be used"), error.hint)


def check(seen: Look) -> Finding:
    """How it stands."""
    if seen.fault:
        why, fix = _FAULTS[seen.fault]
        return warning(_ID, tr("gateways share no limits, each goes by its own share: Valkey: {why}", why=told(why)), told(fix))
    if seen.replica:
        return warning(_ID, tr("Valkey there is a replica, which takes no writes"), tr("name the primary in valkey.url"))
    if seen.limited and seen.policy != _KEEPS:
        what = tr("Valkey throws away what it has no room for ({policy}): what keys spent may be forgotten", policy=seen.policy)
        return warning(_ID, what, tr("set maxmemory-policy noeviction in its configuration"))
    took = f"{seen.took * 1000:.1f}"
    if seen.took > _FAR:
        return warning(_ID, tr("Valkey takes {time} ms for an answer", time=took), told(_FAULTS["late"][1]))
    return fine(_ID, tr("Valkey {version} answers in {time} ms", version=seen.version or "?", time=took))
