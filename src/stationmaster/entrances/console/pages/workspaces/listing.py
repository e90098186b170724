"""Workspaces: their list, attaching one, what was read of one, its policy. Owns those pages."""

from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, lines, posted, whole
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    DASH,
    NOTHING,
    Cell,
    Form,
    Link,
    Page,
    Row,
    Section,
    Table,
    moment,
    texts,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.workspaces import several
from stationmaster.entrances.console.pages.workspaces.attaching import fields_of
from stationmaster.i18n import tr
from stationmaster.jobs import services as jobs
from stationmaster.operators import services as operators
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.planning.wording import seats

_NUMBERS: Final = ("calls_per_minute", "reconcile_minutes", "seat_limit", "remove_inactive_days", "grace_days",
    "seat_price_minor")


def all_of_them(request: HttpRequest) -> HttpResponse:
    """The list."""
    links = (Link(tr("Attach a workspace"), "/workspaces/new", main=True),) if may(request, "workspaces:create") else ()
    same = (("stationmaster workspace list", "GET /api/v1/workspaces"),)
    return shown(request, Page(tr("Workspaces"), (Section("", (_table(request),)),), tabs("/workspaces"), links, same))


def _table(request: HttpRequest) -> Table:
    actor = me(request)
    rows: list[Row] = []
    choices = (
        Choice(tr("Vendor"), "vendor", tuple((name, vendor_title(name)) for name in VENDORS)),
        Choice(tr("In use"), "disabled", (("false", tr("yes")), ("true", tr("no")))),
    )
    shape = Shape(
        workspaces.WORKSPACES, _columns(), choices, download="workspaces" if may(request, "workspaces:export") else "",
        empty=tr("None yet. Attach one with its vendor's admin key: here, or "
                 "`stationmaster workspace create NAME --vendor openai`"),
        besides=lambda found: _kept(_with_last_jobs(found), rows),
    )  # fmt: skip
    table = lists.listed(request, lambda query: workspaces.list_workspaces(actor, query), shape)
    starts = Link(tr("Attach a workspace"), "/workspaces/new", main=True) if may(request, "workspaces:create") else None
    opens = tuple(f"{address(row)}/inside" for row in rows)
    return replace(table, starts=starts, opens=opens, bulk=several.bulk(request, rows))


def _kept(found: list[Row], rows: list[Row]) -> list[Row]:
    """The rows as they are, and once more for what can be done with them."""
    rows.extend(found)
    return found


def _columns() -> tuple[Column, ...]:
    return (
        Column(tr("Workspace"), lambda row: Cell(row["name"], address(row), note=row["organisation_name"]), "name"),
        Column(tr("Vendor"), lambda row: Cell(vendor_title(row["vendor"])), "vendor"),
        Column(tr("State"), lambda row: words.state(words.WORKSPACES, row["state"], note=row["trouble"])),
        Column(tr("Seats"), seats_cell, number=True),
        Column(tr("Its vendor can"), _offered),
        Column(tr("Last jobs"), lambda row: _last_jobs(row["last_jobs"])),
        Column(tr("Read"), lambda row: moment(row["read_at"])),
    )


def attach(request: HttpRequest) -> HttpResponse:
    """The form that attaches one. Its secret goes one way only."""
    operators.require(me(request), "workspaces:create")
    done = posted(request, {"attach": lambda actor, sent: _attached(actor, sent)})
    if isinstance(done, HttpResponse):
        return done
    how = tr("Its vendor's admin key is sealed, and shown to nobody again. What is there is read by a job at once.")
    sections = (Section("", (Form(tr("Attach it"), "attach", fields_of(request.POST, done), text=how),)),)
    same = (("stationmaster workspace create NAME --vendor VENDOR", "POST /api/v1/workspaces"),)
    return shown(request, Page(tr("Attach a workspace"), sections, tabs("/workspaces/new"), same=same, problem=done))


def vendors(request: HttpRequest) -> HttpResponse:
    """What each vendor's interface can, and what stays to be done by hand."""
    rows = workspaces.list_vendors(me(request))
    columns = [
        Column(tr("Vendor"), lambda row: Cell(vendor_title(row["vendor"]), note=row["vendor"])),
        *(_capability(each) for each in rows[0]["capabilities"]),
        Column(tr("Knows people by"), lambda row: Cell(_known_by(row))),
        Column(tr("Roles"), lambda row: texts(row["roles"])),
        Column(tr("By hand"), lambda row: _by_hand(row)),
    ]
    same = (("stationmaster vendor list", "GET /api/v1/vendors"),)
    return shown(request, Page(tr("Vendors"), (Section("", (lists.plain(columns, rows),)),), tabs("/vendors"), same=same))


