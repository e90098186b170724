"""What pages of reference and of alerts show is what runs: their commands at a terminal, their calls in a shell, their files
taken by the command that they are for; beside everything running, over simulated vendors."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from alerts.kit import Receiver
from docs.pasting import Done, typed
from docs.test_readme import blocks
from docs.test_vendor_pages import Town, _environ, commands
from stationmaster.sandbox.server import SandboxServer
from up.kit import Up, running, until

pytestmark = pytest.mark.timeout(600)      # seconds: each command is a process
PENDING = 10
AGREED = (0, PENDING)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Everything running, with people and a group, as the pages take for granted."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "people.csv").write_text("E-Mail,Name\nbob@example.com,Bob\neve@example.com,Eve\n")
    with SandboxServer() as sandbox, running(folder) as up:
        up.command("address", "allow", "127.0.0.1", "--reason", "simulated vendors")
        for name in ("ada@example.com", "member-009@example.test"):
            up.command("person", "create", name)
        up.command("group", "create", "engineers")
        up.command("group", "add", "engineers", "member-009@example.test")
        made = Town(folder, sandbox, up)
        yield made
        made.close()


def run(town: Town, line: str, agreed: tuple[int, ...] = (0,)) -> Done:
    """One command, which ends well."""
    done = town.paste(line)
    assert done.status in agreed, f"{line}\n{done.told}{done.data}"
    return done


def table(up: Up, *words: str) -> list[dict[str, Any]]:
    """What a list prints."""
    found = json.loads(up.command(*words, "--output", "json"))
    return next(each for each in found.values() if isinstance(each, list))


def test_alerts(town: Town) -> None:
    """An alert is made for each channel, tried, and its messages are listed; the receiver of the test stands for the page's."""
    with Receiver() as receiver:
        for line in commands("docs/alerts.md"):
            here = line.replace("https://hooks.example.com/stationmaster",
                                f"http://127.0.0.1:{receiver.port}/hook --allow-insecure-http")  # fmt: skip
            run(town, here)
        assert [got.said["type"] for got in receiver.got] == ["alert.test"]


def test_a_source(town: Town) -> None:
    """The identity provider's tokens come: the simulated one stands for the page's."""
    issuer = town.sandbox.tokens.make("oidc", "page", client="stationmaster")
    for line in commands("docs/reference/credential-sources.md"):
        here = line.replace("https://login.example.com/token", f"{issuer.base_url(town.sandbox.url)}/token")
        here = here.replace("https://models.example.com/v1", f"{town.sandbox.url}/v1 --allow-insecure-http")
        done = typed([*shlex.split(here)[1:], "--data", str(town.up.data)], issuer.secret, town.folder, _environ(town.folder))
        assert done.status == 0, f"{line}\n{done.told}{done.data}"
    until(lambda: town.sources().get("models") == "ok", "the token")


def test_people(town: Town) -> None:
    """Somebody leaves; a file is tried and imported; what the guard holds is what the page's last command approves."""
    *first, approve = commands("docs/reference/people.md")
    for line in first:
        run(town, f"{line} --yes" if "deactivate" in line else line, AGREED)      # which asks
    people = ("person", "list", "--limit", "500")
    until(lambda: {"bob@example.com", "eve@example.com"} <= {row["email"] for row in table(town.up, *people)}, "the import")
    held = _held(town)
    run(town, approve.replace("42", str(held["leavers"])).replace("IMPORT", held["id"]) + " --yes")


def _held(town: Town) -> dict[str, Any]:
    """An import in which many are no more, which waits for somebody's approval."""
    many = town.folder / "many.csv"
    rows = [f"person-{number:03}@example.test,Person" for number in range(60)]
    for kept in (rows, rows[:1]):
        many.write_text("\n".join(("E-Mail,Name", *kept)) + "\n")
        words = ["-m", "stationmaster", "person", "import", str(many), "--full", "--wait", "--data", str(town.up.data)]
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode in AGREED, done.stderr
    return next(row for row in table(town.up, "person", "imports") if row["state"] == "waiting")


