"""Getting a credential by hand, step by step: where to go, what to enter there, paste it or enter ids here, see that it works.
Owns that page."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, posted
from stationmaster.entrances.console.pages.credentials.parts import tabs
from stationmaster.entrances.console.pages.parts import Cell, Facts, Field, Form, Note, Page, Part, Problem, Row, Section
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

_ASKED: Final = ("name", "workspace", "identity")
_IDS: Final = ("organization_id", "service_account_id", "federation_rule_id", "workspace_id")
_FEDERATED: Final = "anthropic_federation"


def page(request: HttpRequest) -> HttpResponse:
    """The steps for the vendor that is chosen, and what finishes them."""
    actor = me(request)
    operators.require(actor, "credentials:create")
    vendor = request.GET.get("vendor", "")
    asked = {name: request.GET.get(name, "").strip() for name in _ASKED}
    done = posted(request, {"paste": lambda actor, sent: _pasted(actor, vendor, sent), "federate": _federated})
    if isinstance(done, HttpResponse):
        return done
    sections = [_choosing(actor, vendor, asked)]
    if vendor:
        found, problem = _found(actor, vendor, asked)
        done = done or problem
        sections += [section for way in found["ways"] for section in _way(request, found, way, asked, done)]
    name, whose = asked["name"] or "NAME", vendor or "VENDOR"
    same = ((f"stationmaster credential guide {whose} --name {name}", f"POST /api/v1/vendors/{whose}/guide"),
            (f"stationmaster credential paste {name}", f"POST /api/v1/credentials/{name}/paste"))  # fmt: skip
    return shown(request, Page(tr("Get a credential by hand"), sections, tabs(request, "/credentials/guide"), (), same, 0, done))


def _found(actor: Actor, vendor: str, asked: dict[str, str]) -> tuple[Row, Problem | None]:
    """The guide; where what was asked cannot be, the plain one and why."""
    try:
        return credentials.guide(actor, vendor, {name: value for name, value in asked.items() if value}), None
    except StationmasterError as error:
        problem = Problem(error.message, error.hint, error.fields)
        plain = {"name": asked["name"]} if asked["name"] else {}
        return credentials.guide(actor, vendor, plain) if vendor in VENDORS else {"ways": ()}, problem


def _choosing(actor: Actor, vendor: str, asked: dict[str, str]) -> Section:
    """Whose it is to be, and what the steps are written for. It is asked for by the address: nothing is stored yet."""
    options = tuple((each.name, each.title) for each in VENDORS.values() if each.inference)
    rows = workspaces.list_workspaces(actor, Query(limit=500, counted=False, sort="name")).items
    places = tuple((str(row["id"]), str(row["name"])) for row in rows if vendor in ("", row["vendor"]))
    fields = [
        Field("vendor", tr("Vendor"), "select", vendor, (("", tr("choose")), *options), needed=True),
        Field("name", tr("Name"), value=asked["name"], needed=True),
        Field("workspace", tr("Workspace"), "select", asked["workspace"], (("", tr("none")), *places)),
    ]
    if vendor == "anthropic":
        said = tr("`file:NAME` in the folder of identity tokens, or `credential:NAME` of a source.")
        label = tr("Where identity tokens come from, for federation")
        fields.append(Field("identity", label, value=asked["identity"], help=said))
    return Section("", (Form(tr("Show the steps"), "", tuple(fields), asks=True),))


def _way(request: HttpRequest, found: Row, way: Row, asked: dict[str, str], problem: Problem | None) -> list[Section]:
    parts: list[Part] = [part for number, step in enumerate(way["steps"], 1) for part in _step(number, step)]
    if way["way"] == "paste":
        return [Section(tr("Paste a key"), (*parts, *_pasting(request, asked, problem)))]
    parts += [Note(words.told_as(text), "busy") for text in found["problems"]]
    return [Section(tr("Short-lived tokens by federation"), (*parts, *_federating(request, asked, problem)))]


def _step(number: int, step: Row) -> list[Part]:
    parts: list[Part] = [Note(f"{number}. {words.told_as(step['text'])}")]
    rows = [(name, Cell(value or "…", code=True)) for name, value in step["values"].items()]
    if step["link"]:
        rows.insert(0, (tr("Open"), Cell(step["link"], step["link"])))
    return [*parts, Facts(tuple(rows))] if rows else parts


def _pasting(request: HttpRequest, asked: dict[str, str], problem: Problem | None) -> list[Part]:
    if not may(request, "credentials:rotate"):
        return []
    wrong = problem.fields if problem is not None else {}
    fields = (
        _named(asked),
        Field("secret", tr("Secret"), "password", error=wrong.get("secret", ""), needed=True,
              help=tr("It is sealed at once, proved with its vendor, and only then gateways get it.")),
        Field("base_url", tr("Another address than the vendor's own"), error=wrong.get("base_url", "")),
        Field("expires_at", tr("Ends"), error=wrong.get("expires_at", ""),
              help=tr("A date like 2027-01-31, if the vendor set one.")),
    )  # fmt: skip
    return [Form(tr("Store it once it is proved"), "paste", fields)]


def _federating(request: HttpRequest, asked: dict[str, str], problem: Problem | None) -> list[Part]:
    if not may(request, "credentials:source"):
        return []
    wrong = problem.fields if problem is not None else {}
    fields = tuple(Field(name, name, value=request.POST.get(name, ""), error=wrong.get(name, ""), needed=name != "workspace_id")
                   for name in _IDS)  # fmt: skip
    identity = Field("identity", tr("Where identity tokens come from, for federation"), value=asked["identity"], needed=True,
                     error=wrong.get("identity", ""))  # fmt: skip
    return [Form(tr("Ask for a token and try it"), "federate", (_named(asked), *fields, identity))]


def _pasted(actor: Actor, vendor: str, sent: Sent) -> Went:
    given: dict[str, Any] = {name: filled(sent, name) for name in ("secret", "base_url", "expires_at") if filled(sent, name)}
    job = credentials.paste_credential(actor, _name(sent), {**given, "vendor": vendor})
    return Went(f"/jobs/{job['id']}", tr("Its vendor is asked whether it works; then gateways get it."))


def _federated(actor: Actor, sent: Sent) -> Went:
    options = {name: filled(sent, name) for name in (*_IDS, "identity") if filled(sent, name)}
    row = credentials.put_source(actor, _name(sent), {"vendor": "anthropic", "kind": _FEDERATED, "options": options})
    return Went(f"/credentials/{row['credential']}", tr("A token is asked for; its page says whether the vendor gave one."))


def _named(asked: dict[str, str]) -> Field:
    """The name that was chosen above; asked for where none was."""
    return Field("name", tr("Name"), "hidden" if asked["name"] else "text", asked["name"], needed=True)


def _name(sent: Sent) -> str:
    return filled(sent, "name")
