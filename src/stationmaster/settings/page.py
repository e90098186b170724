"""The tables of docs/reference/settings.md, made from the model: `python -m stationmaster.settings.page PAGE` puts them
behind the page's marker."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from stationmaster.settings.fields import FIELDS, Field
from stationmaster.settings.root import Settings

MARKER = "<!-- What follows is made from the code: python -m stationmaster.settings.page docs/reference/settings.md -->"


def tables() -> str:
    """A section with its table for each section of the settings."""
    return "\n".join(_sections())


def renewed(page: str) -> str:
    """The page with what stands behind its marker made anew."""
    before, marker, _ = page.partition(MARKER)
    return f"{before}{marker}\n\n{tables()}"


def _sections() -> Iterator[str]:
    for section, info in Settings.model_fields.items():
        doc = (info.annotation.__doc__ or "") if info.annotation else ""
        yield f"## `[{section}]`\n\n{doc}\n\n| key | default | what it is | a value is | a change counts |\n|---|---|---|---|---|"
        yield "\n".join(_row(field) for field in FIELDS.values() if field.section == section) + "\n"


def _row(field: Field) -> str:
    short = "".join(f". Also `{name}`" for name in field.variables[1:])
    secret = ". Secret" if field.secret and "secret" not in field.expected else ""
    return f"| `{field.key}` | {_default(field.default)} | {field.text}{short} | {field.expected}{secret} | `{field.takes}` |"


def _default(value: Any) -> str:
    if value is None or isinstance(value, SecretStr) or value in ("", ()):
        return "none"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value:g}`"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
