"""The JSON Schema of `stationmaster.toml`, for editors."""

from typing import Any

from stationmaster.settings.fields import FIELDS, TWIN
from stationmaster.settings.root import Settings


def schema() -> dict[str, Any]:
    """What a file may hold: secrets only as the names of files, and no key beside those that exist."""
    made = Settings.model_json_schema(mode="validation")
    tables = {name: made["$defs"][ref["$ref"].rpartition("/")[2]] for name, ref in made["properties"].items()}
    for field in FIELDS.values():
        if field.secret:
            keys = tables[field.section]["properties"]
            keys[f"{field.key}{TWIN}"] = {
                "type": "string", "minLength": 1, "description": f"a file that holds it: {field.text}",
            }  # fmt: skip
            if not field.is_url:
                del keys[field.key]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
