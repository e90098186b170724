"""The command lines in the documentation are command lines of the program: nothing is run, all of it is parsed."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer.main
from typer.core import TyperGroup

from stationmaster.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md"))
         if path.name != "CHANGELOG.md" and "decisions" not in path.parts]  # fmt: skip
PROGRAM: Any = typer.main.get_command(app)
UsageError: type[Any] = typer.BadParameter.__bases__[0]      # what every wrong word raises
_GENERATED = "<!-- What follows is made from the code"
_BEGINS = re.compile(r"(?:^|[(|&;=\s])(?:\$ )?(?:[\w~$./-]*/bin/)?stationmaster(?= |$)(.*)")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_WORD = re.compile(r"[a-z][a-z-]*\Z")      # what a verb could be; ID, NAME and "plan" in quotes are none


class Said(NamedTuple):
    """A command line as a page has it; `whole`: it stands in a block, to be copied, and lacks nothing."""

    page: str
    text: str
    words: tuple[str, ...]
    whole: bool


def said_in(path: Path) -> Iterator[Said]:
    """The command lines of a page: in blocks whole, in a sentence perhaps only the words that matter."""
    text = path.read_text().partition(_GENERATED)[0]
    page = str(path.relative_to(ROOT))
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    fenced = re.findall(r"^```(?:shell|sh|console|bash)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)
    for line in ("\n".join([*fenced, *indented])).replace("\\\n", " ").splitlines():
        if (found := _BEGINS.search(line)) and line.strip()[0] not in "#{<|":
            yield Said(page, line.strip(), words_of(found[1]), True)
    for _, span in _SPAN.findall(re.sub(r"^ {4}\S.*$", "", prose, flags=re.MULTILINE)):
        line = " ".join(span.split())
        if found := re.match(r"(?:[\w~$./-]*/bin/)?stationmaster (?!NOUN|<noun>)(.*)", line):
            yield Said(page, line, words_of(found[1]), False)
        elif re.match(r"[a-z-]+ [a-z-]+", line) and line.split()[0] in PROGRAM.commands and is_group(line.split()[0]):
            yield Said(page, line, words_of(line), False)


def is_group(noun: str) -> bool:
    """Whether a noun has verbs."""
    return isinstance(PROGRAM.commands[noun], TyperGroup)


def words_of(line: str) -> tuple[str, ...]:
    """The words of one command, as a shell would hand them over: up to a pipe, a redirection, a comment, the end of `$(…)`."""
    reader = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    reader.whitespace_split, reader.commenters = True, "#"
    words: list[str] = []
    for word in reader:
        if set(word) <= set("|&;<>()"):
            break
        words.append(word)
    return tuple(words)


def parse(said: Said) -> None:
    """Find the command, and have it read its options; of one that is whole also what they are, and whether any is missing. Raises
    UsageError."""
    command: Any = PROGRAM
    context = typer.Context(PROGRAM, info_name="stationmaster")
    rest = list(said.words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            if _WORD.match(rest[0]) or said.whole:
                raise UsageError(f"{context.command_path}: there is no {rest[0]!r}")
            return
        command = command.commands[rest.pop(0)]
        context = typer.Context(command, info_name=command.name, parent=context)
    if said.whole and not isinstance(command, TyperGroup):
        command.make_context(command.name, list(rest), parent=context.parent)
        return
    command.make_parser(context).parse_args(rest)


EVERY = [each for path in PAGES for each in said_in(path)]


@pytest.mark.parametrize("page", sorted({each.page for each in EVERY}))
def test_every_command_line_can_be_read(page: str) -> None:
    """Its noun, verb and options exist; in a block to be copied, no argument is missing and each value is of its kind."""
    wrong = []
    for each in (each for each in EVERY if each.page == page):
        try:
            parse(each)
        except typer.Exit:      # --help
            continue
        except UsageError as error:
            wrong.append(f"{each.text}: {error.format_message()}")
    assert wrong == []


def test_they_are_found() -> None:
    """Each page that has any is looked at: whole ones and those of sentences, in every form of a block."""
    assert {"README.md", "README.zh-CN.md", "docs/control-plane.md"} <= {each.page for each in EVERY}
    assert {f"docs/reference/{name}.md" for name in ("seats", "plans", "people", "jobs", "scim", "joining")} <= {
        each.page for each in EVERY if each.whole}  # fmt: skip
    assert len(EVERY) > 100


WRONG = [
    ("stationmaster plan make --workspace acme", True), ("stationmaster assignment create --group engineers", True),
    ("stationmaster plan mak acme", False), ("stationmaster plans list", False), ("stationmaster seat run --wiat", False),
    ("stationmaster seat run --retries 9", True), ("x=$(stationmaster seat list --limit none | head)", True),
    ("stationmaster person import", True),
]  # fmt: skip


@pytest.mark.parametrize(("line", "whole"), WRONG)
def test_what_is_no_command_line_is_found_out(line: str, whole: bool) -> None:
    """A noun, verb, option or value that there is not, and an argument that is missing."""
    found = _BEGINS.search(line)
    assert found
    with pytest.raises(UsageError):
        parse(Said("x.md", line, words_of(found[1]), whole))
