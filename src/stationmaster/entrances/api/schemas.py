"""Descriptions for the OpenAPI document (3.1: JSON Schema 2020-12). Owns: making them of the tables of gateway.toml and of
examples, so that neither is described twice.
"""

from collections.abc import Collection, Mapping
from typing import Any, cast

import msgspec

Schema = dict[str, Any]

_TIME = {"type": "string", "anyOf": [{"format": "date-time"}, {"const": ""}]}     # empty: at no time


def of_table(table: type[msgspec.Struct], *, extra: Mapping[str, Schema] | None = None, without: Collection[str] = ()) -> Schema:
    """The body that makes a thing: the keys of its table, with `name` for `id`, less `without`, and `extra` ones."""
    (made,), components = msgspec.json.schema_components([table], ref_template="#/components/schemas/{name}")
    found = _resolved(components[table.__name__] if "$ref" in made else made, components)
    needed = [_named(name) for name in _needed(table) if name not in without]
    names = [name for name in found["properties"] if name not in without]
    properties = {_named(name): _given(found["properties"][name], _named(name) in needed) for name in names}
    return {
        "type": "object", "additionalProperties": False, "properties": {**properties, **(extra or {})},
        **({"required": needed} if needed else {}),
    }


def for_update(body: Schema) -> Schema:
    """The body that changes a thing: any of its fields."""
    return {name: value for name, value in body.items() if name != "required"}


def of_example(example: Any, nullable: Collection[str] = (), maps: Collection[str] = ()) -> Schema:
    """What all answers have that look like `example`: every field, and no other. Fields in `nullable` may be null, those in
    `maps` are objects of any keys."""
    if isinstance(example, dict):
        properties = {name: _field(name, value, nullable, maps) for name, value in example.items()}
        return {"type": "object", "properties": properties, "required": list(example), "additionalProperties": False}
    if isinstance(example, list):
        return {"type": "array", "items": of_example(example[0], nullable, maps) if example else {}}
    return _scalar(example)


def page_of(item: Schema) -> Schema:
    """One page of a list."""
    properties = {
        "items": {"type": "array", "items": item},
        "next": {"type": "string", "description": "the `cursor` of the next page; empty on the last one"},
        "total": {"type": "integer", "description": "how many there are in all"},
    }
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def content(schema: Schema, example: Any = None) -> Schema:
    """A JSON body."""
    return {"application/json": {"schema": schema, **({} if example is None else {"example": example})}}


def _given(schema: Schema, needed: bool) -> Schema:
    """A field as it may be sent: null and an empty text stand for one that is left out."""
    if needed:
        return schema
    words = {name: schema[name] for name in ("description",) if name in schema}
    bare = {name: value for name, value in schema.items() if name not in ("description", "minLength")}
    choices = [bare, {"type": "null"}] if "pattern" not in bare else [bare, {"const": ""}, {"type": "null"}]
    return {**words, "anyOf": choices}


def _field(name: str, value: Any, nullable: Collection[str], maps: Collection[str]) -> Schema:
    schema = {"type": "object"} if name in maps else of_example(value, nullable, maps)
    return {"anyOf": [schema, {"type": "null"}]} if name in nullable else schema


def _scalar(value: object) -> Schema:
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "integer" if isinstance(value, int) else "number"}
    if isinstance(value, str) and len(value) > 18 and value[4] == value[7] == "-" and value[10] == "T":
        return dict(_TIME)
    return {"type": "string"}


def _needed(table: type[msgspec.Struct]) -> list[str]:
    hints = cast("msgspec.inspect.StructType", msgspec.inspect.type_info(table))
    return [field.name for field in hints.fields if _is_needed(field.type)]


def _is_needed(type_: msgspec.inspect.Type) -> bool:
    return isinstance(type_, msgspec.inspect.Metadata) and bool((type_.extra or {}).get("need"))


def _named(name: str) -> str:
    return "name" if name == "id" else name


def _resolved(schema: Any, components: Mapping[str, Any]) -> Any:
    """Without references, defaults that no file can hold, and Python's spelling of a text's end."""
    if isinstance(schema, list):
        return [_resolved(each, components) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _resolved(components[schema["$ref"].rpartition("/")[2]], components)
    kept = {name: _resolved(value, components) for name, value in schema.items() if name not in ("default", "title")}
    if "pattern" in kept and isinstance(kept["pattern"], str):
        kept["pattern"] = kept["pattern"].replace(r"\Z", "$")
    return kept
