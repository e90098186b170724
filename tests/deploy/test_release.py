"""Releases: what is refused, what is built of the committed tree, and that archives are checked against it."""

import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from tools import release
from tools.release import RefusedError

ROOT = Path(__file__).parents[2]
PARTS = ("src/stationmaster/__init__.py", "src/stationmaster/errors.py", "src/stationmaster/py.typed", "pyproject.toml",
         "README.md", "README.zh-CN.md", "LICENSE", ".gitignore", "deploy/helm/stationmaster/Chart.yaml")  # fmt: skip
CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-12-01\n\n- The first one.\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with our recipe, all of it committed."""
    for name in PARTS:
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def git(tree: Path, *words: str) -> str:
    """Run git there, as somebody."""
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.test", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", "-C", tree, *who, *words], check=True, capture_output=True, text=True).stdout


def commit(tree: Path) -> None:
    """Commit everything."""
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "x")


def test_a_release(tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Both archives with their sums, and a tag that says what changed; what lies around uncommitted is in neither."""
    for name, value in (("GIT_COMMITTER_NAME", "Tester"), ("GIT_COMMITTER_EMAIL", "tester@example.test")):
        monkeypatch.setenv(name, value)
    (tree / "src/stationmaster/__pycache__").mkdir()      # what .gitignore leaves out
    (tree / "src/stationmaster/__pycache__/x.pyc").write_bytes(b"x")
    release.main(tree, "0.1.0")
    sums = (tree / "dist" / release.SUMS).read_text()
    names = [line.split()[1] for line in sums.splitlines()]
    assert names == ["stationmaster-0.1.0-py3-none-any.whl", "stationmaster-0.1.0.tar.gz"]
    for digest, name in map(str.split, sums.splitlines()):
        assert hashlib.sha256((tree / "dist" / name).read_bytes()).hexdigest() == digest
    told = git(tree, "tag", "--list", "--format=%(contents)", "v0.1.0")
    assert "The first one." in told
    assert sums.splitlines()[0] in told
    assert "git push origin v0.1.0" in capsys.readouterr().out
    with pytest.raises(RefusedError, match="there already"):
        release.check(tree, "0.1.0")


@pytest.mark.parametrize(("file", "before", "after", "said"), [
    ("CHANGELOG.md", "0.1.0 - 2026-12-01", "0.1.0", "no section '## 0.1.0"),
    ("CHANGELOG.md", "- The first one.\n", "", "with anything in it"),
    ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Another.\n", "under Unreleased"),
    ("src/stationmaster/__init__.py", '"0.1.0"', '"0.2.0"', "stationmaster.__version__ says 0.2.0"),
    ("deploy/helm/stationmaster/Chart.yaml", "\nversion: 0.1.0", "\nversion: 0.0.9", "version says 0.0.9"),
    ("deploy/helm/stationmaster/Chart.yaml", 'appVersion: "0.1.0"', 'appVersion: "1"', "appVersion says 1"),
])  # fmt: skip
def test_what_is_refused(tree: Path, file: str, before: str, after: str, said: str) -> None:
    """A changelog without the version or with more than it, and versions that differ."""
    text = (tree / file).read_text()
    assert before in text
    (tree / file).write_text(text.replace(before, after))
    commit(tree)
    with pytest.raises(RefusedError, match=said):
        release.check(tree, "0.1.0")


def test_an_unclean_tree_is_refused(tree: Path) -> None:
    """Files that changed, and files that git does not know."""
    (tree / "new.py").write_text("")
    with pytest.raises(RefusedError, match=r"new\.py"):
        release.check(tree, "0.1.0")


def test_a_migration_that_is_not_frozen_is_refused(tree: Path) -> None:
    """A version's databases are kept before it goes out, so that the next ones are seen to upgrade them."""
    folder = tree / "src/stationmaster/store/migrations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0099_new.py").write_text("")
    commit(tree)
    with pytest.raises(RefusedError, match=r"0099_new\.py is frozen: make freeze NAME=0\.1\.0"):
        release.check(tree, "0.1.0")


@pytest.mark.parametrize("version", ["", "1", "v1.2.3", "1.2.3-rc1", "1.2.3 "])
def test_what_is_no_version(tree: Path, version: str) -> None:
    """Versions are PEP 440's, as far as we use it."""
    with pytest.raises(RefusedError, match="a version is like"):
        release.check(tree, version)


def test_builds_are_the_same(tree: Path) -> None:
    """Two builds of one commit have the same bytes, wherever and whenever they are made."""
    assert release.build(tree) == release.build(tree)


def _wheel(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def _sdist(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"stationmaster-0.1.0/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return data.getvalue()


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_archives_are_checked(tree: Path, kind: str) -> None:
    """One that lacks a file, has one too many, another content, or something that runs by itself, is refused."""
    wheel = kind == "wheel"
    name, pack = ("stationmaster-0.1.0-py3-none-any.whl", _wheel) if wheel else ("stationmaster-0.1.0.tar.gz", _sdist)
    good = release._of_tree(tree, wheel=wheel)
    one = next(path for path in good if path.endswith("errors.py"))
    release.verify(tree, name, pack(good))
    for spoiled, said in (
        ({path: data for path, data in good.items() if path != one}, "differ in"),
        ({**good, "stationmaster/more.py": b""}, "differ in"),
        ({**good, "stationmaster.pth": b"import os"}, "differ in"),
        ({**good, one: b"changed"}, "holds another"),
    ):
        with pytest.raises(RefusedError, match=said):
            release.verify(tree, name, pack(spoiled))
