"""`stationmaster export` and `apply`: the file's promises, at either desk."""

import json
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml

from cli.nouns.kit import ADMIN_SECRET, OTHER, SECRET, Cli
from stationmaster.gateway import config as files

AZURE = "0f3c9a7e5b1d4826c7e24f7a91b3e5d7"      # of the shape that Azure gives

GATEWAY = """\
[gateway]
port = 4100
default_pool = "main"

[[credential]]
id = "a"
vendor = "openai"
secret = "env:KEY_A"
prices = { "gpt-*" = { input = 1.25, output = 10.0 } }

[[credential]]
id = "az"
vendor = "azure_openai"
base_url = "https://acme.openai.azure.com/"
secret = "file:az.key"

[[pool]]
id = "main"
members = [{ credential = "a", weight = 2 }, { credential = "az", models = ["gpt-*"] }]

[[pool]]
id = "spare"
members = [{ credential = "az" }]

[[route]]
models = ["o3"]
pool = "spare"

[[route]]
models = ["gpt-*"]
pool = "main"
fallback = ["spare"]
aliases = { fast = "gpt-5-mini" }

[[key]]
id = "team"
secret_sha256 = "ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
pools = ["main"]
expires = "2030-01-31"
budget = { day_usd = 1.5 }
"""


@pytest.fixture
def gateway_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway.toml as part 1 serves it, with what it refers to."""
    monkeypatch.setenv("KEY_A", SECRET)
    (tmp_path / "az.key").write_text(f"{AZURE}\n")
    path = tmp_path / "gateway.toml"
    path.write_text(GATEWAY)
    return path


def test_a_gateway_toml_is_taken_over(here: Cli, gateway_toml: Path) -> None:
    """What the gateway would serve from the file, it is served from the control plane: the same records, secrets and hashes. Only
    the control plane counts the secrets of a credential."""
    from stationmaster.credentials.records import credentials
    from stationmaster.routing import records

    here("apply", str(gateway_toml), "--yes")
    wanted = files.load(gateway_toml, environ={"KEY_A": SECRET})
    assert [each for _, each in credentials()] == [msgspec.structs.replace(each, generation=1) for each in wanted.credentials]
    assert [each for _, each in records.pools()] == list(wanted.pools)
    assert [(each.models, each.pool, each.aliases, each.fallback) for _, each in records.routes() if each] == [
        (each.models, each.pool, each.aliases, each.fallback) for each in wanted.routes]  # fmt: skip
    assert [each for _, each in records.keys(0)] == list(wanted.keys)
    assert here.json("settings", "show", "gateway.default_pool")["value"] == "main"


def test_the_diff_comes_first(cli: Cli, gateway_toml: Path) -> None:
    """A dry run prints a diff without secrets and hashes, says what it leaves out, and exits 10; nothing is there after."""
    done = cli("apply", str(gateway_toml), "--dry-run", code=10)
    assert '+secret = "env:KEY_A"' in done.out
    assert '+secret = "file:az.key"' in done.out
    assert "abcdef0123" not in done.out.lower()
    assert "port" in done.err
    assert [line for line in done.out.splitlines() if line.startswith("+++")] == [
        "+++ credential/a", "+++ credential/az", "+++ pool/main", "+++ pool/spare", "+++ route/o3", "+++ route/gpt-*, fast",
        "+++ key/team", "+++ setting/gateway.default_pool"]  # fmt: skip
    assert cli.json("credential", "list")["total"] == 0


def test_nobody_is_surprised(cli: Cli, gateway_toml: Path) -> None:
    """Without `--yes`, and with nobody to ask, nothing happens."""
    assert "--yes" in cli("apply", str(gateway_toml), code=2).err
    assert cli.json("credential", "list")["total"] == 0


def test_twice_is_once(here: Cli, gateway_toml: Path) -> None:
    """The same file again changes nothing, and says so; all of the first time was one change."""
    here("apply", str(gateway_toml), "--yes")
    assert len({event["revision"] for event in here.json("audit", "list", "--all")["audit"]}) == 1
    again = here("apply", str(gateway_toml), "--yes")
    assert (again.out, again.err.splitlines()[-1]) == ("", "Nothing would change.")
    here("apply", str(gateway_toml), "--dry-run")


def test_a_secret_that_is_another_is_stored_anew(here: Cli, gateway_toml: Path, tmp_path: Path) -> None:
    """Only what is different is touched: a credential whose file holds another secret, a key with another hash."""
    here("apply", str(gateway_toml), "--yes")
    (tmp_path / "az.key").write_text(f"{AZURE}x\n")
    gateway_toml.write_text(GATEWAY.replace("ABCDEF", "000000"))
    changes = here.json("apply", str(gateway_toml), "--yes")["changes"]
    done = [(each["verb"], each["kind"], each["name"]) for each in changes]
    assert done == [("update", "credential", "az"), ("update", "key", "team")]
    here("apply", str(gateway_toml), "--dry-run")


def test_anothers_hash_is_refused(here: Cli, gateway_toml: Path) -> None:
    """A key cannot take the hash that another one has; nothing else of the file happens either."""
    here("key", "create", "first", "--secret-sha256", "abcdef0123456789" * 4)
    here("key", "create", "team", "--secret-sha256", "cd" * 32)
    assert "another key has this hash" in here("apply", str(gateway_toml), "--yes", code=1).err
    assert here.json("credential", "list")["total"] == 0


def test_an_export_applied_changes_nothing(cli: Cli, gateway_toml: Path, tmp_path: Path) -> None:
    """In both forms, also with --prune."""
    cli("apply", str(gateway_toml), "--yes")
    cli("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET)
    for form in ("toml", "yaml"):
        file = tmp_path / f"export.{form}"
        file.write_text(cli("export", "--output", form).out)
        assert cli("apply", str(file), "--prune", "--dry-run").err == "Nothing would change.\n"
    assert tomllib.loads((tmp_path / "export.toml").read_text()) == yaml.safe_load((tmp_path / "export.yaml").read_text())


def test_an_export_fills_an_empty_database(here: Cli, gateway_toml: Path, tmp_path: Path) -> None:
    """With the secrets from a folder, what comes out is what went in; keys without one are made and printed."""
    here("apply", str(gateway_toml), "--yes")
    here("workspace", "create", "eu/acme", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET)
    here("key", "create", "other")
    file = tmp_path / "export.toml"
    file.write_text(here("export").out)
    (tmp_path / "empty.toml").write_text("")
    here("apply", str(tmp_path / "empty.toml"), "--prune", "--yes")
    assert here("export").out.count("[[") == 0
    needed = here("apply", str(file), "--yes", code=2).err
    assert "workspace/eu/acme, credential/a, credential/az" in needed
    secrets = {"workspace/eu%2Facme": ADMIN_SECRET, "credential/a": SECRET, "credential/az": AZURE, "key/team": "sm-x"}
    for name, secret in secrets.items():
        path = tmp_path / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{secret}\n")
    changes = here.json("apply", str(file), "--yes", "--secrets-dir", str(tmp_path / "secrets"))["changes"]
    keys = {each["name"]: each["key"] for each in changes if each["kind"] == "key"}
    assert keys["team"] == ""
    assert keys["other"].startswith("sm-")
    assert here("export").out == file.read_text()


def test_prune(cli: Cli, gateway_toml: Path) -> None:
    """What the file does not name stays, but for routes; with --prune it goes, each when nothing names it any more."""
    cli("apply", str(gateway_toml), "--yes")
    gateway_toml.write_text(
        '[[pool]]\nid = "main"\nmembers = [{ credential = "a" }]\n[[route]]\nmodels = ["*"]\npool = "main"\n'
        '[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "stored:a"\n'
    )
    cli("apply", str(gateway_toml), "--yes")
    assert [row["models"] for row in cli.json("route", "list")["routes"]] == [["*"]]
    assert cli.json("pool", "list")["total"] == 2
    changes = cli.json("apply", str(gateway_toml), "--yes", "--prune")["changes"]
    assert [(each["kind"], each["name"]) for each in changes] == [
        ("setting", "gateway.default_pool"), ("key", "team"), ("pool", "spare"), ("credential", "az")]  # fmt: skip
    assert cli.json("settings", "show", "gateway.default_pool")["origin"] == "default"


def test_routes_move_through_lists_that_hold(cli: Cli, gateway_toml: Path) -> None:
    """Two routes that cover a third only together change places with it between them: on the way, no list has a route that
    is never reached."""
    route = '[[route]]\nmodels = [{}]\npool = "main"\n'
    head = GATEWAY[: GATEWAY.index("[[route]]")]
    one, between, two = (route.format(models) for models in ('"m1", "x"', '"m1", "m2"', '"m2", "y"'))
    for order in ((one, between, two), (two, between, one), (between, one, two), (one, between, two), (two,)):
        gateway_toml.write_text(head + "".join(order))
        cli("apply", str(gateway_toml), "--yes")
        held = [row["models"] for row in cli.json("route", "list")["routes"]]
        assert held == [each["models"] for each in tomllib.loads("".join(order))["route"]]
        assert "route/" not in cli("apply", str(gateway_toml), "--dry-run", code=None).out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[credental]]\n", ':1: credental: unknown table — did you mean "credential"?'),
        ('[[credential]]\nid = "a"\nvendor = "openia"\n', ':3: credential[0].vendor: unknown vendor "openia" — did you mean'),
        ('[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "stored:b"\n', ":4: credential[0].secret: what is stored"),
        ('[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:NOT_SET"\n', "the environment variable NOT_SET is not set"),
        ('[[pool]]\nid = "p"\nmembers = [{ credential = "x" }]\n', ":3: pool[0].members[0].credential: no credential has"),
        ('[[route]]\nmodels = ["*"]\npool = "x"\n', ':3: route[0].pool: no pool has the id "x"'),
        ('[[key]]\nid = "k"\nsecret_sha256 = "abc"\n', ":3: key[0].secret_sha256: expected a SHA-256"),
        ('[[key]]\nid = "k"\n[[key]]\nid = "k"\n', 'the id "k" is taken'),
        ('[[workspace]]\nid = "w"\n', ":1: workspace[0].vendor: missing key"),
        ('[gateway]\ndefault_pool = "x"\n', ':2: gateway.default_pool: no pool has the id "x"'),
        ("[[", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_file(here: Cli, tmp_path: Path, text: str, said: str) -> None:
    """It is told with its line, the exit code is 2, and nothing happens."""
    file = tmp_path / "x.toml"
    file.write_text(text)
    assert said in here("apply", str(file), "--yes", code=2).err
    assert here.json("audit", "list")["total"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pool: x\ncredential: [", "x.yaml:2: not YAML"), ("- a", "a table of tables is expected"),
        ("route: {}\nroute: {}", "one key given twice"),
        ("1: x", "a key that is no string"), ("!!python/object/apply:os.getcwd []", "not YAML"),
        ("key:\n- {id: k, expires: 2030-13-01}", "no such date"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_yaml(here: Cli, tmp_path: Path, text: str, said: str) -> None:
    """It is told, without repeating what stands there."""
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert said in here("apply", str(file), "--yes", code=2).err


def test_a_date_in_yaml_needs_no_quotes(here: Cli, tmp_path: Path) -> None:
    """It is the text that was written."""
    file = tmp_path / "x.yaml"
    file.write_text("key:\n- id: k\n  expires: 2030-01-31\n")
    here("apply", str(file), "--yes")
    assert here.json("key", "show", "k")["expires"] == "2030-01-31T00:00:00Z"


def test_what_the_control_plane_refuses_leaves_nothing(here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine all of a file happens or nothing; a dry run finds it too."""
    monkeypatch.setenv("KEY_A", SECRET)
    file = tmp_path / "x.toml"
    file.write_text('[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n[[credential]]\nid = "b"\nvendor = '
                    '"openai_compatible"\nbase_url = "https://10.0.0.1/v1"\nsecret = "env:KEY_A"\n')  # fmt: skip
    assert "private network" in here("apply", str(file), "--dry-run", code=1).err
    assert "private network" in here("apply", str(file), "--yes", code=1).err
    assert here.json("credential", "list")["total"] == 0


