"""What errors say is known in every language, whoever raised it, and comes out with its values."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stationmaster import i18n, phrases
from stationmaster.phrases import SENTENCES, said
from stationmaster.phrases.naming import named, people_in

SOURCE = Path(i18n.__file__).parent
# What people at the console and the command line never meet: vendors' simulations, gateways among themselves, directories.
APART = {"sandbox", "internal", "scim", "core", "server", "link", "locale"}
# Sentences that are meant for whoever calls REST or writes code, and for an operator at a process's start.
PROGRAMS = (
    "this takes ", "paths and what they take", "read it first, and send its ETag", "the body is ", "configuration changes only",
    "a rehearsal stands alone", "a rotation is a change of its own", " was saved without an event", "nothing writes audit",
    "is not open to", "no settings were read", "stationmaster scim token create", "this is no hello", "see docs/reference",
    "this is no batch", "there is no such verb for this noun", "--control needs", "The control plane prints a gateway token",
    "The TLS certificate", "Give console.tls", "Set console.tls", "without TLS, passwords", "the issuer is reached", "give oidc.",
    "sealed texts still need", "nothing needs it any more", "put a new key before", "run `stationmaster master-key rewrap`; what",
    "a master key", "one master key is given twice", "the sealed ", "it was damaged or moved", "what is stored belongs",
    "plain addresses like", "not YAML", "the root of keyed hashes", "items are left",
    "an event is named", "make one: head",
    "start `stationmaster up`", 'write "Value7" and the id', "at most Value7 bytes", "Value7: Value7", "Value7 Value7",
    "this Value7", "Value7 — Value7", "the answer has no ", "the answer says no ", "was asked for before it was known",
)  # fmt: skip
NAMES = ("why", "message", "hint", "said")      # what a sentence is called before it is raised
# Which argument of an outcome says why.
OUTCOMES = {"Skipped": 1, "Failed": 1, "Transient": 0, "Rejected": 0, "StopRun": 0, "Unanswered": 0}
# Texts that look like many sentences within each other; the first ones held a page up for minutes.
HOSTILE = (
    "a: " * 60 + "x; y", "a: " * 1300, "a: " * 10 + "x; y — z; " * 300, "a: b; c — d: " * 300, "; " * 2000,
    "x; " * 99 + "y" * 3000, "a: b; " * 90 + " — " * 80, "expected " * 200 + ", got " * 200, "the plan changed: " * 200,
    "the plan changed: a: " * 90 + "; b — c", " is " * 999 + ":", "no " * 900 + "for ", "“for is — " * 300,
    " and " * 30 + "; " * 99 + "the vendor refuses the new key: " * 90,
)  # fmt: skip
LABELLED = re.compile(r"\w+: Value7|\w+")      # a field and why, which is raised as a sentence of its own; a code
ONE = "per_01m81scnrtdpxs478f8cewtbfd"


@pytest.fixture(autouse=True)
def _chinese() -> Iterator[None]:
    with i18n.spoken("zh-CN"):
        yield


def texts(node: ast.expr) -> list[str]:
    """The literal texts of an expression, with a word where a value stands."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "Value7" for part in node.values)]  # type: ignore[misc]
    if isinstance(node, ast.IfExp):
        return [*texts(node.body), *texts(node.orelse)]
    return []


