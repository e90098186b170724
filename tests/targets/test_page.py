"""docs/targets.md says what the registry says."""

import re
from pathlib import Path

import pytest

from stationmaster.targets.registry import KINDS, Kind

PAGE = (Path(__file__).parents[2] / "docs" / "targets.md").read_text()
WORDS = {"base_url": "address", "enabled": "on/off"}
ATTACHED = {"key": "key", "user_password": "user and password", "key_user_id": "key and user id"}
ORDER = ("name", "base_url", "models", "priority", "concurrency", "groups", "enabled")


def row(kind: Kind) -> list[str]:
    """What the table has to say of a kind."""
    keeps = ", ".join(WORDS.get(field, field) for field in ORDER if field in kind.keeps)
    direction = f"{kind.direction} first" if kind.direction else "none"
    attached = ATTACHED[kind.credential] + (", or none" if kind.optional else "")
    return [f"`{kind.name}`", attached, keeps, direction, "yes" if kind.shows_secret else "no"]


def test_the_table_is_the_registry() -> None:
    """Every kind, in its order, and no other."""
    table = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| `", line)]
    assert table == [row(kind) for kind in KINDS.values()]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_each_kind_has_its_section(kind: Kind) -> None:
    """What to attach, what is published, what it shows, and what its people should know."""
    section = PAGE.partition(f"\n## {kind.title}\n")[2].partition("\n## ")[0]
    for part in ("**Attach**", "**Published**", "**It shows**", "**Know**"):
        assert part in section
    assert section.count("\n- ") >= len(kind.traps)
