"""`stationmaster import`, `roster` and `export roster`, at this machine's desk and over REST."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.nouns.kit import Cli
from importing.kit import ACCOUNTS, CANARIES, CONFIG
from jobs.harness import start_worker


@pytest.fixture
def worker(database: Path) -> Iterator[None]:
    """A worker process on the same database."""
    with start_worker([]):
        yield


@pytest.mark.timeout(300)
def test_from_an_older_setup_and_back(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Tried, brought in, brought in again, written out; files stay as they are, and no secret is printed."""
    file, config, out = tmp_path / "accounts.json", tmp_path / "config.toml", tmp_path / "out.json"
    file.write_text(json.dumps(ACCOUNTS))
    config.write_text(CONFIG)
    before = file.stat().st_mtime_ns
    tried = cli("import", str(file), "--dry-run", code=10)
    assert "ada@example.com" in tried.out
    done = cli("import", str(file), "--output", "json")
    (row,) = done.json()["imports"]
    assert (row["state"], row["created"]) == ("done", 5)
    again = cli("import", str(file))
    assert "error.credential.not_for_api_use" in again.err
    assert "password (2)" in again.err
    assert cli.json("import", str(file))["imports"][0]["unchanged"] == 5
    assert file.stat().st_mtime_ns == before
    cli("export", "roster", str(out), "--format", "accounts")
    assert {each["email"] for each in json.loads(out.read_text())} == {each["email"] for each in ACCOUNTS}
    said = [tried, done, again, cli("roster", "imports", "--output", "json"), cli("import", str(config), code=None)]
    for each in said:
        assert not [value for value in CANARIES.values() if value in each.out + each.err]
        assert "canary" not in each.out + each.err


@pytest.mark.timeout(300)
def test_what_does_not_come_in_is_told(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Exit 3 and the records by number; exit 1 for half a file, of which no upload stays; mappings by name."""
    file = tmp_path / "mixed.json"
    file.write_text(json.dumps([{"wer": "ada@example.com", "type": "child"}, {"wer": "nobody", "type": "child"}]))
    done = cli("import", str(file), "--map", "wer=email", "--keep-mapping", "ours", "--output", "json", code=3)
    (row,) = done.json()["imports"]
    listed = cli.json("roster", "problems", row["id"])
    assert [(each["row"], each["code"]) for each in listed["problems"]] == [(2, "error.person.bad_value")]
    assert cli.json("import", str(file), "--mapping", "ours", code=3)["imports"][0]["unchanged"] == 1
    assert [each["name"] for each in cli.json("roster", "mappings")["import_mappings"]] == ["ours"]
    cli("roster", "forget-mapping", "ours", "--yes")
    number = cli.json("roster", "imports")["total"]
    file.write_text('[{"email": "ada@exam')
    half = cli("import", str(file), code=1)
    assert "in the middle" in half.err
    good = tmp_path / "good.json"
    good.write_text(json.dumps([{"email": "eve@example.com", "type": "child"}]))
    both = cli("import", str(file), str(good), "--output", "json", code=3)
    assert f"{file}:" in both.err
    assert [each["created"] for each in both.json()["imports"]] == [1]
    assert "a person without a team" in cli("import", str(good), "--dry-run").out
    assert cli.json("roster", "imports")["total"] == number + 2
