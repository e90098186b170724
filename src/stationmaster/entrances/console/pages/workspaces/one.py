"""One workspace: what is known of it, what can be run there, its policy. Owns those pages."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from stationmaster.bills import services as bills
from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted, version
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.names import readable
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
    flag,
    moment,
    text,
)
from stationmaster.entrances.console.pages.seats.assignments import adding
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.workspaces import drift
from stationmaster.entrances.console.pages.workspaces.attaching import fields_of
from stationmaster.entrances.console.pages.workspaces.listing import can, given_of, of_one, seats_cell, vendor_title
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.tables import POLICY

_REFRESH: Final = 5  # seconds, while a job of the workspace runs


_MOST: Final = 100  # conflicts on the summary


def one(request: HttpRequest, which: str) -> HttpResponse:
    """What is known of one, its vendor and its jobs, and what can be run."""
    done = posted(request, {
        "run": lambda actor, sent: _run(actor, which, sent),
        "rotate": lambda actor, _: _went(credentials.rotate_workspace(actor, which, {})),
        "bills": lambda actor, _: _went(bills.read_bills(actor, which, {})),
    })  # fmt: skip
    if isinstance(done, HttpResponse):
        return done
    row = _row(me(request), which)
    running = any(job["state"] in ("queued", "running") for job in row["last_jobs"].values())
    plan = (Link(tr("Make a plan"), f"/plans/new?workspace={quote(row['name'])}", main=True),)
    who = (Link(tr("Who is there"), lists.filtered("/people/grid", ("workspace", "eq", row["name"]))),)
    links = (
        *(plan if may(request, "plans:create") else ()), *adding(request, "workspace", row["name"]),
        *(who if may(request, "seats:read") else ()), *_refused(request, row),
    )  # fmt: skip
    return shown(
        request,
        Page(
            row["name"], _sections(request, row), of_one(row, ""), links, _same(row), _REFRESH if running else 0, done,
            state=words.state(words.WORKSPACES, row["state"]), trail=(Link(tr("Workspaces"), "/workspaces"),),
        ),
    )  # fmt: skip


def _refused(request: HttpRequest, row: Row) -> tuple[Link, ...]:
    """Where another admin key is entered, once the vendor refuses the one that is stored."""
    refused = row["state"] == "refused" and may(request, "workspaces:update")
    return (Link(tr("Replace the admin key"), f"/workspaces/{row['id']}/policy", main=True),) if refused else ()


def _twins(actor: Actor, row: Row) -> list[Section]:
    """Other workspaces that are the same organisation at the vendor: two sets of rules act on one."""
    if not row["organisation"]:
        return []
    same = (Filter("vendor", "eq", row["vendor"]), Filter("organisation", "eq", row["organisation"]))
    asked = Query(filters=(*same, Filter("id", "ne", row["id"])), sort="name", limit=_MOST, counted=False)
    found = workspaces.list_workspaces(actor, asked).items
    if not found:
        return []
    told = tr("The same organisation is attached more than once: what is assigned here and there works against each other. "
              "Detach all but one.")  # fmt: skip
    links = tuple(Link(str(each["name"]), f"/workspaces/{each['id']}") for each in found)
    return [Section("", (Note(told, "bad", links),))]


def _row(actor: Actor, which: str) -> Row:
    """The workspace; what its jobs said at their end, with names."""
    row = workspaces.get_workspace(actor, which)
    said = readable(actor, [job["sentence"] for job in row["last_jobs"].values()])
    latest = sorted(row["last_jobs"].items(), key=lambda pair: pair[1]["created_at"], reverse=True)
    ended = {kind: {**job, "sentence": said(job["sentence"])} for kind, job in latest}
    return {**row, "last_jobs": ended, "trouble": said(row["trouble"])}


def _sections(request: HttpRequest, row: Row) -> list[Section]:
    return [
        Section("", (_facts(row), *_runs(request, row)), "facts"),
        *_twins(me(request), row),
        *_conflicts(me(request), row),
        *((drift.section(row["drift"]),) if _runnable(row) or row["drift"] else ()),
        *_spending(request, me(request), row),
        Section(tr("Jobs"), (_jobs_table(row),), "jobs"),
        _offers(row),
    ]


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/workspaces/{row['id']}"
    looks = (f"stationmaster workspace show {name}", f"GET {path}")
    runs = (f"stationmaster workspace run {name} reconcile", f"POST {path}/run")
    return (looks, runs) if _runnable(row) else (looks,)


def policy(request: HttpRequest, which: str) -> HttpResponse:
    """What may be done there by itself, how it is reached, and detaching it."""
    done = posted(request, {
        "save": lambda actor, sent: _saved(actor, which, sent), "detach": lambda actor, sent: _detached(actor, which, sent),
    })  # fmt: skip
    if isinstance(done, HttpResponse):
        return done
    row = workspaces.get_workspace(me(request), which)
    policy_ = tr("Key and policy")
    title, path = f"{row['name']}: {policy_}", f"/api/v1/workspaces/{row['id']}"
    same = (
        (f"stationmaster workspace update {row['name']} --fix-drift invite", f"PATCH {path}"),
        (f"stationmaster workspace delete {row['name']}", f"DELETE {path}"),
    )
    return shown(request, Page(title, _of_policy(request, row, done), of_one(row, "policy"), (), same, 0, done))


def _of_policy(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    """What it is, and for whoever may: the form that changes it, and the one that detaches the workspace."""
    sections = [Section(tr("Policy"), (_policy_facts(row),))]
    if may(request, "workspaces:update"):
        fields = (*fields_of(request.POST, problem, row), Field("revision", "", "hidden", str(row["revision"])))
        sections.append(Section(tr("Change it"), (Form(tr("Save"), "save", fields),)))
    if may(request, "workspaces:delete"):
        sections.append(Section(tr("Detach it"), (_detaching(row),), danger=True))
    return sections


def _detaching(row: Row) -> Form:
    sure = Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True)
    what = tr("Its admin key, assignments, seats and plans are forgotten here. At the vendor nothing happens.")
    return Form(tr("Detach"), "detach", (sure,), text=what, danger=True)


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    workspaces.update_workspace(actor, which, {**given_of(sent), "secret": sent.get("secret", "")}, version(sent))
    return Went(told=tr("Saved."))


def _detached(actor: Actor, which: str, sent: Sent) -> Went:  # noqa: ARG001  an action takes what was sent
    workspaces.delete_workspace(actor, which)
    return Went("/workspaces", tr("It is detached."))


def _run(actor: Actor, which: str, sent: Sent) -> Went:
    job = workspaces.run_job(actor, which, {"kind": sent.get("kind", "")})
    return Went(told=tr("{job} is queued.", job=words.name(words.KINDS, job["kind"])))


def _went(job: Row) -> Went:
    return Went(f"/jobs/{job['id']}", tr("{job} is queued.", job=words.name(words.KINDS, job["kind"])))


def _spending(request: HttpRequest, actor: Actor, row: Row) -> list[Section]:
    """Its credentials and its bills: where they stand, and what takes no more than a button."""
    parts: list[Part] = []
    if may(request, "credentials:read"):
        mine = (Filter("workspace", "eq", row["id"]),)
        number = credentials.list_credentials(actor, Query(limit=1, filters=mine)).total
        cell = Cell(f"{number:,}", lists.filtered("/credentials", ("workspace", "eq", row["id"])))
        parts += [Facts(((tr("Credentials of this workspace"), cell),))] if number else []
        if number and not row["disabled"] and may(request, "credentials:rotate"):
            parts.append(Form(tr("Rotate all keys that are minted here"), "rotate"))
    if row["offers"]["capabilities"].get("usage") and may(request, "bills:read"):
        address = lists.filtered("/bills", ("workspace", "eq", row["id"]))
        parts.append(Facts(((tr("Bills"), Cell(tr("what its vendor says was used, beside what we counted"), address)),)))
        if not row["disabled"] and may(request, "bills:update"):
            parts.append(Form(tr("Read its bills now"), "bills"))
    return [Section(tr("Credentials and bills"), parts)] if parts else []


def _jobs_table(row: Row) -> Any:
    columns = (
        Column(tr("Job"), lambda job: Cell(words.name(words.KINDS, job["kind"]), f"/jobs/{job['id']}")),
        Column(tr("State"), lambda job: words.state(words.JOBS, job["state"], note=job["sentence"])),
        Column(tr("Begun"), lambda job: moment(job["created_at"])),
        Column(tr("Ended"), lambda job: moment(job["ended_at"])),
    )
    return lists.plain(columns, list(row["last_jobs"].values()), tr("None ran yet."))


def _facts(row: Row) -> Facts:
    managed = row["directory_managed"]
    found = ", ".join(f"{words.name(words.LISTED, name)}: {count}" for name, count in row["found"].items())
    read = moment(row["read_at"], tr("not yet"))
    rows = [
        (tr("State"), words.state(words.WORKSPACES, row["state"], note=row["trouble"] or row["disabled_reason"])),
        (tr("Vendor"), Cell(vendor_title(row["vendor"]))),
        (tr("Organisation"), text(row["organisation_name"] or row["organisation"])),
        (tr("Address"), text(row["base_url"]) if row["base_url"] else Cell(tr("the vendor's own"))),
        (tr("Admin key"), Cell(tr("stored") if row["secret_set"] else tr("none"))),
        (tr("Seats used / in all"), seats_cell(row)),
    ]
    if any(row["offers"]["capabilities"].values()):  # else there is nothing that could be read
        rows += [
            (tr("Found"), Cell(found, note=tr("as of {time}", time=read.text)) if found and row["read_at"] else text(found)),
            (tr("Managed by a directory"), NOTHING if managed is None else flag(managed, good=False)),
            (tr("Key worked"), moment(row["verified_at"], tr("not yet"))),
            (tr("Read"), read),
        ]
    rows += [(tr("Not read: {what}", what=words.name(words.LISTED, name)), text(why)) for name, why in row["unread"].items()]
    return Facts(tuple(rows))


def _policy_facts(row: Row) -> Facts:
    """Its policy, in the words of the form that changes it."""
    fields = {field.name: field for field in fields_of({}, None, row)}
    return Facts(tuple((fields[name].label, _said(fields[name])) for name in POLICY))


def _said(field: Field) -> Cell:
    if field.control == "checkbox":
        return flag(field.checked)
    return text(dict(field.options).get(field.value, field.value))


def _runs(request: HttpRequest, row: Row) -> tuple[Form, ...]:
    """A button for each job that the vendor has an interface for."""
    if not may(request, "workspaces:update") or not _runnable(row):
        return ()
    return tuple(Form(words.name(words.KINDS, kind), "run", (Field("kind", "", "hidden", kind),)) for kind in workspaces.RUNNABLE)


def _runnable(row: Row) -> bool:
    return bool(not row["disabled"] and row["offers"]["capabilities"]["identity"])


def _offers(row: Row) -> Section:
    offers = row["offers"]
    facts = Facts(tuple((words.name(words.CAPABILITIES, name), can(offered)) for name, offered in offers["capabilities"].items()))
    hand = tuple(Note(words.told_as(each)) for each in offers["by_hand"])
    title = tr("What {vendor} offers an interface for", vendor=vendor_title(row["vendor"]))
    return Section(title, (facts, *((Note(tr("What stays by hand:")), *hand) if hand else ())))


_WHY: Final[dict[str, Callable[[], str]]] = {
    "several": lambda: tr("several could be meant"), "another": lambda: tr("was another person's before"),
}  # fmt: skip


def _conflicts(actor: Actor, row: Row) -> list[Section]:
    """Members and invitations that more than one person here answers to, or that were another's before."""
    asked = Query(filters=(Filter("conflict", "in", "several,another"),), limit=_MOST, counted=False)
    found = [each for name in ("members", "invites") for each in workspaces.list_listed(actor, row["id"], name, asked).items]
    if not found:
        return []
    columns = (
        Column(tr("The vendor knows"), lambda each: text(each["email"] or each["login"])),
        Column(tr("Role"), lambda each: text(each["role"])),
        Column(tr("Why"), lambda each: text(_WHY[each["conflict"]]())),
    )
    why = tr(
        "More than one person here answers to these, or they were another person's before. Where several could be meant, "
        "nothing is done until that is settled; `stationmaster person conflicts` lists what contradicts."
    )
    return [Section(tr("Conflicts"), (Note(why, "bad"), lists.plain(columns, found)))]
