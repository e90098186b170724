"""People over REST: persons, their log-ins, groups and members, imports, whom SCIM would have leave. What there is to do is the
services'.

A file is uploaded in parts, each with the place where it begins, so that no call is large and one that got lost is sent again.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from stationmaster.entrances.api import asking, schemas
from stationmaster.entrances.api.answering import Reply
from stationmaster.entrances.api.caller import actor_of
from stationmaster.entrances.api.documents import operation, parameters, query
from stationmaster.entrances.api.replay import write
from stationmaster.entrances.api.resource import Resource, listed, mount
from stationmaster.errors import Invalid
from stationmaster.people import imports
from stationmaster.people import services as people
from stationmaster.people.checks import FIELDS
from stationmaster.people.importing.fields import FIELDS as COLUMNS
from stationmaster.people.scim import services as scim
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS

router = Router()

Given = Mapping[str, Any]
_AT = "2026-11-22T09:30:00.123456+00:00"
_ID = "06f2w4k5y8zq1v3t7b9d0c2m4n"
_BOOKS = {"revision": 41, "created_at": _AT, "updated_at": _AT}
_TEXT: schemas.Schema = {"type": ["string", "null"], "maxLength": 254}
_FLAG: schemas.Schema = {"type": "boolean", "default": False}
_NAMES: schemas.Schema = {"type": "array", "items": {"type": "string"}}
_LOGIN = {"vendor": "github_copilot", "login": "ada-l"}
_NULLABLE = frozenset({"left_at", "erased_at"})


def _object(properties: Given, *required: str) -> schemas.Schema:
    found: schemas.Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**found, "required": list(required)} if required else found


def _made(create: Callable[[Actor, Given], Given]) -> Callable[[Actor, Given], tuple[Given, Given]]:
    return lambda actor, given: (create(actor, given), {})


def _forget(actor: Actor, which: str, version: int | None) -> None:  # noqa: ARG001  there is nothing to edit in one
    imports.delete_import(actor, which)


PEOPLE: Final = Resource(
    "people", "person", people.PEOPLE,
    {"id": f"per_{_ID}", "user_name": "ada", "display_name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
     "email": "ada@example.com", "further_emails": ["ada@engines.example.com"], "department": "Engines", "title": "Analyst",
     "manager": "charles@example.com", "employee_number": "007", "external_id": "", "logins": [_LOGIN], "groups": ["poets"],
     "source": "hand", "active": True, "left_at": _AT, "erased_at": _AT, **_BOOKS},
    people.list_people, people.export_people, people.get_person, _made(people.create_person), people.update_person,
    people.delete_person,
    _object({**dict.fromkeys(FIELDS, _TEXT), "active": {"type": "boolean"}, "further_emails": {**_NAMES, "maxItems": 20}}),
    {"email": "ada@example.com", "display_name": "Ada Lovelace"}, {"title": "Analyst"}, nullable=_NULLABLE,
)  # fmt: skip

GROUPS: Final = Resource(
    "groups", "group", people.GROUPS,
    {"id": f"grp_{_ID}", "name": "poets", "members": 12, "external_id": "", "source": "hand", **_BOOKS},
    people.list_groups, people.export_groups, people.get_group, _made(people.create_group), people.update_group,
    people.delete_group,
    _object({"name": {"type": "string", "minLength": 1, "maxLength": 254}, "external_id": _TEXT}, "name"),
    {"name": "poets"}, {"name": "engineers"},
)  # fmt: skip

IMPORTS: Final = Resource(
    "people/imports", "import", imports.IMPORTS,
    {"id": f"imp_{_ID}", "name": "people.csv", "state": "open", "encoding": "utf-8", "delimiter": ",",
     "mapping": {"E-Mail": "email"}, "full": False, "dry_run": False, "size": 4711, "rows": 50, "job": f"job_{_ID}",
     "created": 40, "updated": 5, "unchanged": 3, "duplicates": 1, "conflicts": 0, "errors": 1, "leavers": 0, "left": 0,
     "why": "", "created_at": _AT, "updated_at": _AT},
    imports.list_imports, None, imports.get_import, _made(imports.begin_import), None, _forget,
    _object({"name": _TEXT}), {"name": "people.csv"}, maps=frozenset({"mapping"}), many="imports of people",
)  # fmt: skip

HELD: Final = Resource(
    "people/held", "person whom the guard holds", scim.HELD_LEAVERS,
    {"id": f"lvr_{_ID}", "person": f"per_{_ID}", "user_name": "ada", "display_name": "Ada Lovelace", "deletes": False,
     "token": f"tok_{_ID}", "held_at": _AT, "asked_at": _AT},
    scim.list_held, many="people whose leaving the directory wants and the guard holds",
)  # fmt: skip
_WHOM: Final = f'`persons` are their ids, up to {scim.MOST}, or `["{scim.EVERYBODY}"]`.'
_PERSONS = schemas.content(
    _object({"persons": {**_NAMES, "minItems": 1, "maxItems": scim.MOST}}, "persons"), {"persons": [f"per_{_ID}"]}
)
_NUMBER = schemas.content(schemas.of_example({"number": 1}), {"number": 1})
_NOTHING = schemas.content(_object({}), {})
_PERSON = schemas.content(PEOPLE.schema(), PEOPLE.example)
_GROUP = schemas.content(GROUPS.schema(), GROUPS.example)
_IMPORT = schemas.content(IMPORTS.schema(), IMPORTS.example)
_CONFLICT = {"kind": "address", "vendor": "", "name": "ada@example.com", "persons": [f"per_{_ID}", f"per_{_ID[:-1]}p"]}
_CONFLICTS = schemas.page_of(schemas.of_example(_CONFLICT))
_PROBLEM = {"row": 17, "outcome": "error", "column": "E-Mail", "code": "error.import.value",
            "message": "expected an e-mail address"}  # fmt: skip
_SEEN = {
    "encoding": "utf-8", "delimiter": ",", "mapping": {"E-Mail": "email"}, "full": False, "headings": ["E-Mail"],
    "fields": list(COLUMNS), "rows": [{
        "row": 2, "outcome": "create", "person": "", "values": {"email": "ada@example.com"},
        "problems": [{name: _PROBLEM[name] for name in ("column", "code", "message")}],
    }],
}  # fmt: skip


def _done(request: HttpRequest, work: Callable[[Actor], Given]) -> HttpResponse:
    """A write that answers with the thing as it is then."""
    asking.known_only(request, ())
    actor = actor_of(request)

    def reply() -> Reply:
        row = work(actor)
        return Reply(200, row, row.get("revision"))

    return write(request, actor, reply)


def _given(request: HttpRequest, *known: str) -> dict[str, Any]:
    given = asking.body(request, optional=True)
    for name in given:
        if name not in known:
            raise _wrong(name[:80], f"unknown field; the fields are {', '.join(known) or 'none'}")
    return given


def _wrong(field: str, why: str) -> Invalid:
    said = "".join(mark for mark in field if mark.isprintable())
    return Invalid("error.api.bad_value", f"{said}: {why}", fields={said: why})


def _flag(given: Given, name: str) -> bool:
    value = given.get(name, False)
    if type(value) is not bool:
        raise _wrong(name, "expected true or false")
    return value


# Paths of their own stand before `/people/{which}`, which would take them.
@router.get("/people/conflicts", **operation(
    "list_people_conflicts", "List claims that contradict each other", "people", "An `address` of several active persons; a "
    "`login` of one at a vendor that is another's address; `several` log-ins of one person at one vendor. At most 500.",
    parameters=[query("limit", "items at most", {"type": "integer", "minimum": 1, "maximum": 500, "default": 50})],
    success=schemas.content(_CONFLICTS, {"items": [_CONFLICT], "next": "", "total": 1}),
))  # fmt: skip
def list_conflicts(request: HttpRequest) -> HttpResponseBase:
    """What somebody has to decide."""
    asking.known_only(request, ("limit",))
    return listed(request, "conflicts", people.list_conflicts, None)


mount(router, HELD)


@router.post("/people/held/approve", **operation(
    "approve_people_held", "Have those leave whom the guard holds", "people/held", f"{_WHOM} Whom the directory deletes takes "
    "the right to delete people. `number` is how many left.",
    parameters=parameters("idempotency"), body=_PERSONS, success=_NUMBER,
))  # fmt: skip
def approve_held(request: HttpRequest) -> HttpResponse:
    """They leave."""
    return _decided(request, scim.approve)


@router.post("/people/held/refuse", **operation(
    "refuse_people_held", "Have those stay whom the guard holds", "people/held", f"{_WHOM} The directory is held again when it "
    "asks again. `number` is how many stay.",
    parameters=parameters("idempotency"), body=_PERSONS, success=_NUMBER,
))  # fmt: skip
def refuse_held(request: HttpRequest) -> HttpResponse:
    """They stay."""
    return _decided(request, scim.refuse)


def _decided(request: HttpRequest, verdict: Callable[[Actor, list[str]], int]) -> HttpResponse:
    persons = _given(request, "persons").get("persons")
    if not isinstance(persons, list) or not persons or not all(isinstance(each, str) for each in persons):
        raise _wrong("persons", "expected ids of people, or all")
    return _done(request, lambda actor: {"number": verdict(actor, persons)})


mount(router, IMPORTS)


@router.put("/people/imports/{which}/content", **operation(
    "upload_people_imports", "Upload a part of the file", "people/imports", f"The body is up to {imports.MAX_PART} bytes of it; "
    f"a file has at most {imports.MAX_SIZE}. A part that does not begin where the last one ended is refused (409), and "
    "`fields.offset` says where to go on.",
    parameters=[query("offset", "how many bytes of the file stand before this part", {"type": "integer", "minimum": 0})],
    body={"application/octet-stream": {"schema": {"type": "string", "format": "binary"}, "example": "E-Mail\r\n"}},
    success=_IMPORT,
))  # fmt: skip
def upload(request: HttpRequest, which: str) -> HttpResponse:
    """Some bytes more."""
    actor = actor_of(request)
    return Reply(200, imports.add_part(actor, which, *asking.part(request))).response()


@router.post("/people/imports/{which}/preview", **operation(
    "preview_people_imports", "Say how the file is read, and see its first rows", "people/imports", "What is left out is found "
    "out, or as it was said before. `mapping` has the field of each heading, an empty text for none; `full`: the file says who "
    "is there, so whoever is not in it leaves.",
    body=schemas.content(_object({
        "encoding": {"type": "string", "description": "utf-8, utf-16, gb18030 or latin-1"},
        "delimiter": {"type": "string", "maxLength": 1}, "full": _FLAG,
        "mapping": {"type": "object", "additionalProperties": {"type": "string"}},
    }), {"mapping": {"E-Mail": "email"}, "full": False}),
    success=schemas.content(schemas.of_example(_SEEN, maps={"mapping", "values"}), _SEEN),
))  # fmt: skip
def preview(request: HttpRequest, which: str) -> HttpResponse:
    """What would happen."""
    asking.known_only(request, ())
    given = asking.body(request, optional=True)
    return Reply(200, imports.preview(actor_of(request), which, given)).response()


@router.post("/people/imports/{which}/start", **operation(
    "start_people_imports", "Import the file", "people/imports", "As a job, which `job` names. `dry_run`: every row is counted "
    "by what it would come to, and the upload stays.",
    parameters=parameters("idempotency"), body=schemas.content(_object({"dry_run": _FLAG}), {"dry_run": False}), success=_IMPORT,
))  # fmt: skip
def start(request: HttpRequest, which: str) -> HttpResponse:
    """Have it done."""
    dry_run = _flag(_given(request, "dry_run"), "dry_run")
    return _done(request, lambda actor: imports.start(actor, which, dry_run=dry_run))


@router.post("/people/imports/{which}/approve", **operation(
    "approve_people_imports", "Have those leave who are not in the file", "people/imports", "For an import that waits because "
    "they are many. `leavers` is how many; it is refused (409) when it is another number by now.",
    parameters=parameters("idempotency"),
    body=schemas.content(_object({"leavers": {"type": "integer", "minimum": 0}}, "leavers"), {"leavers": 42}), success=_IMPORT,
))  # fmt: skip
def approve(request: HttpRequest, which: str) -> HttpResponse:
    """They leave."""
    leavers = _given(request, "leavers").get("leavers")
    if type(leavers) is not int:
        raise _wrong("leavers", "expected a number")
    return _done(request, lambda actor: imports.approve(actor, which, leavers))


@router.get("/people/imports/{which}/leavers", **operation(
    "list_people_imports_leavers", "List who would leave", "people/imports", "The ids of the first 500, while the import waits.",
    success=schemas.content(schemas.of_example({"items": [f"per_{_ID}"]}), {"items": [f"per_{_ID}"]}),
))  # fmt: skip
def list_leavers(request: HttpRequest, which: str) -> HttpResponse:
    """Whom it is about."""
    asking.known_only(request, ())
    return Reply(200, {"items": imports.list_leavers(actor_of(request), which)}).response()


_PROBLEMS = schemas.page_of(schemas.of_example(_PROBLEM))


@router.get("/people/imports/{which}/problems", **operation(
    "list_people_imports_problems", "List what is wrong with its rows", "people/imports", "Duplicates, conflicts and errors by "
    "row. There is no search.", parameters=parameters("list"),
    success=schemas.content(_PROBLEMS, {"items": [_PROBLEM], "next": "", "total": 1}), file=True,
))  # fmt: skip
def list_problems(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them, or all as a file."""
    return listed(
        request, "problems", lambda actor, asked: imports.list_problems(actor, which, asked),
        lambda actor, asked, form: imports.export_problems(actor, which, asked, form),
    )  # fmt: skip


