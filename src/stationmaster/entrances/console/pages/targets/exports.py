"""Credentials as a file for gateways that take no calls: chosen, shown, taken away. Owns that page."""

from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Field, Form, Note, Page, Problem, Row, Section, Text, code, text
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.entrances.console.pages.targets.parts import tabs
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.i18n import tr
from stationmaster.publishing import exporting
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_KNOWN: Final = ("product", "pool", "credentials", "namespace", "gateway", "file")
_PRODUCTS: Final = {"kong": "Kong (decK)", "envoy": "Envoy AI Gateway"}
_MOST: Final = 500      # pools to choose from


def page(request: HttpRequest) -> HttpResponse:
    """The form and, once something is chosen, the file, where secrets go, and who is not in it. `file=1`: the file itself."""
    actor = me(request)
    asking.known_only(request, _KNOWN)
    asked = {name: request.GET.get(name, "").strip() for name in _KNOWN}
    made, problem = _made(actor, asked)
    if made is not None and made["exported"] and asked["file"]:
        return _download(made)
    sections = [Section("", (_form(actor, asked, problem),)), *(_sections(made, asked) if made is not None else ())]
    same = (("stationmaster target export kong --pool NAME", "POST /api/v1/exports/kong"),
            ("stationmaster target export envoy --pool NAME", "POST /api/v1/exports/envoy"))  # fmt: skip
    return shown(request, Page(tr("Export a file"), sections, tabs(request, "/exports"), (), same, 0, problem))


def _made(actor: Actor, asked: dict[str, str]) -> tuple[Row | None, Problem | None]:
    if not asked["product"]:
        return None, None
    given: dict[str, Any] = {name: asked[name] for name in ("pool", "namespace", "gateway") if asked[name]}
    if asked["product"] == "kong":
        given = {name: value for name, value in given.items() if name == "pool"}
    names = asked["credentials"].replace(",", " ").split()
    if names:
        given["credentials"] = names
    try:
        return exporting.export_declared(actor, asked["product"], given), None
    except Forbidden:
        raise
    except StationmasterError as error:
        return None, Problem(error.message, error.hint, error.fields, error.status)


def _form(actor: Actor, asked: dict[str, str], problem: Problem | None) -> Form:
    wrong = problem.fields if problem is not None else {}
    pools = routing.list_pool_names(actor, Query(limit=_MOST, counted=False)).items
    fields = (
        Field("product", tr("For"), "select", asked["product"], tuple(_PRODUCTS.items())),
        Field("pool", tr("All of a pool"), "select", asked["pool"],
              (("", tr("no pool: the credentials below")), *((str(each["name"]), str(each["name"])) for each in pools)),
              error=wrong.get("pool", "")),
        Field("credentials", tr("Credentials, by their names"), "textarea", asked["credentials"],
              error=wrong.get("credentials", ""), help=tr("Apart by commas, spaces or lines.")),
        Field("namespace", tr("Namespace"), value=asked["namespace"], error=wrong.get("namespace", ""),
              help=tr("For Envoy; empty: default.")),
        Field("gateway", tr("Name of the Gateway"), value=asked["gateway"], error=wrong.get("gateway", ""),
              help=tr("For Envoy; empty: envoy-ai-gateway.")),
    )  # fmt: skip
    told = tr("For gateways that are set up by files. No secret is in the file: it names the place where each has to be put.")
    return Form(tr("Write it"), "", fields, text=told, asks=True)


def _sections(made: Row, asked: dict[str, str]) -> list[Section]:
    href = f"/exports?{urlencode({**{name: value for name, value in asked.items() if value}, 'file': '1'})}"
    places = (
        Column(tr("Credential"), lambda row: Cell(row["name"], f"/credentials/{row['credential']}")),
        Column(tr("Its secret goes to"), lambda row: code(row["place"])),
        Column(tr("Under the key"), lambda row: code(row["key"])),
    )
    out = (
        Column(tr("Credential"), lambda row: Cell(row["name"], f"/credentials/{row['credential']}")),
        Column(tr("Why"), lambda row: text(words.told_as(row["why"]))),
    )
    left_out = [Section(tr("Who is not in it"), (lists.plain(out, made["left_out"]),))] if made["left_out"] else []
    if not made["exported"]:      # applied, an empty one would take away what is there
        return [Section("", (Note(tr("None of them can be in it: no file is written."), "bad"),)), *left_out]
    hand = lists.plain(places, made["secrets"])
    return [Section(tr("What has to be put by hand"), (hand,)), *left_out,
            Section(tr("The file"), (Text(made["text"], href, made["file"]),))]  # fmt: skip


def _download(made: Row) -> HttpResponse:
    """The file, to be kept. Its name is ours: letters and `-.` alone."""
    response = HttpResponse(made["text"], content_type="application/yaml")
    response["Content-Disposition"] = f'attachment; filename="{made["file"]}"'
    return response