def address(row: Row) -> str:
    """A workspace's page."""
    return f"/workspaces/{row['id']}"


def tabs(here: str) -> tuple[Link, ...]:
    """What belongs to workspaces."""
    pages = (("/workspaces", tr("Workspaces")), ("/vendors", tr("Vendors")))
    return tuple(Link(words_, href, href == here) for href, words_ in pages)


def of_one(row: Row, here: str) -> tuple[Link, ...]:
    """The pages of one workspace: of what its vendor lists, where it lists anything."""
    offered = VENDORS[row["vendor"]].capabilities if row["vendor"] in VENDORS else frozenset()
    listed = tuple(
        Link(words.name(words.LISTED, name), f"{address(row)}/{name}", name == here)
        for name in workspaces.LISTED
        if name in offered or name == here
    )
    seats = Link(tr("Seats"), lists.filtered("/seats", ("workspace", "eq", row["name"])))
    return (
        Link(tr("Summary"), address(row), not here),
        *listed,
        seats,
        Link(tr("Key and policy"), f"{address(row)}/policy", here == "policy"),
    )


def _attached(actor: Actor, sent: Sent) -> Went:
    row = workspaces.create_workspace(actor, {"name": sent.get("name", ""), **given_of(sent), "secret": sent.get("secret", "")})
    by_hand = row["vendor"] in VENDORS and not VENDORS[row["vendor"]].capabilities
    said = tr("It is attached. Whatever a plan says for it is done by people, and ticked.")
    return Went(address(row), said if by_hand else tr("It is attached; a job reads it now."))


def given_of(sent: Sent) -> dict[str, Any]:
    """What was filled in, as the service takes it."""
    given: dict[str, Any] = {
        name: sent.get(name, "").strip()
        for name in ("vendor", "organisation", "base_url", "fix_drift", "removes", "seat_currency")
    }
    given |= {name: typed for name in _NUMBERS if (typed := whole(sent, name)) is not None}
    given |= {"allowed_domains": lines(sent, "allowed_domains"), "notify": "notify" in sent}
    given |= {"disabled": "disabled" in sent, "disabled_reason": sent.get("disabled_reason", "")}
    return {name: value for name, value in given.items() if value not in ("", None) or name in ("organisation", "base_url")}


def _with_last_jobs(rows: list[Row]) -> list[Row]:
    found = jobs.last_of_each([row["id"] for row in rows])
    return [{**row, "last_jobs": found.get(row["id"], {})} for row in rows]


def _offered(row: Row) -> Cell:
    """How much of what is wanted its vendor has an interface for; which, below; the whole of it on the vendors' page."""
    offered = VENDORS[row["vendor"]].capabilities if row["vendor"] in VENDORS else frozenset()
    if not offered:
        return Cell(tr("by hand"), "/vendors", tone="off", icon="hand-stop")
    can_ = ", ".join(words.name(words.CAPABILITIES, name) for name in words.CAPABILITIES if name in offered)
    said = tr("{number} of {all}", number=len(offered), all=len(words.CAPABILITIES))
    return Cell(said, "/vendors", title=can_, icon="plug-connected", tone="good")


def _last_jobs(found: Row) -> Cell:
    cells = tuple(
        words.state(
            words.JOBS, job["state"], f"/jobs/{job['id']}", f"{words.name(words.KINDS, kind)}, {moment(job['created_at']).text}"
        )
        for kind, job in found.items()
    )
    return Cell(many=cells) if cells else NOTHING


def seats_cell(row: Row) -> Cell:
    """How many seats are used, of how many; what nobody knows is a dash."""
    used, total = seats(row)
    if used is None and total is None:
        return Cell(DASH, number=True)
    invited = row["seats_pending"] or row["found"].get("invites", 0)
    pending = tr("{number} invited", number=invited) if invited else ""
    shown = DASH if used is None else str(used)
    meter = (used, total) if used is not None and total else None
    return Cell(f"{shown} / {total}" if total is not None else shown, number=True, note=pending, meter=meter)


def vendor_title(name: str) -> str:
    """What a vendor is called."""
    return words.told_as(VENDORS[name].title) if name in VENDORS else name


def _capability(name: str) -> Column:
    return Column(words.name(words.CAPABILITIES, name), lambda row: can(row["capabilities"][name]))


def can(offered: bool) -> Cell:
    """Whether something is offered."""
    return Cell(tr("yes"), tone="good") if offered else Cell(DASH, tone="off")


def _known_by(row: Row) -> str:
    return tr("e-mail address") if row["known_by"] == "email" else tr("log-in")


def _by_hand(row: Row) -> Cell:
    return Cell(many=tuple(Cell(words.told_as(each)) for each in row["by_hand"])) if row["by_hand"] else NOTHING
