"""Files that others wrote: what is served is what their packages held."""

import hashlib
import json
import re

from tools.vendored import _PACKAGES, FOLDER

from stationmaster.entrances.console.icons import ICONS

MANIFEST = json.loads((FOLDER / "manifest.json").read_text())


def test_every_file_is_what_was_fetched() -> None:
    """Each has the hash that the manifest holds; none is there that it does not name."""
    named = {name: file["sha256"] for package in MANIFEST for name, file in package["files"].items()}
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir() if path.suffix != ".json"}
    assert there == named


def test_the_manifest_is_of_the_versions_that_are_asked_for() -> None:
    """Name, version, the archive's own hash and a licence that allows it."""
    assert {each["name"]: each["version"] for each in MANIFEST} == {name: asked[0] for name, asked in _PACKAGES.items()}
    assert all(re.fullmatch(r"sha512-[\w+/]{86}==", each["integrity"]) for each in MANIFEST)
    assert {each["licence"] for each in MANIFEST} <= {"MIT", "0BSD"}


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No style sheet asks for another file; no file names a source map; pictures in style sheets are in them."""
    for path in FOLDER.iterdir():
        content = path.read_text()
        assert "sourceMappingURL" not in content, path.name
        if path.suffix == ".css":
            assert "@import" not in content
            assert set(re.findall(r"url\(['\"]?(\w+):", content)) == {"data"}
            assert len(re.findall(r"url\(", content)) == len(re.findall(r"url\(['\"]?data:", content))


def test_every_icon_is_drawn() -> None:
    """The one file of pictures holds those that have a name here, and no other."""
    assert set(re.findall(r'<symbol id="([^"]+)"', (FOLDER / "icons.svg").read_text())) == ICONS
