"""Targets in the declared set-up: what `apply` makes of them, and what it leaves alone."""

from pathlib import Path

import pytest

from cli.nouns.conftest import _token
from cli.nouns.kit import SECRET, Cli
from stationmaster.cli.session import at_terminal
from stationmaster.publishing.models import PENDING, Publication, Target

PASSWORD = "a pass phrase, with Canary4"
KEY = "admin-Tb6Wq2Zx8CanaryTarget5"

RELAYS = """\
[[target]]
id = "relay"
label = "in Frankfurt"
kind = "crs"
base_url = "https://relay.example.com/"
user = "admin"
secret = "env:RELAY_PASSWORD"
group_names = ["team"]
read_minutes = 60

[[target]]
id = "spare"
kind = "cpa"
base_url = "https://spare.example.com"
priority = 20
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two targets; one's secret is in the environment, the other's in a folder beside it."""
    monkeypatch.setenv("RELAY_PASSWORD", PASSWORD)
    (tmp_path / "secrets" / "target").mkdir(parents=True)
    (tmp_path / "secrets" / "target" / "spare").write_text(f"{KEY}\n")
    path = tmp_path / "relays.toml"
    path.write_text(RELAYS)
    return path


def applied(cli: Cli, file: Path, *more: str, code: int = 0) -> list[tuple[str, str]]:
    """Apply it; the verb and name of each change."""
    secrets = ("--secrets-dir", str(file.parent / "secrets"))
    changes = cli.json("apply", str(file), "--yes", *secrets, *more, code=code)["changes"]
    return [(each["verb"], each["name"]) for each in changes]


def again(cli: Cli, file: Path) -> Path:
    """Its export, as a file."""
    path = file.parent / "export.toml"
    path.write_text(cli("export").out)
    return path


def test_from_a_file_to_targets_and_back(cli: Cli, file: Path) -> None:
    """A dry run shows them without secrets and makes none; applied, they are there and wait for a test of their connection, which
    is said; the export holds no secret, and applied changes nothing."""
    secrets = ("--secrets-dir", str(file.parent / "secrets"))
    shown = cli("apply", str(file), "--dry-run", *secrets, code=10)
    assert "+++ target/relay" in shown.out
    assert '+secret = "env:RELAY_PASSWORD"' in shown.out
    assert cli.json("target", "list")["total"] == 0
    done = cli("apply", str(file), "--yes", *secrets)
    assert "target test" in done.err
    assert "relay, spare" in done.err
    held = cli.json("target", "show", "relay")
    assert (held["user"], held["group_names"], held["read_minutes"], held["default"]) == ("admin", ["team"], 60, True)
    assert (held["secret_set"], held["state"]) == (True, "untested")
    row = Target.objects.get(name="relay")
    assert row.secret.holds(PASSWORD)
    assert Target.objects.get(name="spare").secret.holds(KEY)
    export = cli("export")
    assert 'secret = "stored:relay"' in export.out
    quiet = cli("apply", str(again(cli, file)), "--prune", "--dry-run")
    assert (quiet.out, quiet.err) == ("", "Nothing would change.\n")
    assert not [each for each in (PASSWORD, KEY) for one in (shown, done, export, quiet) if each in one.out + one.err]


def test_a_changed_file_changes_them(cli: Cli, file: Path) -> None:
    """What is different is shown and done; what asks for no other test of the connection says nothing of one."""
    applied(cli, file)
    path = again(cli, file)
    path.write_text(path.read_text().replace("read_minutes = 60", "read_minutes = 90").replace("in Frankfurt", "in Oslo"))
    shown = cli("apply", str(path), "--dry-run", code=10).out
    assert {"-read_minutes = 60", "+read_minutes = 90", '+label = "in Oslo"'} <= set(shown.splitlines())
    done = cli("apply", str(path), "--yes")
    assert "target test" not in done.err
    held = cli.json("target", "show", "relay")
    assert (held["read_minutes"], held["label"], held["user"], held["group_names"]) == (90, "in Oslo", "admin", ["team"])
    cli("apply", str(path), "--dry-run")


