"""docs/reference/choice.md and limits.md say what the code does; links between pages lead somewhere."""

import re
from pathlib import Path

import msgspec
import pytest

from stationmaster.gateway.core import faults
from stationmaster.gateway.core.ring import EACH, MOST
from stationmaster.gateway.core.sessions import HEADERS, Scope, of_body, of_headers
from stationmaster.gateway.core.verdict import judge

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "reference"
STATUSES = range(400, 600)
SCOPE = Scope("key")
BY_BODY = {
    "cache_key": {"prompt_cache_key": b'"a"'},
    "user_id": {"metadata": b'{"user_id": "user_1_account__session_0123456789"}'},
    "prompt": {"instructions": b'"be brief"', "input": b'"hello"'},
}


def section(page: str, heading: str) -> str:
    """A section of a page, up to the next of its rank."""
    return (PAGES / page).read_text().partition(f"\n## {heading}")[2].partition("\n## ")[0]


def table(text: str) -> list[list[str]]:
    """The cells of a text's table rows, less headings."""
    rows = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    return [row.split(" | ") for row in rows if not row.startswith("---")]


def test_the_order_of_session_names() -> None:
    """The page's table names every header in the order in which they count, then what of the body does."""
    rows = [row for row in table(section("choice.md", "2.")) if row[0].isdigit()]
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert [row[1].strip("`").encode() for row in rows if row[2] == "`header`"] == list(HEADERS)
    assert [row[2].strip("`") for row in rows[len(HEADERS) :]] == list(BY_BODY)


@pytest.mark.parametrize("first", range(len(HEADERS)))
def test_the_first_session_header_counts(first: int) -> None:
    """A header wins over all below it in the table, wherever it stands in the head and however it is spelled."""
    given = [(name.replace(b"-", b"_"), name) for name in reversed(HEADERS[first:])]
    assert of_headers(SCOPE, given) == of_headers(SCOPE, [(b"x-stationmaster-session", HEADERS[first])])


@pytest.mark.parametrize("first", range(len(BY_BODY)))
def test_the_first_session_of_a_body_counts(first: int) -> None:
    """What of a body names the session is taken in the table's order."""
    members = {name: msgspec.Raw(raw) for given in list(BY_BODY.values())[first:] for name, raw in given.items()}
    number, by = of_body(SCOPE, members)
    assert number
    assert by == list(BY_BODY)[first]


def statuses(cell: str) -> set[int]:
    """The statuses that a row is about, if it is about plain ones."""
    if not re.match(r"`(\d{3}|5xx)`(,|$)", cell):
        return set()
    patterns = [word.replace("x", r"\d") for word in re.findall(r"`(\w+)`", cell)]
    return {status for status in STATUSES if any(re.fullmatch(pattern, str(status)) for pattern in patterns)}


def test_what_fails_over() -> None:
    """The page's rows of plain statuses, and its row for the rest, are the verdict of every error status."""
    rows = table(section("choice.md", "4."))
    told = {status: (row[1], row[2]) for row in rows for status in statuses(row[0])}
    (rest,) = [row for row in rows if row[0].startswith("any other `4xx`")]
    assert set(range(500, 600)) <= set(told)
    for status in STATUSES:
        verdict = judge("openai_compatible", status, [], b"{}", now=0.0, wall=0.0)
        signal = f"`{verdict.happening.signal}`" if verdict.happening is not None else "nothing"
        assert told.get(status, (rest[1], rest[2])) == ("yes" if verdict.retry else "no", signal), status


def every_fault() -> dict[str, int]:
    """Each named answer of ours, with its status."""
    named = [fault for fault in vars(faults).values() if isinstance(fault, faults.Fault)]
    return {fault.code: fault.status for fault in [*named, faults.not_spoken(("openai",))]}


@pytest.mark.parametrize("page", ["choice.md", "limits.md"])
def test_answers_have_the_statuses_told(page: str) -> None:
    """Wherever a page says a status with a code of ours, the code has it."""
    text = (PAGES / page).read_text()
    told = re.findall(r"\b([45]\d\d) `([a-z_]+)`", text)
    told += [(status, code) for code, status in re.findall(r"^\| `([a-z_]+)` \| (\d{3}) \|", text, re.MULTILINE)]
    known = every_fault()
    assert len(told) >= 7
    assert {(code, int(status)) for status, code in told} <= set(known.items())


def test_every_refusal_of_a_key_is_told() -> None:
    """limits.md has each answer that a key's limits give."""
    told = set(re.findall(r"^\| `([a-z_]+)` \| \d{3} \|", (PAGES / "limits.md").read_text(), re.MULTILINE))
    assert {code for code in every_fault() if code.startswith("key_")} | {faults.KEY_BUDGET.code} <= told


def test_the_ring_is_as_told() -> None:
    """Decision 7 states the ring's own figures."""
    text = (ROOT / "docs" / "decisions" / "0007-choice.md").read_text()
    assert f"{EACH} for each unit of weight" in text
    assert f"at most {MOST:,} points" in text
    assert f"weight above {MOST // EACH:,}" in text


def anchors(page: Path) -> set[str]:
    """What can stand behind `#`: headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", sorted(str(page.relative_to(ROOT)) for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]))
def test_links_lead_somewhere(name: str) -> None:
    """Every link inside the repository names a file that exists and a heading that it has."""
    page = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        to = page.parent / path if path else page
        assert to.exists(), target
        assert not anchor or anchor in anchors(to), target
