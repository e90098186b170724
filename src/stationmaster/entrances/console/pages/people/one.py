"""One person: what they hold, what vendors know them by, being forgotten. Owns those pages."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, posted, version
from stationmaster.entrances.console.pages.lists import Column, filtered
from stationmaster.entrances.console.pages.names import called
from stationmaster.entrances.console.pages.parts import (
    NOTHING,
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Part,
    Problem,
    Row,
    Section,
    Table,
    moment,
    text,
)
from stationmaster.entrances.console.pages.people import leaving, standing, used
from stationmaster.entrances.console.pages.people.listing import TEXTS, address, person_fields, tabs
from stationmaster.entrances.console.pages.seats.assignments import adding
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.views import again
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.store.actor import Actor
from stationmaster.vendors.registry import VENDORS


def one(request: HttpRequest, which: str) -> HttpResponse:
    """Who they are, what they hold, and what can be done about them."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = people.get_person(me(request), which)
    sections = [
        Section("", (_facts(row),)), *_back(request, row), *_seats(request, row), *standing.keys(request, row),
        *used.section(request, row), *_logins(request, row, done), *standing.history(request, row),
        *_changing(request, row, done), *_danger(request, row),
    ]  # fmt: skip
    page = Page(called(row), sections, tabs(request, ""), _links(request, row), _same(row), problem=done, state=_state(row))
    return shown(request, page)


def _danger(request: HttpRequest, row: Row) -> list[Section]:
    """What cannot be taken back, apart from the rest."""
    if not may(request, "people:erase") or row["erased_at"]:
        return []
    why = tr("Forgetting somebody takes their names, addresses and log-ins out of here, for good.")
    link = Link(tr("Forget them …"), f"{address(row)}/erase", danger=True)
    return [Section(tr("Danger zone"), (Note(why, links=(link,)),), danger=True)]


