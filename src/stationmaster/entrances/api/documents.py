"""Operations as the OpenAPI document describes them. Owns: the words, headers and errors that operations share."""

from collections.abc import Iterable
from typing import Any, Final

from stationmaster.entrances.api.schemas import Schema, content
from stationmaster.entrances.problems import as_json
from stationmaster.errors import Forbidden

_REFUSED = Forbidden("error.access.forbidden", "create keys: not for the role viewer", hint="this takes another role or token")
_EXAMPLE = as_json(_REFUSED, "req_06f2w4k5y8zq1v3t7b9d0c2m4n")
FAILURE: Schema = {
    "type": "object", "required": ["error"], "additionalProperties": False,
    "properties": {"error": {
        "type": "object", "additionalProperties": False, "required": list(_EXAMPLE["error"]),
        "properties": {
            "code": {"type": "string", "description": "stable; docs/reference/rest.md lists them"},
            "message": {"type": "string"}, "hint": {"type": "string"}, "request_id": {"type": "string"},
            "retryable": {"type": "boolean", "description": "whether the same call may work later"},
            "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }},
}  # fmt: skip
_WHY = {
    400: "the call cannot be read", 401: "nobody is logged in", 403: "not for this caller", 404: "there is no such thing",
    405: "another method is wanted", 409: "something stored stands against it", 412: "it was changed meanwhile",
    413: "the body is too large", 415: "another content type is wanted", 422: "values that cannot be stored",
    428: "`If-Match` is missing", 429: "too many calls", 500: "something is broken here",
    503: "the database cannot be used just now",
}
_RELAYED: Final = {502: "whoever this is handed on to did not take it"}      # of operations that hand something on


def _query(name: str, text: str, schema: Schema | None = None, **more: Any) -> Schema:
    return {"name": name, "in": "query", "description": text, "schema": schema or {"type": "string"}, **more}


def _header(name: str, text: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": "header", "description": text, "required": required, "schema": {"type": "string"}}


_LIST = [
    _query("search", "words that all occur"),
    _query("filter", "`field:op:value`, several hold together; `op` is one of eq, ne, in, lt, le, gt, ge, prefix, contains",
           {"type": "array", "items": {"type": "string"}}, style="form", explode=True),
    _query("sort", "a field to order by, with `-` before it downwards"),
    _query("cursor", "`next` of the page before"),
    _query("limit", "items on a page", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}),
    _query("format", "all of the list as a file; `Accept: text/csv` does the same",
           {"type": "string", "enum": ["csv", "json", "jsonl"]}),
]  # fmt: skip
_HEADERS = {
    "if_match": [_header("If-Match", 'the version that the edit goes out from, `"12"`, or `*` for any', required=True)],
    "idempotency": [_header("Idempotency-Key", "the same call with the same key happens once within 24 hours")],
    "list": _LIST,
}


def parameters(*kinds: str) -> list[Schema]:
    """Parameters that several operations take: `list`, `if_match`, `idempotency`."""
    return [each for kind in kinds for each in _HEADERS[kind]]


def query(name: str, text: str, schema: Schema | None = None) -> Schema:
    """A parameter of one operation."""
    return _query(name, text, schema)


def operation(
    id_: str, summary: str, tag: str, text: str = "", *, parameters: Iterable[Schema] = (), body: Schema | None = None,
    success: Schema | None = None, status: int = 200, file: bool = False,
    relays: bool = False,
) -> dict[str, Any]:
    """What ninja takes to describe an operation; `relays`: it hands something on, which may fail elsewhere (502)."""
    done: Schema = {"description": "done" if status == 204 else "as asked"}
    if success is not None:
        files: Schema = {"text/csv": {"schema": {"type": "string"}}, "application/x-ndjson": {"schema": {"type": "string"}}}
        done["content"] = {**success, **(files if file else {})}
        if file:
            page = done["content"]["application/json"]
            every = {"type": "array", "items": page["schema"]["properties"]["items"]["items"]}
            done["content"]["application/json"] = {**page, "schema": {"anyOf": [page["schema"], every]}}
    whys = {**_WHY, **_RELAYED} if relays else _WHY
    failures = {code: {"description": why, "content": content(FAILURE, _EXAMPLE)} for code, why in whys.items()}
    extra: Schema = {"responses": {status: done, **failures}, "parameters": list(parameters)}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": body}
    named = {"operation_id": id_, "summary": summary, "description": text, "tags": [tag]}
    return {**named, "response": {status: None}, "openapi_extra": extra}
