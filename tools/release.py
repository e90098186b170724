"""A release: `make release VERSION=1.2.3` checks the tree, builds wheel and source archive, checks them against it, and tags it.

The archives are made of what is committed, not of what lies around, twice, and have to come out the same byte for byte: their
times are the commit's (SOURCE_DATE_EPOCH, reproducible-builds.org). Nothing is published: that is for a person to do.
"""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")      # PEP 440, as far as we use it
_PACKAGE = Path("src/stationmaster")
_CHART = Path("deploy/helm/stationmaster/Chart.yaml")
_FROZEN = Path("tests/upgrade/frozen/migrations.sha256")
SUMS = "SHA256SUMS"


class RefusedError(Exception):
    """The tree is not one to be released."""


def main(root: Path, version: str) -> None:
    """Release the tree at `root` as `version`. Raises RefusedError, and then nothing was changed."""
    check(root, version)
    made = build(root)
    for name, data in made.items():
        verify(root, name, data)
    folder = root / "dist"
    folder.mkdir(exist_ok=True)
    for name, data in made.items():
        (folder / name).write_bytes(data)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(made.items()))
    (folder / SUMS).write_text(sums)
    _git(root, "tag", "--annotate", f"v{version}", "--message", f"Stationmaster {version}\n\n{changes(root, version)}\n\n{sums}")
    print(f"{sums}tagged v{version}; publish it with: git push origin v{version}")


def check(root: Path, version: str) -> None:
    """Whether the tree may be released under that version. Raises RefusedError."""
    if not _VERSION.fullmatch(version):
        raise RefusedError("a version is like 1.2.3, or 1.2.3rc1: make release VERSION=1.2.3")
    if changed := _git(root, "status", "--porcelain"):
        raise RefusedError(f"not everything is committed:\n{changed}")
    if _git(root, "tag", "--list", f"v{version}"):
        raise RefusedError(f"v{version} is there already; a version is released once")
    for place, found in _versions(root):
        if found != version:
            raise RefusedError(f"{place} says {found}, not {version}")
    if not changes(root, version):
        raise RefusedError(f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD' with anything in it")
    if unfrozen := _unfrozen(root):
        raise RefusedError(f"no database made by {unfrozen[0]} is frozen: make freeze NAME={version}, and commit it")
    if section(root, "Unreleased"):
        raise RefusedError("CHANGELOG.md has changes under Unreleased: they belong to this version, or out of it")


def _unfrozen(root: Path) -> list[str]:
    """The migrations that no frozen database has, as their files are."""
    kept = (root / _FROZEN).read_text() if (root / _FROZEN).exists() else ""
    files = sorted((root / _PACKAGE).rglob("migrations/0*.py"))
    lines = {f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.relative_to(root / _PACKAGE).as_posix()}" for each in files}
    return sorted(line.split("  ")[1] for line in lines - set(kept.splitlines()))


def _versions(root: Path) -> Iterator[tuple[str, str]]:
    yield "stationmaster.__version__", _found(r'__version__ = "([^"]+)"', root / _PACKAGE / "__init__.py")
    yield f"{_CHART}: version", _found(r"(?m)^version: (\S+)", root / _CHART)
    yield f"{_CHART}: appVersion", _found(r'(?m)^appVersion: "([^"]+)"', root / _CHART)


def _found(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text())
    return match[1] if match else "nothing"


def changes(root: Path, version: str) -> str:
    """What the changelog says of a version that has its day; empty when it has no such section."""
    return section(root, rf"{re.escape(version)} - \d{{4}}-\d\d-\d\d")


def section(root: Path, heading: str) -> str:
    """A section of the changelog without its heading, a regular expression."""
    match = re.search(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", (root / "CHANGELOG.md").read_text())
    return match[1].strip() if match else ""


def build(root: Path) -> Mapping[str, bytes]:
    """The archives of what is committed, by name. Raises RefusedError when two builds differ."""
    moment = _git(root, "log", "-1", "--format=%ct")
    first, second = (_built(root, moment) for _ in range(2))
    if first != second:
        raise RefusedError(f"two builds differ in {', '.join(name for name in first if first[name] != second.get(name))}")
    return first


def _built(root: Path, moment: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name, "tree")
        tree.mkdir()
        with tarfile.open(fileobj=BytesIO(_raw(root, "archive", "--format=tar", "HEAD")), mode="r:") as archive:
            archive.extractall(tree, filter="data")
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tree / "dist"), str(tree)]
        environ = {**os.environ, "SOURCE_DATE_EPOCH": moment}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)  # noqa: S603  our own module
        return {path.name: path.read_bytes() for path in (tree / "dist").iterdir()}


def verify(root: Path, name: str, data: bytes) -> None:
    """Whether an archive holds what the tree does, byte for byte, and nothing else. Raises RefusedError."""
    wheel = name.endswith(".whl")
    held = _in_wheel(data) if wheel else _in_sdist(data)
    ours = {path: blob for path, blob in held.items() if not _is_metadata(path)}
    wanted = _of_tree(root, wheel=wheel)
    if odd := sorted(ours.keys() ^ wanted.keys()):
        raise RefusedError(f"{name} and the tree differ in {', '.join(odd[:5])}")
    if other := [path for path, blob in ours.items() if blob != wanted[path]]:
        raise RefusedError(f"{name} holds another {other[0]} than the tree")
    if paths := [path for path in held if path.endswith(".pth")]:
        raise RefusedError(f"{name} holds {paths[0]}, which runs at every start of Python")


def _is_metadata(path: str) -> bool:
    return re.match(r"stationmaster-[^/]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE)\Z|PKG-INFO\Z",
                    path) is not None  # fmt: skip


def _of_tree(root: Path, *, wheel: bool) -> dict[str, bytes]:
    """What is committed and belongs into an archive, by its path there."""
    recipe = ("README.md", "README.zh-CN.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", ".gitignore")
    names = _git(root, "ls-files", str(_PACKAGE), *(() if wheel else recipe)).splitlines()
    return {name.removeprefix("src/") if wheel else name: (root / name).read_bytes() for name in names}


def _in_wheel(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _in_sdist(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(data), mode="r:gz") as archive:
        return {each.name.partition("/")[2]: archive.extractfile(each).read() for each in archive if each.isfile()}  # type: ignore[union-attr]


def _git(root: Path, *words: str) -> str:
    return _raw(root, *words).decode().strip()


def _raw(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True).stdout  # noqa: S603, S607


if __name__ == "__main__":
    try:
        main(Path.cwd(), sys.argv[1] if len(sys.argv) > 1 else "")
    except RefusedError as refused:
        sys.exit(f"not released: {refused}")
