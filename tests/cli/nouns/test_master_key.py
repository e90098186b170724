"""`stationmaster master-key`, on an installation of its own: the ring is a file there."""

import subprocess
from pathlib import Path

import pytest

from cli.nouns.installation import Installation

SECRET = "sk-proj-Qc8AZr2vTn5mXw0yCanary1"


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """A data folder with a database and a credential."""
    found = Installation(tmp_path)
    found.begin()
    found("credential", "create", "a", "--vendor", "openai", "--secret", "-", stdin=SECRET)
    return found


def test_a_rotation(installed: Installation) -> None:
    """The new key seals everything, then the old one can be retired; dry runs change neither ring nor database."""
    (old,) = installed.json("master-key", "status")["master_keys"]
    ring = (installed.data / "master.keys").read_bytes()
    assert "would be sealed" in installed("master-key", "rotate", "--dry-run", code=10).stderr
    assert installed("master-key", "retire", old["id"], "--dry-run", code=1).stderr.startswith("error: stored secrets still need")
    assert (installed.data / "master.keys").read_bytes() == ring
    new = installed.json("master-key", "rotate")["active"]
    assert new != old["id"]
    held = {row["id"]: row for row in installed.json("master-key", "status")["master_keys"]}
    assert (held[new]["active"], held[new]["secrets"], held[old["id"]]["secrets"]) == (True, old["secrets"], 0)
    assert installed.json("master-key", "rewrap")["sealed"] == 0
    installed("master-key", "rewrap", "--dry-run")
    installed("master-key", "retire", old["id"], "--dry-run", code=10)
    installed("master-key", "retire", old["id"], code=2)
    installed("master-key", "retire", old["id"], "--yes")
    assert [row["id"] for row in installed.json("master-key", "status")["master_keys"]] == [new]
    assert installed.json("credential", "update", "a", "--secret", "-", "--dry-run", stdin=SECRET)["events"] == []
    installed("master-key", "retire", "mk_none", "--dry-run", code=1)


def test_only_here(installed: Installation) -> None:
    """Over REST it says where it works, before anything is sent."""
    elsewhere = ("--url", "http://127.0.0.1:1", "--token-file", str(installed.data / "token"))
    (installed.data / "token").write_text("sm-api-x")
    for words in (["master-key", "status"], ["master-key", "rotate"], ["credential", "check"]):
        assert "only on the control plane's own machine" in installed(*words, *elsewhere, code=2).stderr


def test_credentials_are_checked(installed: Installation, vendor: object) -> None:
    """The vendor is asked with the stored secret; one that is disabled is not asked about, nor an address nobody allowed."""
    url = getattr(vendor, "url", "")
    allowed = {"STATIONMASTER__OUTBOUND__ALLOWED_PRIVATE": "127.0.0.1"}
    installed("credential", "disable", "a")
    installed("credential", "create", "b", "--vendor", "openai_compatible", "--base-url", f"{url}/v1", "--allow-insecure-http",
              "--secret", "-", stdin=SECRET, environ=allowed)  # fmt: skip
    checked = installed.json("credential", "check", environ=allowed)
    rows = {row["name"]: (row["state"], row["cause"]) for row in checked["credentials"]}
    assert (checked["ok"], rows) == (True, {"a": ("disabled", "operator"), "b": ("healthy", "")})
    refused = installed.json("credential", "check", "b", code=1)["credentials"][0]
    assert (refused["code"], refused["milliseconds"]) == ("error.outbound.private", None)


def test_the_secret_is_in_no_file(installed: Installation) -> None:
    """Nor is it in anything that the command left in the data folder."""
    for path in installed.data.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert subprocess.run(["grep", "-r", SECRET, str(installed.data)], capture_output=True, check=False).returncode == 1
