"""A setting's value as somebody types it: on the command line, in a form. Knows the settings there are."""

import json
from typing import Any

from stationmaster.settings.fields import FIELDS


def from_text(name: str, text: str) -> Any:
    """What was typed, as the setting's type wants it. What does not fit stays a text, and is refused where it is saved; so is a
    name that there is not."""
    field = FIELDS.get(name)
    if field is None or isinstance(field.default, str) or field.is_path:
        return text
    if field.is_list:
        return [_number(part.strip(), field.expected) for part in text.split(",") if part.strip()]
    value = _number(text, "number")
    return float(value) if isinstance(field.default, float) and type(value) is int else value


def _number(text: str, expected: str) -> Any:
    """A number, a flag; of a list, numbers only where it holds numbers."""
    if "number" not in expected and "percentages" not in expected:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
