"""Files that pages need. Owns: which there are; a name carries a hash, so that browsers may keep it."""

import hashlib
from pathlib import Path
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.web.answers import not_found

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_KEPT = "public, max-age=31536000, immutable"


def _named(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{path.stem}.{digest}{path.suffix}"


_FILES: Final = {_named(path): path for path in sorted(_FOLDER.iterdir())}
STYLE: Final = f"/assets/{_named(_FOLDER / 'console.css')}"
REFRESH: Final = f"/assets/{_named(_FOLDER / 'refresh.js')}"
TRY: Final = f"/assets/{_named(_FOLDER / 'try.js')}"


def asset(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001  Django's signature
    """One of the files. Raises `NotFound`."""
    path = _FILES.get(name)
    if path is None:
        raise not_found()
    return HttpResponse(path.read_bytes(), content_type=_TYPES[path.suffix], headers={"Cache-Control": _KEPT})