def test_over_rest_half_of_it_is_told(there: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be one change, a failure says how far it came, and exits 3."""
    monkeypatch.setenv("KEY_A", SECRET)
    file = tmp_path / "x.toml"
    file.write_text('[[credential]]\nid = "a"\nvendor = "openai"\nsecret = "env:KEY_A"\n[[credential]]\nid = "b"\nvendor = '
                    '"openai_compatible"\nbase_url = "https://10.0.0.1/v1"\nsecret = "env:KEY_A"\n')  # fmt: skip
    done = there("apply", str(file), "--yes", "--output", "json", code=3)
    assert "1 of 2 changes were made." in done.err
    assert [each["name"] for each in done.json()["changes"]] == ["a"]
    assert there.json("credential", "list")["total"] == 1


def test_a_change_meanwhile_is_noticed(here: Cli, gateway_toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done is what was shown: if somebody was faster, nothing happens."""
    from stationmaster.cli.declared import commands

    monkeypatch.setattr(commands, "confirm", lambda *_: here.credential("a", secret=OTHER))
    assert "changed meanwhile" in here("apply", str(gateway_toml), code=1).err
    assert here.json("credential", "list")["total"] == 1


def test_secrets_are_asked_for(here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal, after the diff and the question."""
    from stationmaster.cli.declared import commands

    file = tmp_path / "x.toml"
    file.write_text('[[credential]]\nid = "a"\nvendor = "openai"\n')
    monkeypatch.setattr(commands, "_check_needed", lambda _: None)
    monkeypatch.setattr(commands, "asked_for", lambda what: SECRET if what == "credential a" else "")
    out = here("apply", str(file), "--yes").out
    assert '+secret = "(asked for)"' in out
    assert here.json("credential", "show", "a")["secret_set"] is True


def test_steps_for_programs(cli: Cli, gateway_toml: Path) -> None:
    """JSON lines and CSV tell each step."""
    lines = cli("apply", str(gateway_toml), "--dry-run", "--output", "jsonl", code=10).out.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["credential", "credential", "pool", "pool", "route", "route", "key", "setting"]
    table = cli("apply", str(gateway_toml), "--dry-run", "--output", "csv", code=10).out.splitlines()
    assert (table[0], len(table)) == ("verb,kind,name,fields,key", 9)
