"""`operator`, `token`, `address` and `gateway list`, at either desk."""

import re

import pytest

from cli.nouns.kit import Cli
from operators.browser import Browser
from operators.people import PASSWORD
from stationmaster.cli import verbs
from stationmaster.operators.models import Operator

_LINK = re.compile(r"http://127\.0\.0\.1:4001/welcome/[\w-]{43}")


def test_a_colleague_is_let_in(cli: Cli) -> None:
    """`operator add` makes somebody with a role and a link by which they choose their password; with it they are who they were
    made, and nothing more."""
    made = cli.json("operator", "add", "Joe@Example.com", "--role", "viewer", "--name", "Joe")
    assert _LINK.fullmatch(made["link"])
    assert (made["email"], made["role"], made["password"]) == ("joe@example.com", "viewer", False)
    browser = Browser()
    browser.get(made["link"].removeprefix("http://127.0.0.1:4001"))
    assert browser.send("/welcome", {"password": PASSWORD, "repeated": PASSWORD, "language": "en"})["Location"] == "/"
    row = Operator.objects.get()
    assert (row.email, row.role, row.check_password(PASSWORD)) == ("joe@example.com", "viewer", True)


def test_operators_and_tokens_are_those_of_the_desk(cli: Cli) -> None:
    """Nothing is missing at either desk: what was made is listed, changed and gone."""
    cli("operator", "add", "v@example.com", "--no-invite")
    assert cli.json("operator", "role", "v@example.com", "operator")["role"] == "operator"
    assert cli.json("operator", "disable", "v@example.com")["active"] is False
    assert cli.json("operator", "enable", "v@example.com")["active"] is True
    assert _LINK.fullmatch(cli.json("operator", "invite", "v@example.com")["link"])
    assert cli.json("operator", "show", "v@example.com")["password"] is False
    assert [row["email"] for row in cli.json("operator", "list")["operators"]] == ["v@example.com"]
    made = cli.json("token", "create", "nightly", "--role", "viewer", "--scope", "usage:*")
    gateway = cli.json("token", "create", "edge", "--gateway")
    assert made["token"].startswith("sm-api-")
    assert cli.json("token", "rotate", "edge")["token"] != gateway["token"]
    listed = cli.json("token", "list")["tokens"]
    assert {(row["kind"], row["name"]) for row in listed} >= {("api", "nightly"), ("gateway", "edge")}
    assert made["token"] not in str(listed)
    cli("token", "revoke", made["id"])
    cli("token", "revoke", "edge")
    assert not {row["name"] for row in cli.json("token", "list")["tokens"]} & {"nightly", "edge"}


def test_who_is_gone_is_forgotten(cli: Cli) -> None:
    """Who is still an operator is not erased; who was deleted is, once, by address or id."""
    made = cli.json("operator", "add", "v@example.com", "--no-invite")
    assert "delete the operator first" in cli("operator", "erase", "v@example.com", "--yes", code=1).err
    cli("operator", "delete", "v@example.com", "--yes")
    cli("operator", "erase", "v@example.com", "--yes")
    assert cli("operator", "erase", made["id"], "--yes", code=1).err.startswith("error: ")


def test_what_is_asked_before_somebody_is_deleted(here: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Operators and persons are deleted by any name of theirs, after a question that says who; a rehearsal asks nothing."""
    asked: list[str] = []
    monkeypatch.setattr(verbs, "confirm", lambda question, _: asked.append(question))
    here("operator", "add", "v@example.com", "--no-invite")
    here("person", "create", "p@example.com")
    here("operator", "delete", "v@example.com", "--dry-run", code=10)
    here("person", "delete", "P@example.com", "--dry-run", code=10)
    assert asked == []
    here("operator", "delete", "v@example.com")
    here("person", "delete", "P@example.com")
    assert asked == ["Delete the operator v@example.com?", "Delete P@example.com?"]
    assert (here.json("operator", "list")["total"], here.json("person", "list")["total"]) == (0, 0)


def test_private_addresses_are_allowed_one_by_one(cli: Cli) -> None:
    """What a credential is refused for names the command that allows it; an entry takes a reason, and goes by its name."""
    words = ("credential", "create", "own", "--vendor", "openai_compatible", "--base-url", "https://10.1.2.3/v1", "--secret", "-")
    refused = cli(*words, stdin="own-secret-1", code=1)
    assert "`stationmaster address allow`" in refused.err
    assert "outbound.allowed_private" in refused.err
    assert cli.json("address", "allow", "10.1.0.0/16", "--reason", "our own")["name"] == "10.1.0.0/16"
    cli(*words, stdin="own-secret-1")
    assert [row["reason"] for row in cli.json("address", "list")["addresses"]] == ["our own"]
    cli("address", "disallow", "10.1.0.0/16", "--yes")
    assert cli.json("address", "list")["total"] == 0


def test_gateways_are_listed(cli: Cli) -> None:
    """The ones that a control plane has heard of; here none."""
    assert cli.json("gateway", "list") == {"schema_version": 1, "total": 0, "gateways": []}


@pytest.mark.parametrize("words", [("admin", "link"), ("master-key", "status")])
def test_what_takes_the_machine_is_refused_over_rest(there: Cli, words: tuple[str, ...]) -> None:
    """And says where it works."""
    assert "only on the control plane's own machine" in there(*words, code=2).err


def test_the_trail_says_what_changed(cli: Cli) -> None:
    """In a table too, before and after; what was made by nobody known is booked on nobody."""
    cli("operator", "add", "v@example.com", "--no-invite")
    cli("operator", "role", "v@example.com", "operator")
    assert "role: viewer → operator" in cli("audit", "list", "--limit", "1").out
