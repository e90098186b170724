"""The console's files from npm: `make assets` fetches them anew, by version, and writes what was fetched into a manifest.

A version that was fetched before has to be the same archive again, byte by byte. Source maps stay out.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Final

from stationmaster.entrances.console.icons import ICONS
from tools import takes_no_words

FOLDER: Final = Path(__file__).parents[1] / "src/stationmaster/entrances/console/static/vendor"
_ICONS = "icons.svg"
# Package: version, and which of its files become which of ours.
_PACKAGES: Final = {
    "@tabler/core": ("1.6.1", {"tabler.min.css": "dist/css/tabler.min.css"}),
    "@tabler/icons": ("3.51.0", {"icons.LICENSE.txt": "LICENSE", _ICONS: "icons/outline"}),
    "chart.js": ("4.6.1", {"chart.umd.min.js": "dist/chart.umd.min.js", "chart.LICENSE.txt": "LICENSE.md"}),
    "htmx.org": ("2.0.11", {"htmx.min.js": "dist/htmx.min.js", "htmx.LICENSE.txt": "LICENSE"}),
}
_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=[^\n*]*(?:\*/)?")
_SHAPES = re.compile(r"<svg[^>]*>(.*?)</svg>", re.DOTALL)


def main() -> None:
    """Fetch every package; write its files, and the manifest."""
    manifest = FOLDER / "manifest.json"
    before = {each["name"]: each for each in json.loads(manifest.read_text())} if manifest.exists() else {}
    FOLDER.mkdir(exist_ok=True)
    found = [_vendored(name, version, files, before.get(name, {})) for name, (version, files) in _PACKAGES.items()]
    manifest.write_text(json.dumps(found, indent=2) + "\n")


def _vendored(name: str, version: str, files: dict[str, str], before: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        archive = _packed(f"{name}@{version}", Path(folder))
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if before.get("version") == version and before["integrity"] != integrity:
            sys.exit(f"{name} {version} is not the archive that it was")
        with tarfile.open(archive) as opened:
            licence = json.loads(_read(opened, "package.json"))["license"]
            written = {ours: {"from": theirs, "sha256": _written(opened, ours, theirs)} for ours, theirs in files.items()}
    return {"name": name, "version": version, "integrity": integrity, "licence": licence, "files": written}


def _packed(package: str, folder: Path) -> Path:
    """The package's archive, from whichever registry npm is set up for."""
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own list
    return next(folder.glob("*.tgz"))


def _written(opened: tarfile.TarFile, ours: str, theirs: str) -> str:
    content = _sprite(opened, theirs) if ours == _ICONS else _MAP.sub(b"", _read(opened, theirs))
    (FOLDER / ours).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _read(opened: tarfile.TarFile, name: str) -> bytes:
    held = opened.extractfile(f"package/{name}")
    if held is None:
        sys.exit(f"{name} is no file")
    return held.read()


def _sprite(opened: tarfile.TarFile, folder: str) -> bytes:
    """One file of all icons that are used, each by its name."""
    symbols = [_symbol(name, _read(opened, f"{folder}/{name}.svg").decode()) for name in sorted(ICONS)]
    return "\n".join(['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>\n"]).encode()


def _symbol(name: str, picture: str) -> str:
    shapes = _SHAPES.search(picture)
    if shapes is None:
        sys.exit(f"{name} is no picture")
    drawn = [line.strip() for line in shapes[1].splitlines() if 'd="M0 0h24v24H0z"' not in line]    # that one is nothing
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(drawn)}</symbol>'


if __name__ == "__main__":
    takes_no_words(__doc__)
    main()
