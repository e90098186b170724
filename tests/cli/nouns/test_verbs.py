"""Every verb of every noun, at this machine's own desk and over REST: the same commands, the same answers."""

import csv
import io
import json
from typing import Any

import pytest

from cli.nouns.kit import ADMIN_SECRET, OTHER, SECRET, Cli


def test_workspaces(cli: Cli) -> None:
    """A workspace is attached, listed, shown with what its vendor offers and its last jobs, changed and taken away."""
    words = ("--vendor", "openai", "--organisation", "org-1", "--secret", "-")
    made = cli.json("workspace", "create", "acme", *words, stdin=ADMIN_SECRET)
    assert (made["name"], made["organisation"], made["secret_set"]) == ("acme", "org-1", True)
    changed = cli.json("workspace", "update", "acme", "--disabled", "--reason", "sold", "--revision", str(made["revision"]))
    assert (changed["disabled"], changed["disabled_reason"]) == (True, "sold")
    shown = cli.json("workspace", "show", made["id"])
    assert (shown.pop("offers")["vendor"], [*shown.pop("last_jobs")]) == ("openai", ["onboard"])
    assert {name: shown[name] for name in changed} == changed
    assert [row["name"] for row in cli.json("workspace", "list", "--search", "ACME")["workspaces"]] == ["acme"]
    cli("workspace", "delete", "acme", "--yes")
    assert cli.json("workspace", "list")["total"] == 0


def test_credentials(cli: Cli) -> None:
    """A credential is stored with its prices, changed, disabled with a reason, enabled, and deleted."""
    made = cli.credential("a", "--price", "gpt-*:input=1.25", "--price", "gpt-*:output=10")
    assert (made["secret_set"], made["prices"]) == (True, {"gpt-*": {"input": 1.25, "output": 10.0}})
    assert cli.json("credential", "update", "a", "--organisation", "org-2")["organisation"] == "org-2"
    off = cli.json("credential", "disable", "a", "--reason", "leaked")
    assert (off["disabled"], off["disabled_reason"]) == (True, "leaked")
    on = cli.json("credential", "enable", "a")
    assert (on["disabled"], on["disabled_reason"]) == (False, "")
    assert cli.json("credential", "show", "a")["reports"] == []
    cli("credential", "delete", "a", "--yes")
    assert cli("credential", "show", "a", code=1).err == 'error: there is no credential "a"\n'


def test_a_new_address_takes_the_secret_anew(cli: Cli) -> None:
    """A stored secret is not sent to another address; handed over with it, it is."""
    cli.credential("a")
    assert "give it anew" in cli("credential", "update", "a", "--base-url", "https://x.example.com", code=1).err
    moved = cli.json("credential", "update", "a", "--base-url", "https://x.example.com", "--secret", "-", stdin=OTHER)
    assert moved["base_url"] == "https://x.example.com"


def test_pools_and_members(cli: Cli) -> None:
    """Members are given at once, set one by one, listed with their limits, and removed."""
    cli.credential("a")
    cli.credential("b", secret=OTHER)
    made = cli.json("pool", "create", "main", "--member", "a,weight=2,models=gpt-*+o3")
    assert made["members"][0] | {"weight": 2, "models": ["gpt-*", "o3"]} == made["members"][0]
    cli("pool", "set-member", "main", "b", "--priority", "1", "--rpm", "60")
    cli("pool", "set-member", "main", "a", "--weight", "5")
    members = cli.json("pool", "members", "main")["members"]
    places = [(each["credential"], each["weight"], each["priority"], each["rpm"]) for each in members]
    assert places == [("a", 5, 0, 0), ("b", 1, 1, 60)]
    cli("pool", "remove-member", "main", "a")
    assert [each["credential"] for each in cli.json("pool", "show", "main")["members"]] == ["b"]
    assert "no such member" in cli("pool", "remove-member", "main", "a", code=1).err
    assert "b" in cli("pool", "update", "main", "--member", "a", "--member", "b").out
    assert [row["name"] for row in cli.json("pool", "list")["pools"]] == ["main"]
    cli("pool", "delete", "main", "--yes")


def test_routes_and_their_order(cli: Cli) -> None:
    """Routes are added at a place, moved, shown by id or position, changed and deleted."""
    cli.credential("a")
    cli("pool", "create", "main", "--member", "a")
    cli("pool", "create", "spare", "--member", "a")
    further = ("--fallback", "spare", "--alias", "fast=gpt-5-mini")
    first = cli.json("route", "create", "--model", "gpt-5*", "--pool", "main", *further)
    assert (first["fallback"], first["aliases"]) == (["spare"], {"fast": "gpt-5-mini"})
    cli("route", "create", "--model", "o3", "--pool", "spare", "--position", "1")
    assert [row["models"] for row in cli.json("route", "list")["routes"]] == [["o3"], ["gpt-5*"]]
    assert cli.json("route", "move", "2", "1")["id"] == first["id"]
    assert cli.json("route", "show", "1")["id"] == cli.json("route", "show", first["id"])["id"] == first["id"]
    assert cli.json("route", "update", "1", "--fallback", "", "--alias", "")["fallback"] == []
    cli("route", "delete", "1", "--yes")
    assert [row["models"] for row in cli.json("route", "list")["routes"]] == [["o3"]]