def _changing(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    if not may(request, "people:update") or row["erased_at"]:
        return []
    fields = (*person_fields(request.POST, problem, row), Field("revision", "", "hidden", str(row["revision"])))
    return [Section(tr("Change it"), (Form(tr("Save"), "save", fields, folded=tr("Show the form")),))]


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    return (
        (f"stationmaster person show {row['id']}", f"GET /api/v1/people/{row['id']}"),
        (f"stationmaster person update {row['id']} --title Analyst", f"PATCH /api/v1/people/{row['id']}"),
    )


def erase(request: HttpRequest, which: str) -> HttpResponse:
    """Forgetting somebody: what goes, what stays."""
    done = posted(request, {"erase": lambda actor, _: _erased(actor, which)})
    if isinstance(done, HttpResponse):
        return done
    actor = me(request)
    if operators.allowed(actor, "people:erase") and not actor.fresh:
        return again(request)
    operators.require(actor, "people:erase")
    row = people.get_person(actor, which)
    same = ((f"stationmaster person erase {row['id']}", f"POST /api/v1/people/{row['id']}/erase"),)
    title, back = tr("Forget {name}", name=called(row)), (Link(tr("Back"), address(row)),)
    return shown(request, Page(title, (Section("", _erasing(actor, row)),), tabs(request, ""), back, same, problem=done))


def _erasing(actor: Actor, row: Row) -> tuple[Part, ...]:
    what = tr("Names, addresses, log-ins and memberships go, for good; the id stays in seats, jobs and the audit trail, "
              "which knows nothing personal.")  # fmt: skip
    sure = Field("sure", tr("Yes, {name}", name=called(row)), "checkbox", needed=True)
    ending = leaving.ends(actor, row) if row["active"] else ()
    return (Note(what), *ending, Form(tr("Forget them"), "erase", (sure,), danger=True))


def _actions(which: str) -> dict[str, Action]:
    return {
        "save": lambda actor, sent: _saved(actor, which, sent),
        "return": lambda actor, _: _returned(actor, which),
        "link": lambda actor, sent: _linked(actor, which, sent),
        "unlink": lambda actor, sent: _unlinked(actor, which, sent),
    }


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    people.update_person(actor, which, {name: filled(sent, name) for name in TEXTS if name in sent}, version(sent))
    return Went(told=tr("Saved."))


def _returned(actor: Actor, which: str) -> Went:
    people.reactivate_person(actor, which)
    return Went(told=tr("They are back; what ended stays ended."))


def _erased(actor: Actor, which: str) -> Went:
    return Went(address(people.erase_person(actor, which)), tr("They are forgotten."))


def _linked(actor: Actor, which: str, sent: Sent) -> Went:
    people.link_login(actor, which, sent.get("vendor", ""), sent.get("login", "").strip(), move="move" in sent)
    return Went(told=tr("Saved."))


def _unlinked(actor: Actor, which: str, sent: Sent) -> Went:
    people.unlink_login(actor, which, sent.get("vendor", ""), sent.get("login", ""))
    return Went(told=tr("Taken away."))


def _facts(row: Row) -> Facts:
    return Facts((
        (tr("State"), _state(row)),
        (tr("User name"), text(row["user_name"])),
        (tr("E-mail address"), text(", ".join([row["email"], *row["further_emails"]]).strip(", "))),
        (tr("Department"), text(row["department"])),
        (tr("Title"), text(row["title"])),
        (tr("Manager"), text(row["manager"])),
        (tr("Employee number"), text(row["employee_number"])),
        (tr("Groups"), _groups(row)),
        (tr("Comes from"), Cell(words.name(words.SOURCES, row["source"]))),
        (tr("Here since"), moment(row["created_at"])),
    ))  # fmt: skip


def _state(row: Row) -> Cell:
    if row["active"]:
        return Cell(tr("in the company"), tone="good")
    return Cell(tr("left"), tone="off", note=moment(row["left_at"]).text if row["left_at"] else "")


def _groups(row: Row) -> Cell:
    cells = tuple(Cell(name, filtered("/groups", ("name", "eq", name))) for name in row["groups"])
    return Cell(many=cells) if cells else NOTHING


def _links(request: HttpRequest, row: Row) -> tuple[Link, ...]:
    links = []
    plans = may(request, "plans:create") and may(request, "seats:read")
    if plans and not row["active"] and (held := leaving.held(me(request), row)):
        asked = urlencode([("workspace", seat["workspace"]) for seat in held])
        links.append(Link(tr("Make a plan to take their seats back"), f"/plans/new?{asked}", main=True))
    if may(request, "people:update") and row["active"]:
        links.append(Link(tr("They leave …"), f"{address(row)}/leave", dialog=True))
    if row["active"]:
        links += adding(request, "person", str(row["user_name"] or row["email"]))
    return tuple(links)


def _seats(request: HttpRequest, row: Row) -> list[Section]:
    return [Section(tr("Seats"), (_seats_table(me(request), row),))] if may(request, "seats:read") else []


def _back(request: HttpRequest, row: Row) -> list[Section]:
    """The button for somebody who left and is there again."""
    if row["active"] or row["erased_at"] or not may(request, "people:update"):
        return []
    return [Section("", (Note(tr("They left. Coming back gives none back of what ended.")), Form(tr("They are back"), "return")))]


def _seats_table(actor: Actor, row: Row) -> Table:
    columns = (
        Column(tr("Workspace"), lambda seat: Cell(seat["workspace"], f"/seats/{seat['id']}")),
        Column(tr("State"), lambda seat: words.state(words.SEATS, seat["state"], note=seat["detail"])),
        Column(tr("Role"), lambda seat: text(seat["role"] or seat["vendor_role"])),
        Column(tr("Since"), lambda seat: moment(seat["since"])),
    )
    return lists.plain(columns, leaving.seats_of(actor, row), tr("No seat. An assignment says where they should have one."))


def _logins(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    changes = may(request, "people:update") and not row["erased_at"]
    columns = [
        Column(tr("Vendor"), lambda each: Cell(VENDORS[each["vendor"]].title if each["vendor"] in VENDORS else each["vendor"])),
        Column(tr("Log-in"), lambda each: Cell(each["login"])),
    ]
    if changes:
        columns.append(Column("", lambda each: Cell(forms=(_unlink(each),))))
    table = lists.plain(columns, row["logins"], tr("None: vendors know them by their e-mail addresses."))
    return [Section(tr("What vendors know them by"), (table, *((_link(problem),) if changes else ())))]


def _link(problem: Problem | None) -> Form:
    wrong = problem.fields if problem else {}
    names = tuple((each.name, each.title) for each in VENDORS.values())
    fields = (
        Field("vendor", tr("Vendor"), "select", "github_copilot", names, error=wrong.get("vendor", "")),
        Field("login", tr("Log-in"), error=wrong.get("login", ""), needed=True),
        Field("move", tr("Also when it is somebody else's now"), "checkbox"),
    )
    return Form(tr("Link it"), "link", fields, folded=tr("Link a log-in"))


def _unlink(each: Row) -> Form:
    whose = (Field("vendor", "", "hidden", each["vendor"]), Field("login", "", "hidden", each["login"]))
    return Form(tr("Take away"), "unlink", whose)
