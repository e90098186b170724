"""`stationmaster person` and `group`, at this machine's desk and over REST: the same words, the same ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.nouns.kit import Cli
from jobs.harness import start_worker

FILE = "E-Mail;Name;GitHub\nada@example.com;Ada;ada-l\nbob@example.com;Bob;\n"


@pytest.fixture
def worker(database: Path) -> Iterator[None]:
    """A worker process on the same database."""
    with start_worker([]):
        yield


def a_file(folder: Path, text: str = FILE) -> str:
    """A file with this text."""
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_persons(cli: Cli) -> None:
    """Made, shown by any name, changed, linked, left, back, forgotten, deleted."""
    made = cli.json("person", "create", "Ada@example.com", "--name", "Ada", "--further-email", "a@example.com")
    assert (made["user_name"], made["further_emails"]) == ("Ada@example.com", ["a@example.com"])
    assert cli.json("person", "show", "ADA@EXAMPLE.COM")["id"] == made["id"]
    changed = cli.json("person", "update", made["id"], "--title", "Countess", "--revision", str(made["revision"]))
    assert (changed["title"], changed["display_name"]) == ("Countess", "Ada")
    cli("person", "update", made["id"], "--title", "Duchess", "--revision", str(made["revision"]), code=1)
    linked = cli.json("person", "link", made["id"], "github_copilot", "ada-l")
    assert linked["logins"] == [{"vendor": "github_copilot", "login": "ada-l"}]
    assert cli.json("person", "unlink", made["id"], "github_copilot", "ADA-L")["logins"] == []
    cli("person", "deactivate", made["id"], code=2)       # it asks, and nobody is here
    assert not cli.json("person", "deactivate", made["id"], "--yes")["active"]
    assert cli.json("person", "reactivate", made["id"])["active"]
    assert cli.json("person", "erase", made["id"], "--yes")["email"] == ""
    cli("person", "delete", made["id"], "--yes")
    assert cli.json("person", "list")["people"] == []


def test_groups(cli: Cli) -> None:
    """Made, filled, listed, emptied, deleted."""
    for name in ("ada", "bob"):
        cli("person", "create", "--user-name", name)
    made = cli.json("group", "create", "poets")
    assert cli.json("group", "add", "poets", "ada", "BOB")["members"] == 2
    listed = cli.json("group", "members", "poets", "--sort", "-user_name")
    assert ([row["user_name"] for row in listed["members"]], listed["total"]) == (["bob", "ada"], 2)
    assert cli.json("group", "remove", "Poets", "bob")["members"] == 1
    assert cli.json("group", "update", "poets", "--name", "engineers")["id"] == made["id"]
    assert cli.json("group", "show", "engineers")["members"] == 1
    cli("group", "delete", "engineers", "--yes")
    assert cli.json("group", "list")["groups"] == []


def test_conflicts(cli: Cli) -> None:
    """Exit 1 while there are any, so that a script can ask."""
    assert cli.json("person", "conflicts")["conflicts"] == []
    cli("person", "create", "ada@example.com", "--further-email", "team@example.com")
    cli("person", "create", "team@example.com")
    (found,) = cli.json("person", "conflicts", code=1)["conflicts"]
    assert (found["kind"], found["name"], len(found["persons"])) == ("address", "team@example.com", 2)


def test_dry_runs_change_nothing(here: Cli) -> None:
    """Every verb shows what it would write down, exits 10, and leaves everything as it is."""
    for name in ("ada", "bob"):
        here("person", "create", "--user-name", name)
    here("group", "create", "poets")
    here("group", "add", "poets", "bob")
    here("person", "link", "bob", "github_copilot", "octo")
    here("person", "deactivate", "bob", "--yes")
    before = (here("person", "list", "--output", "json").out, here("group", "list", "--output", "json").out)
    tried: list[list[str]] = [
        ["person", "create", "eve@example.com"], ["person", "update", "ada", "--title", "T"], ["person", "deactivate", "ada"],
        ["person", "reactivate", "bob"], ["person", "erase", "ada"], ["person", "delete", "ada"],
        ["person", "link", "ada", "openai", "x@example.com"], ["person", "unlink", "bob", "github_copilot", "octo"],
        ["group", "create", "x"], ["group", "update", "poets", "--name", "y"], ["group", "add", "poets", "ada"],
        ["group", "remove", "poets", "bob"], ["group", "delete", "poets"],
    ]  # fmt: skip
    for words in tried:
        here(*words, "--dry-run", code=10)
    assert before == (here("person", "list", "--output", "json").out, here("group", "list", "--output", "json").out)


def test_an_import_from_file_to_people(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Tried first, then done; again it changes nothing; how columns are taken is said."""
    file = a_file(tmp_path)
    tried = cli("person", "import", file, "--dry-run", "--output", "json", code=10)
    assert (tried.json()["created"], cli.json("person", "list")["total"]) == (2, 0)
    assert "GitHub → login:github_copilot" in tried.err
    done = cli.json("person", "import", file, "--wait")
    assert (done["state"], done["created"]) == ("done", 2)
    assert cli.json("person", "show", "ada@example.com")["logins"][0]["login"] == "ada-l"
    assert cli.json("person", "import", file, "--wait")["unchanged"] == 2
    cli("person", "import", file, "--dry-run")
    assert len(cli.json("person", "imports")["people_imports"]) == 4


