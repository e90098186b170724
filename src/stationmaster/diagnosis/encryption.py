"""The certificates of our own listeners: whether they can be used, for how long, by which names, and who may read the key."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from stationmaster.diagnosis.finding import Finding, broken, fine, warning
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn
from stationmaster.phrases import said
from stationmaster.settings import Settings
from stationmaster.tls.files import Pair, read

FEW_DAYS: Final = 14         # until it ends; whoever renews by a machine does so at 30
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared, not bound


def check(settings: Settings) -> Iterator[Finding]:
    """A finding or more for each listener that serves TLS."""
    console, gateway = settings.console, settings.gateway
    if console.tls_certificate is not None and console.tls_key is not None:
        public = urlsplit(console.public_url).hostname
        yield from _pair("tls.console", console.tls_certificate, console.tls_key, public or console.host)
    if gateway.tls_certificate is not None and gateway.tls_key is not None:
        yield from _pair("tls.gateway", gateway.tls_certificate, gateway.tls_key, gateway.host)


def _pair(id_: str, certificate: Path, key: Path, host: str) -> Iterator[Finding]:
    try:
        pair = read(certificate, key, time.time())
    except StationmasterError as error:
        fix = tr("{hint}; what runs shows the one before until it ends", hint=said(error.hint))
        yield broken(id_, said(error.message), fix)
        return
    yield _lasting(id_, certificate, int(pair.expires - time.time()) // 86_400)
    yield from _odd(id_, certificate, key, pair, host)


def _lasting(id_: str, certificate: Path, days: int) -> Finding:
    what = trn("{certificate} is valid for {number} more day", "{certificate} is valid for {number} more days", days,
               certificate=certificate)  # fmt: skip
    if days >= FEW_DAYS:
        return fine(id_, what)
    return warning(id_, what, tr("renew it: what runs takes the new files by itself"))


def _odd(id_: str, certificate: Path, key: Path, pair: Pair, host: str) -> Iterator[Finding]:
    """What most clients, or nobody, would mind."""
    if host not in _ANYWHERE and not pair.suits(host):
        what = tr("{certificate} is not for {host}, but for {names}", certificate=certificate, host=host,
                  names=", ".join(pair.names[:5]) or "-")  # fmt: skip
        yield warning(f"{id_}.name", what, tr("have it issued for the names that clients use; without them they refuse it"))
    if not pair.ordered:
        what = tr("the chain in {certificate} is out of order", certificate=certificate)
        yield warning(f"{id_}.chain", what, tr("put the server's certificate first, and behind each the one that issued it"))
    if stat.S_IMODE(key.stat().st_mode) & stat.S_IRWXO:
        yield broken(f"{id_}.key", tr("everybody on this machine may read {key}", key=key), f"chmod o= {key}")
