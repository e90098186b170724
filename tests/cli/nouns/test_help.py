"""Help, completion and misspellings: what a person meets who does not know the command yet."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.nouns.kit import Cli
from stationmaster.cli.app import app
from stationmaster.cli.page import MARKER, renewed

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
OURS = ("workspace", "credential", "pool", "route", "key", "usage", "audit", "settings", "gateway-token", "master-key", "admin",
        "person", "group", "assignment", "plan", "seat", "job", "vendor")


def commands(command: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, with the words that lead to it."""
    command = command or typer.main.get_command(app)
    yield words, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*words, name))


def test_no_line_is_cut_off_at_80_columns() -> None:
    """In the list of nouns, and in each of our nouns' lists of verbs, each has its whole line."""
    for words, command in commands():
        if not words or words[0] in OURS:
            names = getattr(command, "commands", {})
            room = 78 - 6 - max(map(len, names), default=0)
            cut = [name for name, inner in names.items() if inner.get_short_help_str(room).endswith("...")]
            assert cut == [], words


def test_every_option_says_what_it_is() -> None:
    """And every noun and verb."""
    for words, command in commands():
        if words and words[0] in (*OURS, "export", "apply"):
            assert command.help, words
            assert not [each.name for each in command.params if each.name != "help" and not each.help], words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["credental", "list"], "Did you mean 'credential'?"), (["credential", "lst"], "Did you mean 'list'?"),
        (["key", "revok"], "Did you mean 'revoke'?"), (["aply"], "Did you mean 'apply'?"),
        (["workspace", "attach", "acme"], "stationmaster workspace create"), (["vendor", "show", "openai"], "vendor list"),
        (["pool", "list", "--serch", "x"], "Possible options: --search"),
    ],
)  # fmt: skip
def test_did_you_mean(here: Cli, words: list[str], said: str) -> None:
    """An unknown noun, verb or option is answered with the one that is like it, and exit code 2."""
    assert said in here(*words, code=2).err


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("", "credential"), ("cred", "credential"), ("credential dis", "disable"), ("pool list --s", "--sort")],
)
def test_completion(typed: str, offered: str) -> None:
    """Bash is told what may come next."""
    words = ["stationmaster", *typed.split(" ")]
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    environ = {**os.environ, "_STATIONMASTER_COMPLETE": "complete_bash", **asked}
    command = [sys.executable, "-c", "import sys; sys.argv[0] = 'stationmaster'; from stationmaster.cli import main; main()"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert offered in done.stdout.split(), done


def test_the_page_is_up_to_date() -> None:
    """docs/reference/cli.md lists what the code makes; `python -m stationmaster.cli.page` renews it."""
    text = PAGE.read_text()
    assert MARKER in text
    assert renewed(text) == text


def test_the_page_has_every_command() -> None:
    """Each noun, and each verb, has a heading."""
    text = PAGE.read_text()
    for words, _ in commands():
        assert not words or f"# `stationmaster {' '.join(words)}`\n" in text
