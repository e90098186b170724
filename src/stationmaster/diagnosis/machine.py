"""What the machine offers: Python, open files, certificates, disk, proxies. Judges values; the reading is `facts`'s."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from stationmaster.diagnosis.finding import Finding, broken, fine, warning
from stationmaster.i18n import tr

LEAST_PYTHON = (3, 11)
FEW_FILES = 4096         # a streamed answer takes two, client and vendor: about 2,000 answers at once
LITTLE_DISK = 1024       # MiB
NO_DISK = 100            # MiB; SQLite's log of one large transaction and a spool segment may take as much

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def python(version: Sequence[int]) -> Finding:
    """Whether this Python is one that Stationmaster runs on."""
    found = ".".join(map(str, version[:3]))
    if tuple(version[:2]) >= LEAST_PYTHON:
        return fine("python", tr("Python {found}", found=found))
    least = ".".join(map(str, LEAST_PYTHON))
    fix = tr("install Stationmaster with Python {least} or later", least=least)
    return broken("python", tr("Python {found} is too old", found=found), fix)


def open_files(hard: int) -> Finding:
    """Whether a gateway worker may open enough files; it raises its own limit up to `hard`."""
    if hard >= FEW_FILES:
        return fine("open_files", tr("a process may open {hard} files", hard=hard))
    what = tr("a process may open only {hard} files, two of which each streamed answer takes", hard=hard)
    return warning("open_files", what, tr("raise the hard limit: ulimit -Hn, LimitNOFILE= in a systemd unit"))


def certificates(found: bool, place: str) -> Finding:
    """Whether the system has certificates to trust; without them no vendor is reached."""
    if found:
        return fine("ca_store", tr("the system's certificates are in {place}", place=place))
    what = tr("the system has no certificates to trust, so that no vendor can be reached")
    return broken("ca_store", what, tr("install the package ca-certificates, or point SSL_CERT_FILE at a bundle"))


def disk(free: int, folder: Path) -> Finding:
    """Whether the data folder's file system has room; `free` in MiB."""
    what = tr("{free} MiB are free for {folder}", free=free, folder=folder)
    if free >= LITTLE_DISK:
        return fine("disk", what)
    fix = tr("make room, or move the data folder with data.dir")
    return warning("disk", what, fix) if free >= NO_DISK else broken("disk", what, fix)


def proxies(environ: Mapping[str, str]) -> Finding:
    """Whether a proxy stands between us and the vendors, and whether it is kept out of what stays on this machine."""
    set_ = next((name for name in _PROXIES if environ.get(name)), "")
    if not set_:
        return fine("proxies", tr("no proxy is set"))
    place = _place(environ[set_])
    exempt = {part.strip() for part in (environ.get("no_proxy") or environ.get("NO_PROXY") or "").split(",")}
    if exempt & {"127.0.0.1", "localhost", "*"}:
        return fine("proxies", tr("{name} sends what leaves this machine through {place}", name=set_, place=place))
    what = tr("{name} sends everything through {place}, calls to this machine too", name=set_, place=place)
    return warning("proxies", what, "export NO_PROXY=127.0.0.1,localhost,::1")


def _place(url: str) -> str:
    """Host and port of a proxy, without its password."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return "?"
