"""The list of credentials, and adding one: by hand, step by step, by having its vendor make the key, or with a source of
short-lived secrets. Owns those pages."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, QueryDict

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, posted, whole
from stationmaster.entrances.console.pages.credentials import several
from stationmaster.entrances.console.pages.credentials import sources as credential_source
from stationmaster.entrances.console.pages.credentials.parts import end, health, tabs
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import of_workspaces
from stationmaster.entrances.console.pages.parts import (
    Bulk,
    Cell,
    Field,
    Form,
    Note,
    Page,
    Problem,
    Row,
    Section,
    Table,
    moment,
    text,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.errors import Conflict
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Page as Found
from stationmaster.store.listing import Query
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces

_MINTED: Final = "openai"
_PASTED: Final = ("name", "vendor", "secret", "base_url", "organisation", "expires_at")


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list; all of them can be probed."""
    actor = me(request)
    done = posted(request, {"probe": _probe_all})
    if isinstance(done, HttpResponse):
        return done
    probing = (Form(tr("Probe all of them"), "probe"),) if may(request, "credentials:probe") else ()
    same = (("stationmaster credential list", "GET /api/v1/credentials"),
            ("stationmaster credential probe", "POST /api/v1/credentials/all/probe"))  # fmt: skip
    sections = (Section("", (_table(request, actor), *probing)),)
    links = several.unhealthy(request)
    return shown(request, Page(tr("Credentials"), sections, tabs(request, "/credentials"), links, same, 0, done))


def _table(request: HttpRequest, actor: Actor) -> Table:
    columns = (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/credentials/{row['id']}", note=row["organisation"]), "name"),
        Column(tr("Vendor"), lambda row: text(row["vendor"]), "vendor"),
        Column(tr("Health"), health, "health"),
        Column(tr("Since"), lambda row: moment(row["health_at"])),
        Column(tr("Ends"), end, "expires_at"),
        Column(tr("Rotated"), lambda row: moment(row["secret_since"])),
        Column(tr("Workspace"), lambda row: text(row.get("place"), f"/workspaces/{row['workspace']}")),
        Column(tr("Added"), lambda row: moment(row["created_at"]), "created_at"),
    )
    choices = (
        Choice(tr("Health"), "health", words.options(words.HEALTH)[:6]),
        Choice(tr("Switched off"), "disabled", (("true", tr("yes")), ("false", tr("no")))),
    )
    shape = Shape(
        credentials.CREDENTIALS, columns, choices, download="credentials" if may(request, "credentials:export") else "",
        empty=tr("None yet. Store a vendor's API key: `stationmaster credential create NAME --vendor openai`"),
        besides=lambda rows: _placed(actor, rows),
    )  # fmt: skip
    ids: list[str] = []

    def found(query: Query) -> Found:
        page = credentials.list_credentials(actor, query)
        ids.extend(str(row["id"]) for row in page.items)
        return page

    table = lists.listed(request, found, shape)
    actions = several.offered(request)
    return replace(table, bulk=Bulk(tuple(ids), actions)) if actions and ids else table


def _placed(actor: Actor, rows: list[Row]) -> list[Row]:
    names = of_workspaces(actor, (str(row["workspace"]) for row in rows))
    return [{**row, "place": names.get(str(row["workspace"]), "")} for row in rows]


def _probe_all(actor: Actor, _: Sent) -> Went:
    return Went(f"/jobs/{credentials.probe_credential(actor, 'all', {})['id']}")


def add(request: HttpRequest) -> HttpResponse:
    """Paste a key, have one made, or say where its short-lived secrets come from."""
    actor = me(request)
    operators.require(actor, "credentials:create")
    done = posted(request, {"paste": _pasted, "mint": _minted, "source": credential_source.made})
    if isinstance(done, HttpResponse):
        return done
    sections = [_paste(request, *_of(request, "paste", done)), *_mint(request, actor, _of(request, "mint", done)[1]),
                *credential_source.making(request, *_of(request, "source", done))]  # fmt: skip
    same = (("stationmaster credential create NAME --vendor openai", "POST /api/v1/credentials"),
            ("stationmaster credential mint NAME --workspace W --project P", "POST /api/v1/credentials/NAME/mint"),
            ("stationmaster credential source set NAME --vendor openai_compatible --kind KIND --option NAME=VALUE",
             "PUT /api/v1/credentials/NAME/source"))  # fmt: skip
    return shown(request, Page(tr("Add a credential"), sections, tabs(request, "/credentials/new"), (), same, 0, done))


