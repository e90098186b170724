"""From an HTTP request to an `Asked`: body read whole, JSON or form parsed, credential found. Refuses nothing:
a body that cannot be read has no fields."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from stationmaster.sandbox.faults import choose
from stationmaster.sandbox.ledger import bare
from stationmaster.sandbox.signatures import access_key_id
from stationmaster.sandbox.values import Asked, Dialect

_CARRIERS: Mapping[Dialect, tuple[str, ...]] = {
    "openai": ("authorization",),
    "azure": ("api-key", "authorization"),
    "anthropic": ("x-api-key", "authorization"),
    "gemini": ("x-goog-api-key", "authorization"),
    "bedrock": ("authorization",),
    "vertex": ("authorization",),
}
_WS_KEY = "openai-insecure-api-key."
_BOUNDARY = re.compile(r'boundary="?([^";,]+)', re.IGNORECASE)
_NAME = re.compile(rb'[; ]name="([^"]*)"')
_FILENAME = re.compile(rb'filename="([^"]*)"')

Form = tuple[dict[str, Any], dict[str, tuple[str, bytes]]]


async def hear(request: web.Request, dialect: Dialect, spoiled: Mapping[str, str]) -> Asked:
    """Read one request; `spoiled` maps credentials to the fault they have for now."""
    body = await request.read()
    fields, files = _parsed(request.headers.get("content-type", ""), body)
    credential = _credential(request, dialect)
    params = dict(request.match_info)
    model = params.get("model") or fields.get("model") or request.query.get("model")
    return Asked(
        dialect=dialect,
        method=request.method,
        path=request.rel_url.raw_path,
        query=request.query,
        headers=request.headers,
        params=params,
        body=body,
        fields=fields,
        files=files,
        credential=credential,
        fault=choose(request.headers, request.query, str(model or ""), credential, spoiled),
    )


def _credential(request: web.Request, dialect: Dialect) -> str:
    """What the vendor's own header carries, of AWS' signatures who signed; Gemini also reads `?key=`, realtime a subprotocol."""
    for name in _CARRIERS[dialect]:
        value = request.headers.get(name, "")
        if name == "authorization" and not value.lower().startswith("bearer "):
            continue
        if bare(value):
            return bare(value)
    if dialect == "bedrock":
        return access_key_id(request.headers.get("authorization", ""))
    if dialect == "gemini":
        return request.query.get("key", "")
    offered = request.headers.get("sec-websocket-protocol", "").split(",")
    keys = [each.strip().removeprefix(_WS_KEY) for each in offered if each.strip().startswith(_WS_KEY)]
    return keys[0] if keys and dialect == "openai" else ""


def _parsed(content_type: str, body: bytes) -> Form:
    boundary = _BOUNDARY.search(content_type)
    if boundary and content_type.lower().startswith("multipart/"):
        return _form(body, boundary[1].encode())
    try:
        value = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = {}
    return (value if isinstance(value, dict) else {}), {}


def _form(body: bytes, boundary: bytes) -> Form:
    fields: dict[str, Any] = {}
    files: dict[str, tuple[str, bytes]] = {}
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, filename = _NAME.search(head), _FILENAME.search(head)
        if name and filename:
            files[name[1].decode()] = (filename[1].decode(), content[:-2])
        elif name:
            fields[name[1].decode()] = content[:-2].decode("utf-8", "replace")
    return fields, files