def raised() -> Iterator[tuple[str, str]]:
    """Where an error is made, and each literal sentence in it; of what gateway.toml says only what rows have too."""
    for path in sorted(SOURCE.rglob("*.py")):
        place = path.relative_to(SOURCE)
        if APART & set(place.parts) or place.parts[0] in ("gateway", "phrases", "diagnosis"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            yield from ((str(place), text) for each in sentences(node) for text in texts(each) if text)


def sentences(node: ast.AST) -> list[ast.expr]:
    """What is said in a call that makes an error, a ValueError, or a variable that is called after what it holds."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in NAMES:
        return [node.value]
    if not isinstance(node, ast.Call) or not node.args:
        return []
    if isinstance(node.func, ast.Name) and node.func.id == "ValueError":
        return node.args
    if isinstance(node.func, ast.Name) and node.func.id in OUTCOMES:
        return node.args[OUTCOMES[node.func.id]:][:1]
    given = [*node.args[1:], *(each.value for each in node.keywords if each.arg == "hint")]
    return given if any(text.startswith("error.") for text in texts(node.args[0])) else []


def test_what_errors_say_is_translated() -> None:
    """Each sentence that an error is raised with is known: if this fails, add it to `stationmaster.phrases`."""
    found = list(raised())
    assert len(found) > 300
    foreign = {each for each in found if said(each[1]) == each[1] and not LABELLED.fullmatch(each[1])}
    assert sorted(each for each in foreign if not any(part in each[1] for part in PROGRAMS)) == []


def test_every_sentence_is_found_with_its_values() -> None:
    """Each sentence that is kept is known in the other language by the text that is made of it, alone and behind another one; one
    with a semicolon of its own stands alone."""
    texts = [re.sub(r"\{\w+\}", "Value7", each) for each in SENTENCES]
    assert [each for each in texts if said(each) == each] == []
    apart = [each for each in texts if "; " not in each]
    assert [each for each in apart if said(f"name: is needed; {each}") != f"name: 必须填写; {said(each)}"] == []


def test_no_sentence_is_kept_that_nobody_says() -> None:
    """What stands in `stationmaster.phrases` stands in the code too: the longest of its own words in a row."""
    files = [path for path in SOURCE.rglob("*.py") if "phrases" not in path.parts]
    code = "\n".join(text for path in files for node in ast.walk(ast.parse(path.read_text())) for text in literal(node))
    assert [each for each in SENTENCES if own_words(each) not in code] == []


def literal(node: ast.AST) -> list[str]:
    """The text that a node is, or a part of."""
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def own_words(sentence: str) -> str:
    """The longest piece of a sentence between its values; hints that are put together from two end at the first."""
    longest = max(re.split(r"\{\w+\}|; or name another", sentence), key=len)
    return longest.removeprefix("expected ").removeprefix("an empty ").removeprefix(" is ").rstrip(": ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the plan is open", "计划状态为 open"),
        ("there is no group 'salez'", "没有群组 'salez'"),
        ("secret: missing key; name: is needed", "secret: 缺少此项; name: 必须填写"),
        (f"the plan changed: “remove” for {ONE} is not needed any more; “invite” for x is needed now; and 3 more",
         f"计划已变化：不再需要对 {ONE} 执行“移除”; 现在需要对 x 执行“邀请”; 还有 3 项"),  # noqa: RUF001
        ("value: expected a whole number from 1 to 9", "value: 应为 1 到 9 之间的整数"),
        ("nobody of ours said this: {that}", "nobody of ours said this: {that}"),
        ("", ""),
    ],
)  # fmt: skip
def test_values_come_out_as_they_went_in(text: str, expected: str) -> None:
    """A sentence is found by its own words, its values stay, several of them stay apart, and a stranger's text is left alone."""
    assert said(text) == expected


def test_english_stays_as_it_was_written() -> None:
    """Whoever reads English reads what was raised, to the letter."""
    with i18n.spoken("en"):
        assert [said(each) for each in SENTENCES] == list(SENTENCES)


def test_a_text_of_any_length_is_answered() -> None:
    """A text that looks like many sentences at once is told apart without trying every way there is."""
    assert said("x" * 100_000) == "x" * 100_000
    for hostile in HOSTILE:
        assert looks(hostile) <= len(hostile) <= 4000


def looks(text: str) -> int:
    """How many texts are held against all sentences until this one is said."""
    phrases._matched.cache_clear()
    assert said(text)
    return phrases._matched.cache_info().misses


def test_what_stands_in_each_other_is_said_to_some_depth() -> None:
    """Sentences within sentences, and behind names of fields, are said where they stand; from a depth on they stay."""
    assert said("a: b: name: is needed; secret: missing key") == "a: b: name: 必须填写; secret: 缺少此项"
    assert said("a: " * 900 + "is needed") == "a: " * 900 + "is needed"


def test_names_stand_where_ids_stood() -> None:
    """Each id of a person in a text is found once, and gives way to the name if there is one."""
    text = f"“remove” for {ONE} is not needed any more; “remove” for {ONE}0 and x{ONE}"
    assert people_in([text, text]) == [ONE]
    assert named(text, {ONE: "Ada"}).startswith("“remove” for Ada is")
    assert named(text, {}) == text
