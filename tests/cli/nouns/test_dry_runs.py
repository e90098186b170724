"""`--dry-run` says what would be written down, with exit code 10 if that is anything, and changes nothing."""

import json
from pathlib import Path

import pytest
from django.db import connection

from cli.nouns.kit import ADMIN_SECRET, CANARIES, OTHER, SECRET, Cli
from stationmaster.cli.session import at_terminal
from stationmaster.store.changes import change

CHANGES = {
    "workspace create": ["workspace", "create", "acme2", "--vendor", "openai", "--secret", "-"],
    "workspace update": ["workspace", "update", "acme", "--disabled"],
    "workspace delete": ["workspace", "delete", "acme"],
    "workspace run": ["workspace", "run", "acme", "reconcile"],
    "credential create": ["credential", "create", "b", "--vendor", "openai", "--secret", "-"],
    "credential update": ["credential", "update", "a", "--secret", "-"],
    "credential disable": ["credential", "disable", "a"],
    "credential enable": ["credential", "enable", "off"],
    "credential delete": ["credential", "delete", "gone"],
    "credential mint": ["credential", "mint", "fresh", "--workspace", "acme", "--project", "proj_1"],
    "credential rotate": ["credential", "rotate", "a", "--secret", "-"],
    "credential rollback": ["credential", "rollback", "turned"],
    "credential revoke": ["credential", "revoke", "a"],
    "credential revoke-kept": ["credential", "revoke-kept", "turned"],
    "credential revoked": ["credential", "revoked", "turned", "1"],
    "credential probe": ["credential", "probe", "a"],
    "credential override": ["credential", "override", "a", "out"],
    "credential paste": ["credential", "paste", "a", "--secret", "-"],
    "pool create": ["pool", "create", "spare", "--member", "a"],
    "pool update": ["pool", "update", "main", "--member", "a,weight=2"],
    "pool delete": ["pool", "delete", "free"],
    "pool set-member": ["pool", "set-member", "main", "off"],
    "pool remove-member": ["pool", "remove-member", "free", "off"],
    "route create": ["route", "create", "--model", "o3", "--pool", "main"],
    "route update": ["route", "update", "1", "--fallback", "free"],
    "route move": ["route", "move", "1", "2"],
    "route delete": ["route", "delete", "1"],
    "key create": ["key", "create", "other"],
    "key update": ["key", "update", "team", "--rpm", "5"],
    "key rotate": ["key", "rotate", "team"],
    "key revoke": ["key", "revoke", "team"],
    "settings set": ["settings", "set", "retention.raw_events_days", "9"],
    "settings clear": ["settings", "clear", "login.session_seconds"],
    "gateway-token create": ["gateway-token", "create", "paris"],
    "gateway-token rotate": ["gateway-token", "rotate", "frankfurt"],
    "gateway-token revoke": ["gateway-token", "revoke", "frankfurt"],
    "target create": ["target", "create", "third", "--kind", "s2a", "--base-url", "https://c.example.com", "--secret", "-"],
    "target update": ["target", "update", "spare", "--label", "in Paris"],
    "target default": ["target", "default", "spare"],
    "target remove": ["target", "remove", "spare"],
    "target forget": ["target", "forget", "relay"],
    "address allow": ["address", "allow", "10.4.0.0/16", "--reason", "ours"],
    "address disallow": ["address", "disallow", "10.3.0.0/16"],
    "operator add": ["operator", "add", "bob@example.com"],
    "operator invite": ["operator", "invite", "ada@example.com"],
    "operator role": ["operator", "role", "ada@example.com", "viewer"],
    "operator disable": ["operator", "disable", "ada@example.com"],
    "operator enable": ["operator", "enable", "off@example.com"],
    "operator delete": ["operator", "delete", "ada@example.com"],
    "operator erase": ["operator", "erase", "gone@example.com"],
    "token create": ["token", "create", "nightly"],
    "token rotate": ["token", "rotate", "frankfurt"],
    "token revoke": ["token", "revoke", "frankfurt"],
    "admin link": ["admin", "link"],
}


