"""Files that pages need. Owns: which there are; a name carries a hash, so that browsers may keep it; they go out packed."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.web.answers import not_found

_FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip
_KEPT = "public, max-age=31536000, immutable"


def _named(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{path.stem}.{digest}{path.suffix}"


_FILES: Final = {_named(path): path for path in sorted(_FOLDER.rglob("*")) if path.suffix in _TYPES}
_ADDRESSES: Final = {path.name: f"/assets/{name}" for name, path in _FILES.items()}


def address(name: str) -> str:
    """Where the file of this name is to be had."""
    return _ADDRESSES[name]


STYLES: Final = (address("tabler.min.css"), address("console.css"))
ICON_FILE: Final = address("icons.svg")
FIRST: Final = address("theme.js")  # before anything is drawn
SCRIPTS: Final = tuple(map(address, ("htmx.min.js", "times.js", "forms.js", "tables.js", "dialogs.js", "try.js")))
CHARTS: Final = (address("chart.umd.min.js"), address("charts.js"))
STREAMS: Final = (address("streams.js"),)
REFRESH: Final = address("refresh.js")


def asset(request: HttpRequest, name: str) -> HttpResponse:
    """One of the files. Raises `NotFound`."""
    path = _FILES.get(name)
    if path is None:
        raise not_found()
    headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return HttpResponse(path.read_bytes(), content_type=_TYPES[path.suffix], headers=headers)
    return HttpResponse(_packed(path), content_type=_TYPES[path.suffix], headers=headers | {"Content-Encoding": "gzip"})


@cache
def _packed(path: Path) -> bytes:
    """Nothing in it is secret, and everybody is given the same: its length tells nothing."""
    return gzip.compress(path.read_bytes(), mtime=0)