def test_keys(cli: Cli) -> None:
    """A key is printed when it is made or rotated and never again; parts of its budget change one by one."""
    cli.routing()
    limits = ("--budget-month", "300", "--expires", "2030-01-31")
    made = cli.json("key", "create", "team", "--owner", "ada", "--pool", "main", *limits)
    assert made["key"].startswith("sm-")
    assert (made["owner"], made["pools"], made["expires"]) == ("ada", ["main"], "2030-01-31T00:00:00Z")
    assert cli.json("key", "update", "team", "--budget-day", "20")["budget"] == {"day_usd": 20, "month_usd": 300, "total_usd": 0}
    rotated = cli.json("key", "rotate", "team", "--grace", "1h")
    assert rotated["key"] not in (made["key"], "")
    assert rotated["previous_until"]
    shown = cli("key", "show", "team").out + cli("key", "list", "--output", "jsonl").out
    assert made["key"] not in shown
    assert rotated["key"] not in shown
    cli("key", "revoke", "team", "--yes")
    assert cli.json("key", "list")["keys"] == []


def test_a_key_made_elsewhere(cli: Cli) -> None:
    """With its hash a key is let in that nobody is shown."""
    made = cli.json("key", "create", "old", "--secret-sha256", "ab" * 32)
    assert "key" not in made
    assert "ab" * 32 not in json.dumps(made)


def test_usage(cli: Cli) -> None:
    """Totals, courses and requests are there in every form, also when there was none."""
    whole = cli.json("usage", "totals", "--since", "7d", "--by", "model")
    assert whole["total"]["requests"] == 0
    assert whole["parts"] == []
    assert cli.json("usage", "series", "--step", "hour", "--since", "1d")["parts"] == []
    assert cli.json("usage", "events")["usage_events"] == []
    assert cli("usage", "totals").out.splitlines()[1].split() == ["0", "0", "0", "0", "0", "0", "0", "0.000000", "0"]
    cli("usage", "totals", "--since", "yesterday", code=2)
    cli("usage", "series", "--step", "week", code=2)


def test_audit(cli: Cli) -> None:
    """Events are listed by their subject, and the trail is checked against a head that was kept."""
    cli.credential("a")
    (event,) = cli.json("audit", "list", "--filter", "source=credentials")["audit"]
    assert (event["action"], event["before"], event["after"]["name"]) == ("create", None, "a")
    head = cli("audit", "verify").out.strip()
    cli.credential("b", secret=OTHER)
    assert cli.json("audit", "verify", "--since", head)["ok"] is True
    count = head.partition(":")[0]
    wrong = cli.json("audit", "verify", "--since", f"{count}:{'0' * 64}", code=1)
    assert (wrong["ok"], wrong["faults"][0]["seq"]) == (False, int(count))
    cli("audit", "verify", "--since", "nonsense", code=2)


def test_settings(cli: Cli) -> None:
    """A setting is saved with its type, shown with its origin, and cleared."""
    assert cli.json("settings", "set", "retention.raw_events_days", "10")["value"] == 10
    shown = cli.json("settings", "show", "retention.raw_events_days")
    assert (shown["value"], shown["origin"]) == (10, "stored")
    assert cli.json("settings", "set", "oidc.viewer_domains", "a.example, b.example")["value"] == ["a.example", "b.example"]
    assert cli.json("settings", "set", "gateway.drain_seconds", "30")["value"] == 30.0
    assert cli.json("settings", "set", "login.local", "true")["value"] is True
    assert cli.json("settings", "clear", "retention.raw_events_days")["origin"] == "default"
    names = [row["name"] for row in cli.json("settings", "list")["settings"]]
    assert "retention.raw_events_days" in names
    assert "database.url" not in names
    assert "expected" in cli("settings", "set", "retention.raw_events_days", "many", code=1).err
    assert "did you mean" in cli("settings", "show", "retention.raw_event_days", code=1).err


def test_gateway_tokens(cli: Cli) -> None:
    """A token is printed when it is made or rotated, listed by its beginning, and revoked."""
    made = cli.json("gateway-token", "create", "frankfurt")
    rotated = cli.json("gateway-token", "rotate", "frankfurt", "--overlap", "1h")
    assert made["token"].startswith("sm-gw-") and rotated["token"].startswith("sm-gw-")  # noqa: PT018
    assert made["token"] != rotated["token"]
    listed = cli("gateway-token", "list").out + cli("gateway-token", "show", "frankfurt").out
    assert rotated["hint"] in listed
    assert rotated["token"] not in listed
    cli("gateway-token", "revoke", "frankfurt", "--yes")
    assert cli.json("gateway-token", "list")["gateway_tokens"] == []