@pytest.mark.needs("curl", "jq")
def test_people_over_rest(town: Town) -> None:
    """The calls of the page, one after another in a shell, import a file."""
    (town.folder / "people.csv").write_text("E-Mail,Name\nmay@example.com,May\n")
    (text,) = blocks("docs/reference/people.md", "sh")
    _sh(town, text)
    until(lambda: "may@example.com" in {row["email"] for row in table(town.up, "person", "list", "--limit", "500")}, "the import")


@pytest.mark.needs("curl")
def test_rest(town: Town) -> None:
    """The first call of the page answers; an error looks as the page shows one."""
    (call,) = blocks("docs/reference/rest.md", "sh")
    assert "items" in json.loads(_sh(town, call.replace("http://127.0.0.1:4001", town.up.console)))
    (example,) = (json.loads(text) for text in blocks("docs/reference/rest.md", "json"))
    with town.up.rest() as rest:
        error = rest.get("/credentials/nothing").json()["error"]
    assert set(example["error"]) == set(error)


def _sh(town: Town, script: str) -> str:
    made = json.loads(town.up.command("token", "create", f"page-{os.urandom(3).hex()}", "--role", "admin", "--output", "json"))
    named = {"AUTH": f"Authorization: Bearer {made['token']}", "API": f"{town.up.console}/api/v1"}
    environ = {**os.environ, **named, "STATIONMASTER_TOKEN": str(made["token"])}
    words = ["sh", "-euc", script]
    done = subprocess.run(words, cwd=town.folder, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_seats_then_jobs(town: Town) -> None:
    """From an admin key to invitations; the jobs of it are listed, their logs read, and what failed is tried again."""
    for line in commands("docs/reference/seats.md", "sh"):
        words = line.replace("ID", _open_plan(town)) if "approve ID" in line else line
        run(town, words, AGREED)
        if "workspace create" in line:
            until(lambda: table(town.up, "workspace", "list")[-1]["state"] == "ready", "the reading")
    assert [row["state"] for row in table(town.up, "seat", "list", "--filter", "state=invited")] == ["invited"]
    listing, log, again = commands("docs/reference/jobs.md", "sh")
    run(town, listing)
    done = next(row["id"] for row in table(town.up, "job", "list") if row["state"] == "succeeded")
    run(town, log.replace("job_06f2w4k5y8zq1v3t7b9d0c2m4n", done))
    run(town, again.replace("job_06f2w4k5y8zq1v3t7b9d0c2m4n", _failed_job(town)), (0, 1, 3))


def _open_plan(town: Town) -> str:
    return next(str(row["id"]) for row in table(town.up, "plan", "list") if row["state"] == "open")


def _failed_job(town: Town) -> str:
    """A reading of a workspace whose vendor fails."""
    organisation = town.sandbox.admin.find("openai", "demo")
    organisation.faults.set("401", on="GET *", times=1000)
    subprocess.run([sys.executable, "-m", "stationmaster", "workspace", "run", "acme", "reconcile", "--wait", "--data",
                    str(town.up.data)], capture_output=True, timeout=100, check=False)  # fmt: skip
    organisation.faults.clear()
    return next(str(row["id"]) for row in table(town.up, "job", "list") if row["state"] in ("failed", "partial"))


@pytest.mark.parametrize(("page", "language"), [("docs/reference/cli.md", "toml"), ("docs/reference/declared.md", "toml")])
def test_a_declared_set_up(town: Town, page: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`apply --dry-run` says what the file comes to; secrets that it says are stored are put there first."""
    monkeypatch.setenv("MODELS_CLIENT", "the-client-of-a-page")
    (text,) = blocks(page, language)
    (town.folder / "setup.toml").write_text(text)
    run(town, "stationmaster apply setup.toml --dry-run", AGREED)


def test_older_setups(town: Town) -> None:
    """Each file of the page is told for what it is, and every record of it is read."""
    files = [("json", text) for text in blocks("docs/reference/importing.md", "json")]
    files += [("toml", text) for text in blocks("docs/reference/importing.md", "toml")]
    assert len(files) == 3
    for number, (kind, text) in enumerate(files):
        (town.folder / f"older-{number}.{kind}").write_text(text)
        run(town, f"stationmaster import older-{number}.{kind} --dry-run", (0, 3, PENDING))


