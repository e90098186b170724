"""docs/reference/cli.md, made from the commands: `python -m stationmaster.cli.page PAGE` puts them behind the page's marker.

Owns the form of that list. Options that all commands at the control plane share stand in the page's own text.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from stationmaster.cli.app import app

MARKER = "<!-- What follows is made from the code: python -m stationmaster.cli.page docs/reference/cli.md -->"
_LEFT_OUT = {"help", "install_completion", "show_completion"}


def reference() -> str:
    """Every command with its arguments and options, as Markdown."""
    command = typer.main.get_command(app)
    nouns: dict[str, Any] = command.commands  # type: ignore[attr-defined]  # a group's
    return "\n".join(line for name in sorted(nouns) for line in _noun(nouns[name], name))


def renewed(page: str) -> str:
    """The page with what stands behind its marker made anew."""
    before, marker, _ = page.partition(MARKER)
    return f"{before}{marker}\n\n{reference()}"


def _noun(command: Any, name: str) -> Iterator[str]:
    yield from _about(command, f"## `stationmaster {name}`")
    verbs = getattr(command, "commands", {})
    if command.params and (not verbs or command.invoke_without_command):
        yield from _usage(command, f"stationmaster {name}")
    for verb in verbs:
        yield from _verb(verbs[verb], f"{name} {verb}", "###")


def _verb(command: Any, words: str, marks: str) -> Iterator[str]:
    yield from _about(command, f"{marks} `stationmaster {words}`")
    inner = getattr(command, "commands", {})
    if not inner:
        yield from _usage(command, f"stationmaster {words}")
    for name in inner:
        yield from _verb(inner[name], f"{words} {name}", f"{marks}#")


def _about(command: Any, heading: str) -> Iterator[str]:
    yield f"{heading}\n"
    yield f"{(command.help or '').strip()}\n"


def _usage(command: Any, words: str) -> Iterator[str]:
    context = typer.Context(command)
    yield f"```console\n$ {' '.join([words, *command.collect_usage_pieces(context)])}\n```\n"
    shared = {"config", "data", "url", "token_file"} if any(each.name == "url" for each in command.params) else set()
    records = [each.get_help_record(context) for each in command.params if each.name not in _LEFT_OUT | shared]
    rows = [f"| {_code(record[0])} | {_cell(record[1])} |" for record in records if record]
    if rows:
        yield "| | |\n|---|---|"
        yield "\n".join(rows) + "\n"


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
