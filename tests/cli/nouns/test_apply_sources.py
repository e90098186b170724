"""Sources of credentials in the declared set-up: what `apply` makes of `[credential.source]`, and what it leaves alone."""

from pathlib import Path

import pytest

from cli.nouns.kit import SECRET, Cli
from stationmaster.credentials.models import Credential
from stationmaster.credentials.sources.models import OK, TokenSource

CLIENT = "the-client-and-its-Canary6"
REFRESH = "one-use-only-Canary7"
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
Canary8
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
AA
-----END CERTIFICATE-----"""

MODELS = """\
[[credential]]
id = "models"
vendor = "openai_compatible"
base_url = "https://models.example.com/v1"
organisation = "acme"
rotate_days = 0
prices = { "m-*" = { input = 1.0, output = 2.0 } }

[credential.source]
kind = "oauth2_client_credentials"
token_url = "https://login.example.com/token?x=1"
client_id = "stationmaster"
scope = "models"
secret = "env:CLIENT"

[[pool]]
id = "main"
members = [{ credential = "models" }]
"""


@pytest.fixture
def file(here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential that lives by a source, in a pool."""
    here("address", "allow", "login.example.com", "--reason", "the company's")
    monkeypatch.setenv("CLIENT", CLIENT)
    path = tmp_path / "models.toml"
    path.write_text(MODELS)
    return path


def applied(cli: Cli, file: Path, *more: str) -> list[tuple[str, str, list[str]]]:
    """Apply it; verb, name and fields of each change."""
    changes = cli.json("apply", str(file), "--yes", *more)["changes"]
    return [(each["verb"], each["name"], each["fields"]) for each in changes]


def again(cli: Cli, file: Path, form: str = "toml") -> Path:
    """Its export, as a file."""
    path = file.parent / f"export.{form}"
    path.write_text(cli("export", "--output", form).out)
    return path


def test_from_a_file_to_a_source_and_back(file: Path, cli: Cli) -> None:
    """A credential is made together with its source and needs no secret of its own; the export says what is public, and applied
    changes nothing, in both forms; no secret is shown on the way."""
    shown = cli("apply", str(file), "--dry-run", code=10)
    assert "+[credential.source]" in shown.out
    assert '+secret = "env:CLIENT"' in shown.out
    assert cli.json("credential", "list")["total"] == 0
    done = cli("apply", str(file), "--yes")
    source = cli.json("credential", "source", "show", "models")
    assert (source["kind"], source["secret_set"]) == ("oauth2_client_credentials", True)
    assert source["options"]["token_url"] == "https://login.example.com/token?x=1"
    held = cli.json("credential", "show", "models")
    assert (held["organisation"], held["base_url"], held["secret_set"]) == ("acme", "https://models.example.com/v1", False)
    assert held["prices"] == {"m-*": {"input": 1.0, "output": 2.0}}
    assert TokenSource.objects.get().secret.holds(CLIENT)
    for form in ("toml", "yaml"):
        quiet = cli("apply", str(again(cli, file, form)), "--prune", "--dry-run")
        assert (quiet.out, quiet.err) == ("", "Nothing would change.\n")
    export = cli("export")
    assert export.out.count('"stored:models"') == 1
    assert not [each for each in (shown, done, export) if CLIENT in each.out + each.err]


def test_a_changed_file_changes_it(file: Path, cli: Cli) -> None:
    """A public part is changed and the secret stays; of the credential only what is different is touched."""
    applied(cli, file)
    path = again(cli, file)
    path.write_text(path.read_text().replace('scope = "models"', 'scope = "all"'))
    shown = cli("apply", str(path), "--dry-run", code=10).out
    assert {'-scope = "models"', '+scope = "all"'} <= set(shown.splitlines())
    revision = Credential.objects.get().revision
    assert applied(cli, path) == [("update", "models", ["source"])]
    assert TokenSource.objects.get().options["scope"] == "all"
    assert TokenSource.objects.get().secret.holds(CLIENT)
    assert Credential.objects.get().revision == revision
    path.write_text(path.read_text().replace("acme", "other"))
    assert applied(cli, path) == [("update", "models", ["organisation"])]
    assert TokenSource.objects.get().options["scope"] == "all"