def test_the_same_secret_is_no_change(here: Cli, file: Path) -> None:
    """On this machine a secret that a file gives is compared with the one that is stored."""
    applied(here, file)
    assert applied(here, file) == []
    (file.parent / "secrets" / "target" / "spare").write_text(f"{KEY}2\n")
    assert applied(here, file) == [("update", "spare")]
    assert Target.objects.get(name="spare").secret.holds(f"{KEY}2")


def test_what_a_file_does_not_name_stays(cli: Cli, file: Path) -> None:
    """A file of before there were targets in it leaves them; only with `--prune` they go, and those that it does not name."""
    applied(cli, file)
    old = file.parent / "old.toml"
    old.write_text('[[key]]\nid = "team"\n')
    assert applied(cli, old) == [("create", "team")]
    assert cli.json("target", "list")["total"] == 2
    file.write_text(RELAYS[: RELAYS.index('[[target]]\nid = "spare')] + '[[key]]\nid = "team"\n')
    assert ("delete", "spare") in applied(cli, file, "--prune")
    assert applied(cli, old, "--prune") == [("delete", "relay")]


def test_there_is_one_default(cli: Cli, file: Path) -> None:
    """Whichever a file names takes it from the other, in whatever order they stand; a file that names none leaves it."""
    applied(cli, file)

    def default() -> list[str]:
        return [row["name"] for row in cli.json("target", "list")["targets"] if row["default"]]

    path = again(cli, file)
    text = path.read_text()
    for first, then in (("relay", "spare"), ("spare", "relay")):
        plain = text.replace("default = true\n", "")
        path.write_text(plain.replace(f'id = "{then}"', f'id = "{then}"\ndefault = true'))
        assert default() == [first]
        assert applied(cli, path) == [("update", "relay"), ("update", "spare")]
        assert default() == [then]
        cli("apply", str(path), "--dry-run")
        path.write_text(plain)
        cli("apply", str(path), "--dry-run")
        path.write_text(plain.replace("id =", "default = false\nid ="))
        cli("apply", str(path), "--dry-run")


def test_another_address_takes_the_secret_anew(cli: Cli, file: Path) -> None:
    """Another address, kind or user is shown as asking for it; without it nothing happens."""
    applied(cli, file)
    path = again(cli, file)
    text = path.read_text()
    for old, new in (("spare.example.com", "other.example.com"), ('kind = "cpa"', 'kind = "s2a"')):
        path.write_text(text.replace(old, new))
        assert '+secret = "(asked for)"' in cli("apply", str(path), "--dry-run", code=10).out
        assert "target/spare" in cli("apply", str(path), "--yes", code=2).err
    path.write_text(text.replace('user = "admin"', 'user = "root"'))
    assert "target/relay" in cli("apply", str(path), "--yes", code=2).err
    path.write_text(text.replace("spare.example.com", "other.example.com"))
    assert applied(cli, path) == [("update", "spare")]
    assert cli.json("target", "show", "spare")["base_url"] == "https://other.example.com"


def test_a_secret_that_need_not_be(here: Cli, file: Path) -> None:
    """A kind that may go without, and a target that is switched off, need none; what is stored stays where nothing is said; a
    target that is switched on asks for it."""
    open_door = '[[target]]\nid = "open"\nkind = "bifrost"\nbase_url = "https://open.example.com"\n'
    off = '[[target]]\nid = "off"\nkind = "one_api"\nbase_url = "https://off.example.com"\ndisabled = true\n'
    file.write_text(open_door + off)
    assert applied(here, file) == [("create", "open"), ("create", "off")]
    assert "stored:" not in "".join(here("export").out.splitlines(keepends=True)[2:])
    assert here("export", "roster", "-", "--format", "nothing", code=None).code
    (file.parent / "secrets" / "target" / "open").write_text(KEY)
    assert applied(here, file) == [("update", "open")]
    here("apply", str(file), "--dry-run")
    assert here("export").out.count('secret = "stored:open"') == 1
    file.write_text(open_door + off.replace("disabled = true\n", ""))
    assert "target/off" in here("apply", str(file), "--yes", code=2).err
    (file.parent / "secrets" / "target" / "off").write_text(KEY)
    assert applied(here, file) == [("update", "off")]