@pytest.fixture
def filled(here: Cli) -> Cli:
    """One of everything."""
    here.routing()
    here("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET)
    here.credential("off", "--disabled", secret=f"{SECRET}x")
    here.credential("gone", secret=f"{SECRET}y")
    here("pool", "create", "free", "--member", "off", "--member", "a")
    here("route", "create", "--model", "claude-*", "--pool", "main")
    here("key", "create", "team")
    here("settings", "set", "login.session_seconds", "600")
    here("gateway-token", "create", "frankfurt")
    here("address", "allow", "10.3.0.0/16", "--reason", "ours")
    for name in ("ada", "off", "gone"):
        here("operator", "add", f"{name}@example.com", "--role", "operator", "--no-invite")
    here("operator", "disable", "off@example.com")
    here("operator", "delete", "gone@example.com", "--yes")
    for name in ("relay", "spare"):
        here("target", "create", name, "--kind", "s2a", "--base-url", f"https://{name}.example.com", "--secret", "-", stdin=OTHER)
    _turn(here)
    return here


def _turn(here: Cli) -> None:
    """A credential whose secret was rotated, with the one before kept."""
    from stationmaster.credentials import generations
    from stationmaster.credentials.models import PROBED, Credential

    here.credential("turned", secret=f"{SECRET}z")
    with change(at_terminal()) as edit:
        row = Credential.objects.get(name="turned")
        old = generations.promote(edit, row, generations.add(edit, row, f"{SECRET}zz", origin="pasted", state=PROBED))
        assert old is not None
        generations.keep(edit, old, 24)


def dump() -> str:
    """Everything that is in the database."""
    connection.ensure_connection()
    return "\n".join(connection.connection.iterdump())


def test_nothing_changes(filled: Cli) -> None:
    """Every verb that changes something tells its events, exits 10, and leaves the database as it was."""
    before = dump()
    for name, words in CHANGES.items():
        told = filled.json(*words, "--dry-run", stdin=OTHER, code=10)
        assert told["events"], name
        assert all(event["event"].count(":") >= 2 for event in told["events"])
        assert not [secret for secret in CANARIES if secret in json.dumps(told)]
    assert dump() == before


def test_every_verb_that_changes_something_is_tried(filled: Cli) -> None:
    """The list above holds every verb of these nouns that takes `--dry-run`, but for those with a test of their own."""
    import typer

    from stationmaster.cli.app import app

    nouns = {words[0] for words in CHANGES.values()}
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    dry = {f"{noun} {verb}" for noun in nouns for verb, command in commands[noun].commands.items()
           if any("--dry-run" in parameter.opts for parameter in command.params)}  # fmt: skip
    assert dry == set(CHANGES)


def test_nothing_to_change_is_0(filled: Cli) -> None:
    """A dry run of what is so already says so, and exits 0."""
    done = filled("pool", "update", "main", "--member", "a", "--dry-run")
    assert (done.out, done.err) == ("", "Nothing would change.\n")
    assert filled.json("credential", "update", "a", "--secret", "-", "--dry-run", stdin=SECRET)["events"] == []


def test_a_table_tells_what_is_different(filled: Cli) -> None:
    """People see the fields that would change, before and after."""
    out = filled("key", "update", "team", "--rpm", "5", "--dry-run", code=10).out
    assert out.splitlines()[1].endswith("rpm: 0 → 5")


def test_what_would_be_refused_is_refused(filled: Cli) -> None:
    """A dry run fails as the change would."""
    assert "still used by" in filled("credential", "delete", "a", "--dry-run", code=1).err


def test_over_rest_it_says_where_it_works(there: Cli) -> None:
    """REST tries nothing out: it is asked for wrongly, and nothing is sent that would change anything."""
    done = there("gateway-token", "create", "gw", "--dry-run", code=2)
    assert "only on the control plane's own machine" in done.err
    assert there.json("gateway-token", "list")["gateway_tokens"] == []


def test_what_is_gone_for_good_asks_first(here: Cli, database: Path) -> None:
    """Where nobody can be asked, `--yes` is needed."""
    here("key", "create", "team")
    assert "--yes" in here("key", "revoke", "team", code=2).err
    assert here.json("key", "list")["total"] == 1