mount(router, PEOPLE)


@router.post("/people/{which}/deactivate", **operation(
    "deactivate_people", "Have somebody leave", "people", "Their sessions, API tokens and virtual keys end at once.",
    parameters=parameters("idempotency"), body=_NOTHING, success=_PERSON,
))  # fmt: skip
def deactivate(request: HttpRequest, which: str) -> HttpResponse:
    """They are gone."""
    _given(request)
    return _done(request, lambda actor: people.deactivate_person(actor, which))


@router.post("/people/{which}/reactivate", **operation(
    "reactivate_people", "Have somebody back", "people", "What ended when they left stays ended.",
    parameters=parameters("idempotency"), body=_NOTHING, success=_PERSON,
))  # fmt: skip
def reactivate(request: HttpRequest, which: str) -> HttpResponse:
    """They are back."""
    _given(request)
    return _done(request, lambda actor: people.reactivate_person(actor, which))


@router.post("/people/{which}/erase", **operation(
    "erase_people", "Forget somebody", "people", "Everything personal goes, and they leave by that. The row's id stays, and so "
    "does the audit trail, which never knew more than hashes.", parameters=parameters("idempotency"), body=_NOTHING,
    success=_PERSON,
))  # fmt: skip
def erase(request: HttpRequest, which: str) -> HttpResponse:
    """They are forgotten."""
    _given(request)
    return _done(request, lambda actor: people.erase_person(actor, which))


