"""docs/clients.md as the source of what is tested: its marked blocks, with this run's address and key put in."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
ADDRESS = "http://127.0.0.1:4000"
KEY = "sm-..."
_BLOCK = re.compile(r"<!-- block: ([a-z-]+) -->\n+```[a-z]+\n(.*?)```", re.DOTALL)


def block(name: str, address: str, key: str) -> str:
    """The block that stands behind `<!-- block: name -->`."""
    blocks = dict(_BLOCK.findall(PAGE.read_text()))
    assert name in blocks, f"no block {name} in {PAGE.name}, which has {sorted(blocks)}"
    return str(blocks[name]).replace(ADDRESS, address).replace(KEY, key)
