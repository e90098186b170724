"""`stationmaster route try`: where a model would go, without anybody being asked."""

from cli.nouns.kit import Cli


def test_who_could_serve_is_told(cli: Cli) -> None:
    """The route's pool and its members, in a table and as data, alike at both desks."""
    cli.routing()
    cli("route", "update", "1", "--alias", "fast=gpt-5-mini")
    found = cli.json("route", "try", "fast")
    assert (found["sent"], found["position"], found["error"]) == ("gpt-5-mini", 1, None)
    assert [(pool["pool"], [each["credential"] for each in pool["members"]]) for pool in found["pools"]] == [("main", ["a"])]
    done = cli("route", "try", "gpt-5-mini")
    assert "main" in done.out
    assert done.err == ""


def test_why_nobody_would_is_told(cli: Cli) -> None:
    """The answer that a client would get comes beside the table; who is out says why."""
    cli.routing()
    done = cli("route", "try", "claude-opus-4")
    assert "404" in done.err
    cli("credential", "disable", "a")
    done = cli("route", "try", "gpt-5-mini")
    assert "503" in done.err
    assert "operator" in done.out
    assert cli.json("route", "try", "gpt-5-mini", "--dialect", "anthropic")["error"] is not None


def test_a_key_decides_with(cli: Cli) -> None:
    """A key that may not use the pool or the model is refused as a gateway would; one that is not there is an error."""
    cli.routing()
    cli("key", "create", "team", "--model", "o3")
    assert cli.json("route", "try", "gpt-5-mini", "--key", "team")["error"]["status"] == 403
    cli("route", "try", "gpt-5-mini", "--key", "nobody", code=1)
    cli("route", "try", "gpt-5-mini", "--dialect", "latin", code=1)