def test_one_that_has_copies_is_not_pruned(here: Cli, file: Path) -> None:
    """What would be refused is found by a dry run, and nothing else of the file happens."""
    from stationmaster.credentials.models import Credential
    from stationmaster.store.changes import change

    applied(here, file)
    here.credential("a", secret=SECRET)
    with change(at_terminal()) as edit:
        credential, target = Credential.objects.get(name="a"), Target.objects.get(name="relay")
        edit.create(Publication(credential=credential, target=target, state=PENDING))
    (file.parent / "none.toml").write_text('[[key]]\nid = "team"\n')
    for how in ("--dry-run", "--yes"):
        told = here("apply", str(file.parent / "none.toml"), "--prune", how, code=1).err
        assert "target relay" in told
        assert "credential a" in told
    assert here.json("key", "list")["total"] == 0


def test_attaching_is_an_admins(there: Cli, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an operator's token a file changes no target, and says whose that is; what it leaves alone is no hindrance."""
    applied(there, file)
    monkeypatch.setenv("STATIONMASTER_TOKEN", _token("operator"))
    path = again(there, file)
    path.write_text(path.read_text() + '[[key]]\nid = "team"\n')
    there("apply", str(path), "--yes")
    assert there.json("key", "list")["total"] == 1
    path.write_text(path.read_text().replace("read_minutes = 60", "read_minutes = 90"))
    assert "target relay" in there("apply", str(path), "--yes", code=1).err
    assert there.json("target", "show", "relay")["read_minutes"] == 60


HEAD = '[[target]]\nid = "t"\nbase_url = "https://t.example.com"\n'
CPA = f'{HEAD}kind = "cpa"\n'
OTHER = CPA.replace('"t"', '"u"')


@pytest.mark.parametrize(("text", "said"), [
    (f'{HEAD}kind = "litelm"\n', ':4: target[0].kind: unknown kind "litelm" — did you mean "litellm"?'),
    (f'{CPA}user = "me"\n', ":5: target[0].user: CLIProxyAPI takes a key and no user"),
    (f'{HEAD}kind = "crs"\n', ":1: target[0].user: missing key — Claude Relay Service is managed by a user"),
    (f'{HEAD}kind = "new_api"\nuser = "me"\n', ":5: target[0].user: is the number of the user"),
    (f"{CPA}priority = 0\n", ":5: target[0].priority: expected a whole number from 1 to 100, got 0"),
    (f"{CPA}prioritty = 1\n", ':5: target[0].prioritty: unknown key — did you mean "priority"?'),
    (f'{CPA}secret = "stored:other"\n', ":5: target[0].secret: what is stored belongs to its own row"),
    (f'{CPA}secret = "plain-in-the-file"\n', ":5: target[0].secret: the secret itself stands in the file"),
    (f'{CPA}secret = "env:SESSION"\n', ":5: target[0].secret: this is a browser-session or OAuth token"),
    ('[[target]]\nid = "t"\nkind = "cpa"\nbase_url = "http://t.example.com"\n', ":4: target[0].base_url:"),
    (f"{CPA}default = true\n{OTHER}default = true\n", ":10: target[1].default: another target is the default already"),
    (f"{CPA}{CPA}", 'the id "t" is taken'),
])  # fmt: skip
def test_what_is_wrong_with_a_target(
    here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """It is told with its line, the exit code is 2, and nothing happens."""
    monkeypatch.setenv("SESSION", "sk-ant-sid01-Canary-0123456789abcdefghij")
    path = tmp_path / "x.toml"
    path.write_text(text)
    done = here("apply", str(path), "--yes", code=2)
    assert said in done.err
    assert "Canary" not in done.err
    assert here.json("target", "list")["total"] == 0