def test_names_with_slashes(cli: Cli) -> None:
    """A name may hold a slash: it is found by either desk."""
    cli.credential("eu/openai:a@b")
    assert cli.json("credential", "show", "eu/openai:a@b")["name"] == "eu/openai:a@b"
    cli("credential", "delete", "eu/openai:a@b", "--yes")
    assert "there is no" in cli("credential", "show", "eu/none", code=1).err


@pytest.mark.parametrize("noun", ["workspace", "credential", "pool", "route", "key", "audit", "gateway-token"])
def test_lists_in_every_form(cli: Cli, noun: str) -> None:
    """JSON, JSON lines and CSV hold the same rows with the same fields; a table holds a line a row."""
    cli.routing()
    cli("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET)
    cli("key", "create", "team")
    cli("gateway-token", "create", "gw")
    whole = cli.json(noun, "list", "--all")
    (rows,) = (value for value in whole.values() if isinstance(value, list))
    assert rows
    assert whole["schema_version"] == 1
    assert whole["total"] == len(rows)
    lines = [json.loads(line) for line in cli(noun, "list", "--all", "--output", "jsonl").out.splitlines()]
    assert lines == rows
    table = list(csv.reader(io.StringIO(cli(noun, "list", "--all", "--output", "csv").out)))
    assert table[0] == list(rows[0])
    assert len(table) == len(rows) + 1
    assert len(cli(noun, "list", "--all").out.splitlines()) == len(rows) + 1


def test_lists_are_asked_as_rest_is(cli: Cli) -> None:
    """Search, filters, order and a limit go to the database; what is left out is said."""
    for name in ("a", "b", "c"):
        cli.credential(name, secret=f"{SECRET}{name}")

    def names(*words: str) -> list[str]:
        return [row["name"] for row in cli.json("credential", "list", *words)["credentials"]]

    assert names("--sort", "-name") == ["c", "b", "a"]
    assert names("--filter", "name:in:a,c", "--sort", "name") == ["a", "c"]
    assert names("--filter", "vendor=openai", "--filter", "name:ne:b", "--sort", "name") == ["a", "c"]
    assert names("--search", "nothing") == []
    few = cli("credential", "list", "--limit", "2")
    assert len(few.out.splitlines()) == 3
    assert few.err == "2 of 3; --all shows all\n"
    assert "did you mean" in cli("credential", "list", "--sort", "nam", code=2).err
    assert "field:op:value" in cli("credential", "list", "--filter", "name", code=2).err


def test_a_filter_that_nothing_can_match(cli: Cli) -> None:
    """A misspelt state is asked for wrongly, at either desk: exit 2, with the values that there are and the nearest one. Nothing
    is printed that could be taken for an empty list."""
    for noun in ("job", "seat", "plan"):
        assert "state: is one of " in cli(noun, "list", "--filter", "state=bogus", code=2).err
    done = cli("job", "list", "--filter", "state:in:queued,runing", "--output", "json", code=2)
    assert done.out == ""
    assert done.err == (
        'error: state: is one of queued, running, succeeded, partial, failed, cancelled\nhint: did you mean "running"?\n'
    )
    assert 'did you mean "state"?' in cli("job", "list", "--filter", "stat=queued", code=2).err
    assert cli.json("job", "list", "--filter", "state=queued")["jobs"] == []


def test_more_than_a_page(here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--all` goes on over every page."""
    from stationmaster.cli import verbs

    monkeypatch.setattr(verbs, "MAX_PAGE", 2)
    for number in range(5):
        here("gateway-token", "create", f"gw-{number}")
    assert len(here.json("gateway-token", "list", "--all")["gateway_tokens"]) == 5


def test_an_edit_of_what_changed_meanwhile_is_refused(cli: Cli) -> None:
    """`--revision` names the version that the edit goes out from."""
    made = cli.credential("a")
    cli("credential", "disable", "a")
    stale = cli("credential", "update", "a", "--organisation", "x", "--revision", str(made["revision"]), code=1)
    assert "changed meanwhile" in stale.err
    cli("credential", "delete", "a", "--yes", "--revision", str(made["revision"]), code=1)


def test_both_desks_say_the_same(here: Cli, there: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command prints does not tell which desk it worked at."""

    def at(desk: Cli, *words: str) -> Any:
        with monkeypatch.context() as patch:
            if desk.desk == "local":
                patch.delenv("STATIONMASTER_URL")
            return desk(*words, code=None)

    at(here, "key", "create", "team")
    for words in (
        ["key", "list"], ["key", "show", "team"], ["key", "show", "no"], ["key", "list", "--output", "csv"], ["pool", "list"],
        ["settings", "list", "--all", "--output", "json"], ["audit", "list", "--output", "jsonl"], ["audit", "verify"],
        ["export"], ["credential", "list", "--sort", "nope"], ["route", "create", "--model", "x", "--pool", "none"],
        ["pool", "create", "p", "--member", "nobody"], ["settings", "set", "data.dir", "/x"], ["gateway-token", "show", "x"],
    ):  # fmt: skip
        assert at(here, *words) == at(there, *words), words
