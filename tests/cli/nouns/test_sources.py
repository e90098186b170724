"""Sources at the command line, at both desks."""

from cli.nouns.kit import Cli
from stationmaster.credentials.models import TokenSource

SECRET = "the-client-and-its-Canary9"
WORDS = ("--kind", "oauth2_client_credentials", "--option", "token_url=https://login.example.com/token?x=1", "--option",
         "client_id=sm")  # fmt: skip
SLOT = ("--vendor", "openai_compatible", "--base-url", "https://models.example.com/v1")


def test_sources(cli: Cli) -> None:
    """Set with its credential, shown, listed, changed by its revision, refreshed, forgotten; its address may be said again,
    but no other; its secret is never told."""
    cli("address", "allow", "login.example.com", "--reason", "the company's")
    made = cli.json("credential", "source", "set", "models", *WORDS, *SLOT, "--secret", "-", stdin=SECRET)
    assert (made["credential"], made["secret_set"], made["refresh"]) == ("models", True, "new")
    assert made["options"]["token_url"] == "https://login.example.com/token?x=1"
    assert cli.json("credential", "source", "show", "models")["id"] == made["id"]
    assert [row["credential"] for row in cli.json("credential", "source", "list")["sources"]] == ["models"]
    TokenSource.objects.all().observe(refresh_at=None)
    assert cli.json("credential", "refresh", "models")["refresh_at"]
    revision = ("--revision", str(made["revision"]))
    changed = cli.json("credential", "source", "set", "models", *WORDS, "--option", "scope=models", *revision)
    assert changed["options"]["scope"] == "models"
    assert "changed meanwhile" in cli("credential", "source", "set", "models", *WORDS, *revision, code=1).err
    assert cli.json("credential", "source", "set", "models", *WORDS, *SLOT)["credential"] == "models"
    other = ("--vendor", "openai_compatible", "--base-url", "https://other.example.com/v1")
    assert "leave out --vendor" in cli("credential", "source", "set", "models", *WORDS, *other, code=1).err
    done = cli("credential", "source", "remove", "models", "--yes")
    assert SECRET not in done.out + done.err
    assert "no source" in cli("credential", "source", "show", "models", code=1).err


def test_what_is_no_part_is_told(cli: Cli) -> None:
    """An unknown part is told with the one that may be meant; a secret is never an argument."""
    words = ("credential", "source", "set", "models", "--kind", "oauth2_client_credentials")
    done = cli(*words, "--option", "token_ur=https://login.example.com", *SLOT, "--secret", "-", stdin=SECRET, code=1)
    assert "token_url" in done.err
    assert cli(*words, "--secret", SECRET, code=2).out == ""