def test_the_same_secret_is_no_change(here: Cli, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine the client's secret of a file is compared with the one that is stored; another one is handed over."""
    applied(here, file)
    assert applied(here, file) == []
    monkeypatch.setenv("CLIENT", f"{CLIENT}2")
    assert applied(here, file) == [("update", "models", ["source"])]
    assert TokenSource.objects.get().secret.holds(f"{CLIENT}2")


def test_another_address_takes_the_secret_anew(file: Path, cli: Cli) -> None:
    """A stored secret is not sent to another issuer: it is asked for, and a folder may hold it."""
    applied(cli, file)
    path = again(cli, file)
    path.write_text(path.read_text().replace("token?x=1", "token?x=2"))
    assert "source/models" in cli("apply", str(path), "--yes", code=2).err
    (file.parent / "secrets" / "source").mkdir(parents=True)
    (file.parent / "secrets" / "source" / "models").write_text(f"{CLIENT}3\n")
    assert applied(cli, path, "--secrets-dir", str(file.parent / "secrets")) == [("update", "models", ["source"])]
    assert TokenSource.objects.get().secret.holds(f"{CLIENT}3")


def test_an_older_file_ends_no_source(file: Path, cli: Cli) -> None:
    """A file that says nothing of sources leaves them, though it says that a secret is stored; with `--prune` it asks for that
    secret before a source goes, so that no credential is left without one."""
    applied(cli, file)
    old = file.parent / "old.toml"
    text = MODELS[: MODELS.index("[credential.source]")] + MODELS[MODELS.index("[[pool]]"):]
    for secret in ("", 'secret = "stored:models"\n'):
        old.write_text(text.replace('organisation = "acme"\n', f'organisation = "acme"\n{secret}'))
        cli("apply", str(old), "--dry-run")
        assert "credential/models" in cli("apply", str(old), "--prune", "--yes", code=2).err
    assert TokenSource.objects.count() == 1
    (file.parent / "secrets" / "credential").mkdir(parents=True)
    (file.parent / "secrets" / "credential" / "models").write_text(f"{SECRET}\n")
    shown = cli("apply", str(old), "--prune", "--dry-run", "--secrets-dir", str(file.parent / "secrets"), code=10).out
    assert "-[credential.source]" in shown
    applied(cli, old, "--prune", "--secrets-dir", str(file.parent / "secrets"))
    assert TokenSource.objects.count() == 0
    assert Credential.objects.get().secret.holds(SECRET)


def test_a_secret_does_not_become_a_source(here: Cli, file: Path) -> None:
    """A credential whose own secret is valid is refused a source, in a dry run too, and nothing else of the file happens."""
    here.json("credential", "create", "models", "--vendor", "openai_compatible", "--base-url", "https://models.example.com/v1",
              "--secret", "-", stdin=SECRET)  # fmt: skip
    for how in ("--dry-run", "--yes"):
        assert "has a secret that is valid" in here("apply", str(file), how, code=1).err
    assert here.json("pool", "list")["total"] == 0


def test_what_is_pruned_goes_with_its_source(file: Path, cli: Cli) -> None:
    """A credential that a file does not name is deleted with its source."""
    applied(cli, file)
    (file.parent / "empty.toml").write_text("")
    assert [name for _, name, _ in applied(cli, file.parent / "empty.toml", "--prune")] == ["main", "models"]
    assert (Credential.objects.count(), TokenSource.objects.count()) == (0, 0)


def test_whoever_lends_comes_first(file: Path, cli: Cli) -> None:
    """A source that takes its identity from another one may stand before it; an identity that nobody gives is told with its
    line."""
    borrower = ('[[credential]]\nid = "fed"\nvendor = "anthropic"\n[credential.source]\nkind = "anthropic_federation"\n'
                'federation_rule_id = "r"\norganization_id = "o"\nidentity = "credential:models"\n')  # fmt: skip
    file.write_text(borrower + MODELS)
    assert [name for _, name, _ in applied(cli, file)] == ["models", "fed", "main"]
    file.write_text(borrower.replace("credential:models", "credential:model"))
    said = cli("apply", str(file), "--yes", code=2).err
    assert ':8: credential[0].source.identity: no credential has the id "model" — did you mean "models"?' in said


def test_a_refresh_token_begins_and_no_more(here: Cli, file: Path) -> None:
    """A file's refresh token is taken for a new source; the one that the issuer gave since is not put back by it."""
    token = file.parent / "token"
    token.write_text(f"{REFRESH}\n")
    file.write_text(MODELS.replace("oauth2_client_credentials", "oauth2_refresh_token").replace(
        'secret = "env:CLIENT"', 'refresh_token = "file:token"'))  # fmt: skip
    applied(here, file)
    row = TokenSource.objects.get()
    assert row.rotating.holds(REFRESH)
    assert not row.secret
    TokenSource.objects.all().observe(state=OK)
    token.write_text("another-one-Canary9\n")
    assert applied(here, file) == []
    assert TokenSource.objects.get().rotating.holds(REFRESH)
    path = again(here, file)
    here("apply", str(path), "--prune", "--dry-run")
    assert path.read_text().count("stored:models") == 1
    path.write_text(path.read_text().replace("token?x=1", "token?x=2"))
    assert "refresh_token/models" in here("apply", str(path), "--yes", code=2).err


def test_a_certificate_has_lines(here: Cli, file: Path) -> None:
    """What a source keeps is stored as it stands in its file."""
    (file.parent / "pem").write_text(f"{CERTIFICATE}\n")
    file.write_text('[[credential]]\nid = "az"\nvendor = "azure_openai"\nbase_url = "https://acme.openai.azure.com"\n'
                    '[credential.source]\nkind = "entra"\nmode = "client_certificate"\ntenant = "t"\nclient_id = "c"\n'
                    'secret = "file:pem"\n')  # fmt: skip
    done = here("apply", str(file), "--yes")
    assert TokenSource.objects.get().secret.holds(CERTIFICATE)
    assert "Canary8" not in done.out + done.err
    file.write_text(file.read_text().replace('mode = "client_certificate"', 'mode = "workload_identity"').replace(
        'secret = "file:pem"', 'identity = "credential:az"'))  # fmt: skip
    assert "secret" not in here("apply", str(file), "--dry-run", code=None).out.replace('-secret = "stored:az"', "")


HEAD = '[[credential]]\nid = "c"\nvendor = "openai_compatible"\nbase_url = "https://m.example.com/v1"\n'
SOURCE = f"{HEAD}[credential.source]\n"
GOOD = f'{SOURCE}kind = "oauth2_client_credentials"\ntoken_url = "https://login.example.com/token"\nclient_id = "me"\n'
ENTRA = ('[[credential]]\nid = "a"\nvendor = "azure_openai"\nbase_url = "https://a.openai.azure.com"\n[credential.source]\n'
         'kind = "entra"\n')  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [
    (f'{SOURCE}kind = "oauth2"\n', ":6: credential[0].source.kind: unknown kind of source"),
    (f'{SOURCE}client_id = "me"\n', "credential[0].source.kind: missing key — the kinds are entra"),
    ("credential = 7\n", ":1: credential: expected an array of tables"),
    (f"{HEAD}source = 7\n", ":5: credential[0].source: expected a table"),
    (f'{SOURCE}kind = "entra"\n', ":6: credential[0].source.kind: Microsoft Entra ID gives no secrets for"),
    (f'{GOOD}token_ur = "x"\n', ':9: credential[0].source.token_ur: unknown key — did you mean "token_url"?'),
    (f'{SOURCE}kind = "oauth2_client_credentials"\nclient_id = "me"\n', "credential[0].source.token_url: missing key"),
    (f'{GOOD}refresh_token = "env:CLIENT"\n', ":9: credential[0].source.refresh_token: unknown key"),
    (f'{GOOD}secret = "{CLIENT}"\n', ":9: credential[0].source.secret: the secret itself stands in the file"),
    (f'{GOOD}secret = "env:SESSION"\n', ":9: credential[0].source.secret: a browser-session or OAuth token"),
    (f'{GOOD}secret = "stored:other"\n', ":9: credential[0].source.secret: what is stored belongs to its own"),
    (GOOD.replace("[credential.", 'secret = "env:CLIENT"\n[credential.'),
     ":5: credential[0].secret: a credential has a source or a secret, not both"),
    (GOOD.replace("login.example.com", "auth.openai.com"), ":7: credential[0].source.token_url: a vendor's own log-in"),
    (f'{ENTRA}mode = "managed_identity"\nsecret = "env:CLIENT"\n', ":8: credential[0].source.secret: a source with these parts"),
    (ENTRA, "credential[0].source.tenant: missing key"),
])  # fmt: skip
def test_what_is_wrong_with_a_source(file: Path, here: Cli, monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    """It is told with its line, the exit code is 2, and nothing happens."""
    monkeypatch.setenv("SESSION", "sk-ant-sid01-Canary-0123456789abcdefghij")
    file.write_text(text)
    done = here("apply", str(file), "--yes", code=2)
    assert said in done.err
    assert "Canary" not in done.err
    assert here.json("credential", "list")["total"] == 0