def test_rows_that_cannot_be_imported_are_told(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Exit 3 for an import in part, and the rows by number."""
    file = a_file(tmp_path, "who,name\nada@example.com,Ada\nnot an address,Eve\nADA@example.com,Twice\n")
    told = cli("person", "import", file, "--map", "who=email", "--map", "name=", "--wait", "--output", "json", code=3)
    done = told.json()
    assert f"`stationmaster person problems {done['id']}`" in told.err
    assert (done["state"], done["created"], done["errors"], done["duplicates"]) == ("partial", 1, 1, 1)
    listed = cli.json("person", "problems", done["id"])
    assert [(row["row"], row["outcome"]) for row in listed["problems"]] == [(3, "error"), (4, "duplicate")]
    job = cli.json("job", "show", done["job"])
    assert (job["state"], job["total"], job["ok"], job["failed"]) == ("partial", 3, 1, 2)
    tried = cli("person", "import", file, "--map", "who=email", "--map", "name=title", "--dry-run", "--output", "json", code=10)
    assert (tried.json()["updated"], tried.json()["errors"]) == (1, 1)       # changes are pending, whatever else there is
    cli("person", "import", file, code=1)       # no heading says whose a row is


def test_a_dry_run_tells_of_leavers(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Those whom a full file would have leave are a change that is pending, like any other: exit 10, and nobody left."""
    cli("person", "import", a_file(tmp_path), "--wait")
    file = a_file(tmp_path, "mail\nada@example.com\n")
    tried = cli("person", "import", file, "--full", "--dry-run", "--output", "json", code=10)
    assert (tried.json()["leavers"], tried.json()["left"]) == (1, 0)
    assert cli.json("person", "show", "bob@example.com")["active"]


def test_leavers_of_a_full_file_wait_for_a_word(cli: Cli, worker: None, tmp_path: Path) -> None:
    """Exit 10 while they wait; the word has to say how many."""
    cli("person", "import", a_file(tmp_path), "--wait")
    done = cli("person", "import", a_file(tmp_path, "mail\nada@example.com\n"), "--full", "--wait", "--output", "json", code=10)
    assert (done.json()["state"], done.json()["leavers"]) == ("waiting", 1)
    which = done.json()["id"]
    assert f"stationmaster person approve {which} --leavers 1" in done.err
    cli("person", "approve", which, "--leavers", "2", "--yes", code=1)
    assert cli.json("person", "approve", which, "--leavers", "1", "--yes", "--wait")["left"] == 1
    assert not cli.json("person", "show", "bob@example.com")["active"]


def test_a_file_that_is_not_there(cli: Cli, tmp_path: Path) -> None:
    """Is said so, as a wrong word."""
    assert "cannot be read" in cli("person", "import", str(tmp_path / "none.csv"), code=2).err


def test_stdin_and_parts(cli: Cli, worker: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may come from stdin, and arrives whole when it takes many parts."""
    from stationmaster.cli import person_import

    monkeypatch.setattr(person_import, "PART", 7)
    text = "mail,name\n" + "".join(f"p{each}@example.com,P {each}\n" for each in range(9))
    done: Any = cli.json("person", "import", "-", "--wait", stdin=text)
    assert (done["created"], done["size"]) == (9, len(text))
