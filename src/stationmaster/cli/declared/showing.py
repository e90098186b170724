"""Steps → text for people. Owns the diff: one block an object, in the file's words, never a secret."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from difflib import unified_diff
from typing import Any

import typer

from stationmaster.cli.declared.plan import Step, changed_fields
from stationmaster.cli.declared.writing import lines_of
from stationmaster.cli.output import printable

_WHOLE = 1000      # lines of an object around a change: all of it


def print_diff(steps: Iterable[Step]) -> None:
    """Print the diff, in colour where a terminal takes it."""
    text = "\n".join(line for step in steps for line in diff(step))
    if not text:
        return
    if not sys.stdout.isatty():
        typer.echo(text)
        return
    from rich.console import Console  # here: nothing else needs it
    from rich.syntax import Syntax

    Console().print(Syntax(text, "diff", theme="ansi_dark", background_color="default", word_wrap=True))


def diff(step: Step) -> Iterator[str]:
    """A step as lines of a unified diff."""
    before, after = _lines(step, step.before), _lines(step, step.after)
    name = printable(f"{step.kind}/{step.name}")
    yield from unified_diff(before, after, name if before else "/dev/null", name if after else "/dev/null", n=_WHOLE, lineterm="")


def rows(steps: Iterable[Step]) -> Iterator[Mapping[str, Any]]:
    """Steps for programs."""
    for step in steps:
        yield {"verb": step.verb, "kind": step.kind, "name": step.name, "fields": changed_fields(step)}


def _lines(step: Step, entry: Mapping[str, Any] | None) -> list[str]:
    if entry is None:
        return []
    if step.kind == "setting":
        return ["[gateway]", *(f'{name} = "{value}"' for name, value in entry.items())]
    return [printable(line) for line in lines_of(step.kind, dict(entry))]
