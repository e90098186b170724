"""The list of targets, and adding one: its kind first, then what reaches it, tested before it is stored. Owns those pages."""

from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Form, Note, Page, Row, Section, Table, moment, text
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.form import fields_of, given_of, tested, tried_section
from stationmaster.entrances.console.pages.targets.parts import kind_title, standing, tabs, to_be_known
from stationmaster.entrances.console.views import again
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.targets.registry import KINDS

_SAME: Final = (("stationmaster target list", "GET /api/v1/targets"), ("stationmaster target kinds", "GET /api/v1/target-kinds"))


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    actor = me(request)
    shape = Shape(
        publishing.TARGETS, _columns(), (
            Choice(tr("Kind"), "kind", tuple((each.name, each.title) for each in KINDS.values())),
            Choice(tr("Switched off"), "disabled", (("true", tr("yes")), ("false", tr("no")))),
        ), download="targets" if may(request, "targets:export") else "",
        empty=tr("None yet. Add the gateway that API keys should be published into, and test the connection: "
                 "`stationmaster target create NAME --kind crs`"),
    )  # fmt: skip
    table = lists.listed(request, lambda query: publishing.list_targets(actor, query), shape)
    return shown(request, Page(tr("Targets"), (Section("", (table,)),), tabs(request, "/targets"), (), _SAME))


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Name"), lambda row: Cell(row["name"], f"/targets/{row['id']}", note=row["label"]), "name"),
        Column(tr("Kind"), lambda row: text(kind_title(row["kind"])), "kind"),
        Column(tr("Address"), lambda row: text(row["base_url"])),
        Column(tr("State"), standing),
        Column(tr("Default"), lambda row: Cell(tr("yes"), tone="good") if row["default"] else text("")),
        Column(tr("Read back"), lambda row: Cell(moment(row["read_at"], tr("not yet")).text, note=row["read_words"])),
    )


def add(request: HttpRequest) -> HttpResponse:
    """Its kind, then all the rest."""
    actor = me(request)
    if operators.allowed(actor, "targets:create") and not actor.fresh:
        return again(request)
    operators.require(actor, "targets:create")
    kind = request.POST.get("kind") or request.GET.get("kind", "")
    if kind not in KINDS:
        return _choose(request)
    tried = tested(request, lambda actor, given: publishing.test_target(actor, given), {"kind": kind})
    if isinstance(tried, HttpResponse):
        return tried
    done = None if tried is not None else posted(request, {"create": _created})
    if isinstance(done, HttpResponse):
        return done
    wrong = done.fields if done is not None else tried.fields if tried is not None else {}
    besides = (("test", tr("Test connection")),) if may(request, "targets:test") else ()
    sent = request.POST if request.method == "POST" else None
    form = Form(tr("Store it"), "create", fields_of(sent, kind, wrong), besides=besides)
    sections = (Section(tr("To be known of it"), to_be_known(kind)), Section("", (form,)), tried_section(tried))
    same = ((f"stationmaster target create NAME --kind {kind} --base-url URL", "POST /api/v1/targets"),
            (f"stationmaster target test --kind {kind} --base-url URL", f"POST /api/v1/target-kinds/{kind}/test"))  # fmt: skip
    title = tr("Add a target: {kind}", kind=kind_title(kind))
    return shown(request, Page(title, sections, tabs(request, "/targets/new"), (), same, 0, done, tries=True))


def _choose(request: HttpRequest) -> HttpResponse:
    """Which kind it is."""
    actor = me(request)
    note = Note(tr("Which gateway is it? API keys are published into it by its own admin interface. For Kong and Envoy AI "
                   "Gateway a file is written instead: `stationmaster target export`."))  # fmt: skip
    sections = (Section("", (note, _kinds(publishing.list_kinds(actor)))),)
    return shown(request, Page(tr("Add a target"), sections, tabs(request, "/targets/new"), (), _SAME))


def _kinds(rows: list[Row]) -> Table:
    columns = (
        Column(tr("Kind"), lambda row: Cell(row["title"], f"/targets/new?kind={row['kind']}")),
        Column(tr("Takes"), lambda row: text(", ".join(sorted(row["vendors"])))),
        Column(tr("Keeps"), lambda row: text(", ".join(words.name(words.KEPT, each) for each in sorted(row["keeps"])))),
    )
    return lists.plain(columns, rows)


def _created(actor: Actor, sent: Sent) -> Went:
    row = publishing.create_target(actor, {"name": sent.get("name", "").strip(), "kind": sent.get("kind", ""), **given_of(sent)})
    return Went(f"/targets/{row['id']}", tr("It is stored. It has to be tested before anything is published there."))
