"""The language of the command line, and whom its sentences speak of, at both desks."""

from collections.abc import Iterator

import pytest

from cli.nouns.installation import Installation
from cli.nouns.kit import Cli
from cli.nouns.test_plans import by_hand
from stationmaster import i18n
from stationmaster.workspaces.models import Plan
from workspaces import kit

CHINESE = ("--language", "zh-CN")


@pytest.fixture(autouse=True)
def _nobody_insists() -> Iterator[None]:
    """A command ends with its process; here the next one is in the same."""
    kit.register_kinds()
    yield
    i18n.insist(None)


def test_errors_come_in_the_language_that_was_asked_for(cli: Cli) -> None:
    """`--language` holds for errors and hints, whether they come from this machine or over REST; codes and data stay."""
    assert cli("group", "show", "nobody", code=1).err.startswith('error: there is no group "nobody"\nhint: `stationmaster group')
    told = cli(*CHINESE, "group", "show", "nobody", code=1).err
    assert told == '错误：没有群组 "nobody"\n提示：`stationmaster group list` 会列出它们\n'  # noqa: RUF001
    assert cli("group", "show", "nobody", code=1).err.startswith("error: "), "the next command speaks as it did before"
    made = cli(*CHINESE, "group", "create", "Sales", "--output", "json").json()
    assert (made["name"], sorted(made)) == ("Sales", sorted(cli.json("group", "show", "Sales")))


def test_the_terminal_decides_where_nobody_else_does(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """LC_ALL comes before LC_MESSAGES, and that before LANG; `--language` comes before all of them."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    asked = ("assignment", "show", "asg_x")
    for name, value, expected in (("LANG", "zh_CN.UTF-8", "错误"), ("LC_MESSAGES", "C", "error"), ("LC_ALL", "zh_CN", "错误")):
        monkeypatch.setenv(name, value)
        assert cli(*asked, code=1).err.startswith(expected), (name, value)
    assert cli("--language", "en", *asked, code=1).err.startswith("error")


def test_no_other_language_is_taken(here: Cli) -> None:
    """One that there is no catalogue of is refused as an option's value is: exit 2."""
    assert "zh-CN" in here("--language", "fr", "group", "list", code=2).err


def test_it_holds_before_there_is_anything_to_open(tmp_path: object) -> None:
    """Where no control plane was made yet, that is said in the terminal's language by a process of its own."""
    from pathlib import Path

    run = Installation(Path(str(tmp_path)))
    refused = run("group", "list", code=1, environ={"LC_ALL": "zh_CN.UTF-8"})
    assert "还没有控制面" in refused.stderr
    assert refused.stdout == ""


def test_an_outdated_plan_names_people(cli: Cli) -> None:
    """Who left is named where the plan is approved, shown and printed, in either language; what is stored names nobody."""
    which = by_hand(cli)
    person = cli.json("person", "show", "ada@example.test")["id"]
    cli("person", "deactivate", person, "--yes")
    refused = cli("plan", "approve", which, code=1).err
    assert "error: the plan changed: “by hand” for ada is not needed any more" in refused
    assert person not in refused
    row = Plan.objects.get(id=which)
    assert (row.state, row.why) == ("stale", f"“by hand” for {person} is not needed any more")
    assert "“by hand” for ada is not needed any more" in cli("plan", "show", which).err
    assert "不再需要对 ada 执行“手工”" in cli(*CHINESE, "plan", "show", which).err
    assert cli.json("plan", "show", which)["plan"]["why"] == row.why
