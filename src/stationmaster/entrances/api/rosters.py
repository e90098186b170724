"""Imports of older setups over REST, the mappings they are read by, and rosters written out again. What there is to do is the
services'.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import answering, asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters, query
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.errors import Invalid
from stationmaster.importing import services as rosters
from stationmaster.importing.fields import FIELDS
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS

router: Final = Router()

Given = Mapping[str, Any]
_AT: Final = "2026-11-22T09:30:00.123456+00:00"
_ID: Final = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_TEXT: Final[schemas.Schema] = {"type": ["string", "null"], "maxLength": 254}
_FLAG: Final[schemas.Schema] = {"type": "boolean", "default": False}
_TABLE: Final[schemas.Schema] = {"type": "object", "additionalProperties": {"type": "string", "enum": ["", *FIELDS]}}
_LEFT: Final = {"secrets": {"password": 12}, "admin": {}, "unknown": {"colour": 12}}


def _object(properties: Given, *required: str) -> schemas.Schema:
    found: schemas.Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**found, "required": list(required)} if required else found


def _made(create: Callable[[Actor, Given], Given]) -> Callable[[Actor, Given], tuple[Given, Given]]:
    return lambda actor, given: (create(actor, given), {})


def _forget(actor: Actor, which: str, version: int | None) -> None:  # noqa: ARG001  there is nothing to edit in one
    rosters.delete_roster(actor, which)


IMPORTS: Final = Resource(
    "imports", "import", rosters.ROSTERS,
    {"id": f"ros_{_ID}", "name": "accounts.json", "state": "open", "format": "accounts", "encoding": "utf-8", "delimiter": "",
     "mapping": {"owner": "parent_id"}, "vendor": "manual", "dry_run": False, "size": 4711, "records": 12, "job": f"job_{_ID}",
     "created": 9, "updated": 1, "unchanged": 1, "duplicates": 0, "conflicts": 0, "errors": 1, "left_out": _LEFT,
     "notes": {"to_be_attached": 2}, "why": "", "created_at": _AT, "updated_at": _AT},
    rosters.list_rosters, None, rosters.get_roster, _made(rosters.begin), None, _forget,
    _object({"name": _TEXT}), {"name": "accounts.json"}, maps=frozenset({"mapping", "notes", "secrets", "admin", "unknown"}),
    many="imports of older setups",
)  # fmt: skip
MAPPINGS: Final = Resource(
    "import-mappings", "mapping", rosters.MAPPINGS,
    {"id": f"map_{_ID}", "name": "our tracker", "fields": {"owner": "parent_id"}, "revision": 41, "created_at": _AT,
     "updated_at": _AT},
    rosters.list_mappings, None, rosters.get_mapping, _made(rosters.save_mapping), None, rosters.delete_mapping,
    _object({"name": {"type": "string", "minLength": 1, "maxLength": 80}, "fields": _TABLE}, "name", "fields"),
    {"name": "our tracker", "fields": {"owner": "parent_id"}}, maps=frozenset({"fields"}), many="mappings that are kept",
)  # fmt: skip
_IMPORT: Final = schemas.content(IMPORTS.schema(), IMPORTS.example)
_PROBLEM: Final = {"row": 17, "outcome": "error", "field": "email", "code": "error.import.value",
                   "message": "the record has no e-mail address"}  # fmt: skip
_PROBLEMS: Final = schemas.page_of(schemas.of_example(_PROBLEM))
_EXPORTED: Final = [
    {"id": "1", "email": "owner@example.com", "type": "mother", "team_account_id": "acct-1", "seat_total": 5},
    {"id": "2", "email": "ada@example.com", "type": "child", "parent_id": "1", "team_join_status": "success"},
]  # fmt: skip
_SEEN: Final = {
    "mapping": {"owner": "parent_id"}, "vendor": "manual", "format": "accounts", "encoding": "utf-8", "delimiter": "",
    "headings": {"owner": "parent_id"}, "fields": list(FIELDS), "left_out": _LEFT, "rows": [{
        "row": 2, "kind": "member", "outcome": "create", "values": {"email": "ada@example.com"}, "state": "active",
        "notes": ["publication_kept"], "problems": [{name: _PROBLEM[name] for name in ("field", "code", "message")}],
    }],
}  # fmt: skip

mount(router, IMPORTS)
mount(router, MAPPINGS)


@router.put("/imports/{which}/content", **operation(
    "upload_imports", "Upload a part of the file", "imports", f"The body is up to {rosters.MAX_PART} bytes of it; a file has at "
    f"most {rosters.MAX_SIZE}. A part that does not begin where the last one ended is refused (409), and `fields.offset` says "
    "where to go on. What is uploaded is kept sealed, until the import ends.",
    parameters=[query("offset", "how many bytes of the file stand before this part", {"type": "integer", "minimum": 0})],
    body={"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "[]"}}, success=_IMPORT,
))  # fmt: skip
def upload(request: HttpRequest, which: str) -> HttpResponse:
    """Some bytes more."""
    actor = actor_of(request)
    return Reply(200, rosters.add_part(actor, which, *asking.part(request))).response()


@router.post("/imports/{which}/preview", **operation(
    "preview_imports", "Say how the file is read, and see its first records", "imports", "What is left out is found out, or as "
    "it was said before. `mapping` has the field of each heading or key, an empty text for none; `mapping_name` is one that is "
    "kept. `vendor`: where the file's teams are. `left_out` has names of fields and numbers, of as much as was read.",
    body=schemas.content(_object({
        "format": {"type": "string", "enum": ["", *rosters.FORMATS]},
        "encoding": {"type": "string", "description": "utf-8, utf-16, gb18030 or latin-1"},
        "delimiter": {"type": "string", "maxLength": 1}, "mapping": _TABLE, "mapping_name": {"type": "string", "maxLength": 128},
        "vendor": {"type": "string", "enum": list(VENDORS)},
    }), {"format": "accounts"}),
    success=schemas.content(
        schemas.of_example(_SEEN, maps={"mapping", "headings", "values", "secrets", "admin", "unknown"}), _SEEN),
))  # fmt: skip
def preview(request: HttpRequest, which: str) -> HttpResponse:
    """What would happen."""
    asking.known_only(request, ())
    given = asking.body(request, optional=True)
    return Reply(200, rosters.preview(actor_of(request), which, given)).response()


@router.post("/imports/{which}/start", **operation(
    "start_imports", "Bring the file in", "imports", "As a job, which `job` names. `dry_run`: every record is counted by what it "
    "would come to, and the upload stays.",
    parameters=parameters("idempotency"), body=schemas.content(_object({"dry_run": _FLAG}), {"dry_run": False}), success=_IMPORT,
))  # fmt: skip
def start(request: HttpRequest, which: str) -> HttpResponse:
    """Have it done."""
    asking.known_only(request, ())
    actor, given = actor_of(request), asking.body(request, optional=True)
    unknown = next((name for name in given if name != "dry_run"), "")
    dry_run = given.get("dry_run", False)
    if unknown or type(dry_run) is not bool:
        why = "expected dry_run, true or false"
        raise Invalid("error.api.bad_value", why, fields={"dry_run": why})
    return write(request, actor, lambda: Reply(200, rosters.start(actor, which, dry_run=dry_run)))


@router.get("/imports/{which}/problems", **operation(
    "list_imports_problems", "List what is wrong with its records", "imports", "Duplicates, conflicts and errors by the number "
    "of the object, or the row. There is no search.", parameters=parameters("list"),
    success=schemas.content(_PROBLEMS, {"items": [_PROBLEM], "next": "", "total": 1}), file=True,
))  # fmt: skip
def list_problems(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them, or all as a file."""
    return listed(
        request, "problems", lambda actor, asked: rosters.list_problems(actor, which, asked),
        lambda actor, asked, form: rosters.export_problems(actor, which, asked, form),
    )  # fmt: skip


@router.get("/rosters/{form}", **operation(
    "export_roster", "Take teams and people as an older setup keeps them", "rosters",
    f"`form` is {' or '.join(rosters.EXPORTED)}. No secret is in it.",
    success={"application/json": {"schema": {"type": ["array", "object"]}, "example": _EXPORTED}},
))  # fmt: skip
def export_roster(request: HttpRequest, form: str) -> HttpResponseBase:
    """The file."""
    asking.known_only(request, ())
    return answering.download(rosters.export_roster(actor_of(request), form), f"{form}.json", "application/json")