def _of(request: HttpRequest, do: str, problem: Problem | None) -> tuple[Sent, Problem | None]:
    """What was sent by one of the page's forms, and what was wrong with it; nothing for the others."""
    return (request.POST, problem) if request.POST.get("do") == do else (QueryDict(), None)


def _paste(request: HttpRequest, sent: Sent, problem: Problem | None) -> Section:
    vendor = sent.get("vendor") or request.GET.get("vendor", "")
    steps = [Note(f"{number}. {words.told_as(step)}") for number, step in enumerate(credentials.steps_of(vendor), 1)]
    fields = (
        Field("name", tr("Name"), value=sent.get("name", ""), error=_wrong(problem, "name"), needed=True),
        _vendors(vendor, _wrong(problem, "vendor")),
        Field("secret", tr("Secret"), "password", error=_wrong(problem, "secret"), needed=True,
              help=tr("It is sealed at once, and never shown again.")),
        Field("base_url", tr("Another address than the vendor's own"), value=sent.get("base_url", ""),
              error=_wrong(problem, "base_url")),
        Field("organisation", tr("Organisation"), value=sent.get("organisation", "")),
        Field("expires_at", tr("Ends"), value=sent.get("expires_at", ""), error=_wrong(problem, "expires_at"),
              help=tr("A date like 2027-01-31, if the vendor set one.")),
    )  # fmt: skip
    return Section(tr("Paste a key"), (*steps, Form(tr("Store it and probe it"), "paste", fields)))


def _vendors(chosen: str, error: str = "") -> Field:
    options = tuple((each.name, each.title) for each in VENDORS.values() if each.inference)
    return Field("vendor", tr("Vendor"), "select", chosen, (("", tr("choose")), *options), error=error, needed=True)


def _wrong(problem: Problem | None, name: str) -> str:
    return problem.fields.get(name, "") if problem is not None else ""


def _mint(request: HttpRequest, actor: Actor, problem: Problem | None) -> list[Section]:
    if not may(request, "credentials:mint"):
        return []
    rows = workspaces.list_workspaces(actor, Query(limit=500, counted=False)).items
    options = tuple((str(row["id"]), str(row["name"])) for row in rows if row["vendor"] == _MINTED)
    if not options:
        return []
    fields = (
        Field("name", tr("Name"), needed=True),
        Field("workspace", tr("Workspace"), "select", "", options, needed=True),
        Field("project", tr("Project"), error=_wrong(problem, "project"), needed=True, help=tr("The vendor's id of it.")),
        Field("scopes", tr("What a key may do"), error=_wrong(problem, "scopes"),
              help=tr("The vendor's names of scopes, apart by commas; empty: all that the project may.")),
        Field("lifetime_days", tr("Valid for so many days; 0: for ever"), "number", "90"),
        Field("rotate_days", tr("Rotate it so often, in days; 0: never by itself"), "number", "30"),
    )
    text_ = tr("The vendor makes a service account and a key for it, which is probed and then serves.")
    return [Section(tr("Have one made"), (Form(tr("Make it"), "mint", fields, text=text_),))]


def _pasted(actor: Actor, sent: Sent) -> Went:
    given: dict[str, Any] = {name: filled(sent, name) for name in _PASTED}
    made = credentials.create_credential(actor, given)
    with suppress(Conflict):      # it is being asked about already
        credentials.probe_credential(actor, str(made["id"]), {})
    return Went(f"/credentials/{made['id']}", tr("It is stored, and its vendor is asked whether it works."))


def _minted(actor: Actor, sent: Sent) -> Went:
    fields = {name: whole(sent, name) or 0 for name in ("lifetime_days", "rotate_days")}
    named = {name: filled(sent, name) for name in ("workspace", "project")}
    job = credentials.mint_credential(actor, filled(sent, "name"), {**named, "scopes": lines(sent, "scopes"), **fields})
    return Went(f"/jobs/{job['id']}", tr("A job has the vendor make it."))
