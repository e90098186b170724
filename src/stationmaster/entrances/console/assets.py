"""Files that pages need. Owns: which there are; a name carries a hash, so that browsers may keep it; they go out packed."""

import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.dark import when_dark
from stationmaster.entrances.web.answers import not_found

_FOLDER = Path(__file__).with_name("static")
_TYPES = {
    ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip
_KEPT = "public, max-age=31536000, immutable"


_DARK: Final = ("tabler.min.css", "console.css")  # sheets that have a dark half


def _held() -> Iterator[tuple[str, bytes]]:
    """Each file's name and content; behind a style sheet that has one its dark half, for browsers that decide themselves."""
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _TYPES:
            yield path.name, path.read_bytes()
        if path.name in _DARK:
            yield f"{path.stem}.dark.css", when_dark(path.read_text()).encode()


def _named(name: str, content: bytes) -> str:
    stem, _, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"


_HELD: Final = {name: (_named(name, content), content) for name, content in _held()}
_FILES: Final = dict(_HELD.values())
_ADDRESSES: Final = {name: f"/assets/{named}" for name, (named, _) in _HELD.items()}


def address(name: str) -> str:
    """Where the file of this name is to be had."""
    return _ADDRESSES[name]


STYLES: Final = (address("tabler.min.css"), address("console.css"))
STYLES_AUTO: Final = tuple(map(address, ("tabler.min.css", "tabler.min.dark.css", "console.css", "console.dark.css")))
ICON_FILE: Final = address("icons.svg")
SCRIPTS: Final = tuple(map(address, ("htmx.min.js", "times.js", "forms.js", "tables.js", "dialogs.js", "try.js")))
CHARTS: Final = (address("chart.umd.min.js"), address("charts.js"))
STREAMS: Final = (address("streams.js"),)
REFRESH: Final = address("refresh.js")


def asset(request: HttpRequest, name: str) -> HttpResponse:
    """One of the files. Raises `NotFound`."""
    content, type_ = _FILES.get(name), _TYPES.get(Path(name).suffix)
    if content is None or type_ is None:
        raise not_found()
    headers = {"Cache-Control": _KEPT, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return HttpResponse(content, content_type=type_, headers=headers)
    return HttpResponse(_packed(content), content_type=type_, headers=headers | {"Content-Encoding": "gzip"})


@cache
def _packed(content: bytes) -> bytes:
    """Nothing in it is secret, and everybody is given the same: its length tells nothing."""
    return gzip.compress(content, mtime=0)
