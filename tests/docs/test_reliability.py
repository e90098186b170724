"""docs/reliability.md: what it names exists, and its table is what was seen last."""

import json
import re
from pathlib import Path

from tools import reliability

ROOT = Path(__file__).parents[2]


def test_what_it_names_exists() -> None:
    """Every test and folder that the page names is there."""
    named = re.findall(r"`((?:tests|bench)/[\w/.]+)`", reliability.PAGE.read_text())
    assert len(named) > 20
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_its_table_is_what_was_seen() -> None:
    """The table is made of the figures that are kept, a miss says that it is one."""
    figures = json.loads(reliability.RESULTS.read_text())["figures"]
    text = reliability.PAGE.read_text()
    assert reliability.written(text, figures) == text
    missed = [{**figures[0], "kept": False}]
    assert "| **no** |" in reliability.written(text, missed)


def test_the_last_one_counts() -> None:
    """Of two figures of the same thing the later stays; others are kept, in the order of their faults."""
    first = {"fault": "F23", "done": "a", "seen": "1"}
    found = reliability.merged([first, {"fault": "F1", "done": "b", "seen": "2"}], [{**first, "seen": "3"}])
    assert [(each["fault"], each["seen"]) for each in found] == [("F1", "2"), ("F23", "3")]
