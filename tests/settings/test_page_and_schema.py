"""docs/reference/settings.md and the JSON Schema say what the code does."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from stationmaster.settings import FIELDS, Settings, schema
from stationmaster.settings.page import MARKER, renewed

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
Read = Callable[..., Settings]


def test_the_page_is_up_to_date() -> None:
    """The tables are those that the code makes; `python -m stationmaster.settings.page` renews them."""
    text = PAGE.read_text()
    assert MARKER in text
    assert renewed(text) == text


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_a_row(name: str) -> None:
    """In its section, with its short variable if it has one, and when a change of it counts."""
    field = FIELDS[name]
    section = PAGE.read_text().partition(f"\n## `[{field.section}]`\n")[2].partition("\n## ")[0]
    (row,) = re.findall(rf"^\| `{field.key}` \|.*$", section, re.MULTILINE)
    assert all(f"`{variable}`" in row for variable in field.variables[1:])
    assert row.endswith(f"| `{field.takes}` |")


def test_the_example_is_accepted(read: Read, tmp_path: Path) -> None:
    """The page's file can be used as it stands, once its secret is there."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "url").write_text("postgresql://u:p@h/x")
    settings = read(file=block.replace("/run/secrets/database-url", "url"))
    assert (settings.gateway.workers, settings.console.public_url) == (4, "https://stationmaster.example.com")
    assert tomllib.loads(block).keys() <= {field.section for field in FIELDS.values()}


def test_the_schema_has_every_key() -> None:
    """Every key that a file may hold, and no other, is in its table, with its meaning and its bounds."""
    whole = schema()
    for section, reference in whole["properties"].items():
        table = whole["$defs"][reference["$ref"].rpartition("/")[2]]
        fields = [field for field in FIELDS.values() if field.section == section]
        words = {field.key for field in fields if field.secret and not field.is_url}
        twins = {f"{field.key}_file" for field in fields if field.secret}
        assert set(table["properties"]) == {field.key for field in fields} - words | twins
        assert table["additionalProperties"] is False
        assert all(each["description"] for each in table["properties"].values())
    port: dict[str, Any] = whole["$defs"]["Console"]["properties"]["port"]
    assert (port["minimum"], port["maximum"], port["default"], port["x-takes-effect"]) == (1, 65_535, 4001, "restart")
    assert whole["additionalProperties"] is False


def test_the_schema_is_json() -> None:
    """It can be written to a file as it is."""
    TypeAdapter(dict[str, Any]).dump_json(schema())


def test_defaults_are_what_is_used() -> None:
    """The defaults that page and schema show are those of a start without any file."""
    settings = Settings()
    different = {name for name, field in FIELDS.items() if settings.value(name) != field.default}
    assert different == {"data.dir"}  # shown with ~, used with the home folder