_VENDOR = {"type": "string", "enum": list(VENDORS)}


@router.post("/people/{which}/logins", **operation(
    "link_people", "Say what a vendor knows somebody by", "people", "`move`: also when it is somebody else's now (else 409).",
    parameters=parameters("idempotency"), success=_PERSON,
    body=schemas.content(_object({"vendor": _VENDOR, "login": {"type": "string", "maxLength": 254}, "move": _FLAG},
                                 "vendor", "login"), _LOGIN),
))  # fmt: skip
def link(request: HttpRequest, which: str) -> HttpResponse:
    """One log-in more."""
    given = _given(request, "vendor", "login", "move")
    vendor, login, move = _login(given, "vendor"), _login(given, "login"), _flag(given, "move")
    return _done(request, lambda actor: people.link_login(actor, which, vendor, login, move=move))


@router.post("/people/{which}/logins/remove", **operation(
    "unlink_people", "Take a log-in away from somebody", "people", parameters=parameters("idempotency"), success=_PERSON,
    body=schemas.content(_object({"vendor": _VENDOR, "login": {"type": "string", "maxLength": 254}}, "vendor", "login"), _LOGIN),
))  # fmt: skip
def unlink(request: HttpRequest, which: str) -> HttpResponse:
    """One less."""
    given = _given(request, "vendor", "login")
    vendor, login = _login(given, "vendor"), _login(given, "login")
    return _done(request, lambda actor: people.unlink_login(actor, which, vendor, login))


