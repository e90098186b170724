"""Files for gateways that take no calls, over REST: what is in them is the service's."""

from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import answering, asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, query
from stationmaster.errors import Conflict
from stationmaster.publishing import exporting

router = Router()

YAML: Final = "application/yaml"      # RFC 9512
_ID = "cred_06f2w4k5y8zq1v3t7b9d0c2m4n"
_MADE: Final = {
    "product": "kong", "file": "stationmaster-kong.yaml", "text": "_format_version: '3.0'\n…", "exported": 1,
    "secrets": [{"credential": _ID, "name": "openai-a", "place": "DECK_STATIONMASTER_OPENAI_A", "key": ""}],
    "left_out": [{"credential": _ID, "name": "copilot-a", "why": "It is switched off."}],
}  # fmt: skip
_TEXT: Final = {"type": ["string", "null"]}
_NAMES: Final = {"anyOf": [{"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255},
                            "maxItems": exporting.MAX_CHOSEN}, {"type": "null"}]}  # fmt: skip
_BODY: Final = {"type": "object", "additionalProperties": False, "properties": {
    "pool": {**_TEXT, "description": "its name or id: its members, with their models, priorities and weights"},
    "credentials": {**_NAMES, "description": "names or ids, in place of a pool"},
    "namespace": {**_TEXT, "description": "envoy: where the manifests belong; `default` when left out"},
    "gateway": {**_TEXT, "description": "envoy: the name of the Gateway there; `envoy-ai-gateway` when left out"},
}}  # fmt: skip


@router.post("/exports/{product}", **operation(
    "export_targets", "Write credentials as a file for another gateway", "targets", "`product`: `kong` (decK) or `envoy` "
    "(Envoy AI Gateway). Nothing is stored, and no secret is in it: `secrets` says where each has to be put, `left_out` who is "
    f"not in it, and why. With `format=yaml`, or `Accept: {YAML}`, the file itself is answered.",
    parameters=[query("format", "`yaml`: the file itself", {"type": "string", "enum": ["json", "yaml"], "default": "json"})],
    body=schemas.content(_BODY, {"pool": "gpt"}),
    success={**schemas.content(schemas.of_example(_MADE), _MADE), YAML: {"schema": {"type": "string"}}},
))  # fmt: skip
def export_declared(request: HttpRequest, product: str) -> HttpResponseBase:
    """One file."""
    asking.known_only(request, ("format",))
    wants_file = _wants_file(request)
    made: Any = exporting.export_declared(actor_of(request), product, asking.body(request))
    if wants_file and not made["exported"]:
        message = "none of them can be in it: no file is written"
        raise Conflict("error.export.empty", message, hint="applied, an empty file would take away what is there")
    if wants_file:
        return answering.download(iter([made["text"]]), made["file"], YAML)
    return Reply(200, made).response()


def _wants_file(request: HttpRequest) -> bool:
    named = request.GET.get("format", "")
    if named not in ("", "json", "yaml"):
        raise asking.bad_parameter("format", "is one of json, yaml")
    return named == "yaml" or (not named and request.headers.get("Accept", "").split(";")[0].strip().lower() == YAML)