def _login(given: Given, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise _wrong(name, "expected a text")
    return value


mount(router, GROUPS)

_MEMBERS = {"add": [f"per_{_ID}"], "remove": ["bob@example.com"]}


@router.get("/groups/{which}/members", **operation(
    "list_groups_members", "List a group's members", "groups", "Persons, filtered and ordered as all are.",
    parameters=parameters("list"), file=True,
    success=schemas.content(schemas.page_of(PEOPLE.schema()), {"items": [PEOPLE.example], "next": "", "total": 1}),
))  # fmt: skip
def list_members(request: HttpRequest, which: str) -> HttpResponseBase:
    """A page of them, or all as a file."""
    return listed(
        request, "members", lambda actor, asked: people.list_members(actor, which, asked),
        lambda actor, asked, form: people.export_members(actor, which, asked, form),
    )  # fmt: skip


@router.post("/groups/{which}/members", **operation(
    "change_groups_members", "Change who is in a group", "groups", "Persons by id, user name or e-mail address. Who is in, or "
    "out, already stays so.", parameters=parameters("idempotency"), success=_GROUP,
    body=schemas.content(_object({"add": {**_NAMES, "maxItems": 10_000}, "remove": {**_NAMES, "maxItems": 10_000}}), _MEMBERS),
))  # fmt: skip
def change_members(request: HttpRequest, which: str) -> HttpResponse:
    """Some in, some out."""
    given = _given(request, "add", "remove")
    return _done(request, lambda actor: people.change_members(actor, which, given.get("add", []), given.get("remove", [])))
