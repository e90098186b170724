"""Publishing, step by step: what and where, the plan of it, approval. Owns those pages; the job's page follows."""

from collections.abc import Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Note,
    Page,
    Problem,
    Row,
    Section,
    moment,
    text,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.parts import fields, standing, tabs
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.phrases import said
from stationmaster.publishing import services as publishing
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_MOST: Final = 500      # targets and pools to choose from
_LAST: Final = 20       # plans that are shown
_ASKED: Final = ("target", "pool", "credentials", "withdraw")      # what may be chosen already by the link that led here


def choose(request: HttpRequest) -> HttpResponse:
    """What is published, and where; and the plans that were made before."""
    actor = me(request)
    operators.require(actor, "publications:plan")
    done = posted(request, {"plan": _planned, "test": _tested})
    if isinstance(done, HttpResponse):
        return done
    asking.known_only(request, _ASKED, ("credentials",))
    targets = publishing.list_targets(actor, Query(sort="name", limit=_MOST, counted=False)).items
    chosen = _chosen(request, targets)
    first = _steps_to(request, actor, targets, chosen, done) if chosen else (Section("", (Note(tr(
        "There is no target yet. Add the gateway that credentials should be published into: "
        "`stationmaster target create NAME --kind crs`"), links=(Link(tr("Add a target"), "/targets/new"),)),)),)  # fmt: skip
    sections = (*first, Section(tr("Plans that were made"), (_plans(actor),)))
    same = (("stationmaster publication plan --pool NAME", "POST /api/v1/publish-plans"),)
    return shown(request, Page(tr("Publish"), sections, tabs(request, "/publish"), (), same, 0, done))


def _chosen(request: HttpRequest, targets: Sequence[Row]) -> Row | None:
    """The target that is published at: the one asked for, else the default, else the first that is in use."""
    sent = request.POST if request.method == "POST" else request.GET
    usable = [each for each in targets if not each["disabled"]]
    named = next((each for each in usable if sent.get("target") in (each["id"], each["name"])), None)
    return named or next((each for each in usable if each["default"]), None) or next(iter(usable), None)


def _steps_to(
    request: HttpRequest, actor: Actor, targets: Sequence[Row], chosen: Row, problem: Problem | None
) -> tuple[Section, ...]:
    """Where, and how that stands; then what, once the connection was tested as it is saved."""
    where = tuple((str(each["id"]), _called(each)) for each in targets if not each["disabled"])
    kept = tuple(Field(name, "", "hidden", each) for name in _ASKED[1:] for each in request.GET.getlist(name))
    target = Field("target", tr("Target"), "select", str(chosen["id"]), where)
    pick = Form(tr("Choose"), fields=(target, *kept), asks=True, quiet=True)
    facts = Facts(((tr("State"), standing(chosen)), (tr("Address"), text(chosen["base_url"])),
                   (tr("Tested"), moment(chosen["tested_at"], tr("not yet")))))  # fmt: skip
    links = (Link(tr("Its settings"), f"/targets/{chosen['id']}", dialog=True),)
    test = (Form(tr("Test the connection"), "test", (Field("target", "", "hidden", str(chosen["id"])),), main=True),)
    may_test = test if may(request, "targets:test") else ()
    first = Section(tr("Where"), (pick, facts, *may_test), half=True, links=links)
    if chosen["state"] != "ready":
        note = tr("Publishing begins here once the connection was tested with the settings that are saved.")
        said_ = (_form(request, actor, chosen, problem),) if problem else ()  # what was typed is not lost
        return first, Section(tr("What"), (Note(note, "busy"), *said_), half=True)
    return first, Section(tr("What"), (_form(request, actor, chosen, problem),), half=True)


def _tested(actor: Actor, sent: Sent) -> Went:
    """Ask the target, with what is saved. It changes nothing there."""
    which = filled(sent, "target")
    found = publishing.test_target(actor, {}, which)
    told = tr("It answers and takes the credential.") if found["ok"] else tr("The test failed: {why}", why=said(found["words"]))
    return Went(told=told)


def _form(request: HttpRequest, actor: Actor, chosen: Row, problem: Problem | None) -> Form:
    sent, wrong = request.POST if request.method == "POST" else request.GET, problem.fields if problem is not None else {}
    pools = routing.list_pool_names(actor, Query(limit=_MOST, counted=False)).items
    form = (
        Field("target", "", "hidden", str(chosen["id"])),
        Field("pool", tr("All of a pool"), "select", sent.get("pool", ""),
              (("", tr("no pool: the credentials below")), *((str(each["name"]), str(each["name"])) for each in pools)),
              error=wrong.get("pool", "")),
        Field("credentials", tr("Credentials, by their names"), "textarea", _named(sent), error=wrong.get("credentials", ""),
              help=tr("Apart by commas, spaces or lines.")),
        Field("withdraw", tr("What is done"), "select", sent.get("withdraw", ""),
              (("", tr("they are published there")), ("yes", tr("they are taken away there")))),
    )  # fmt: skip
    told = tr("The target is read, and nothing is changed: a plan says what would be.")
    return Form(tr("Make a plan"), "plan", form, text=told)


def _called(target: Row) -> str:
    """A target's name and label, and what stands against publishing there."""
    state = "" if target["state"] == "ready" else f"({words.name(words.TARGETS, target['state'])})"
    return " ".join(each for each in (target["name"], target["label"], state) if each)


def _named(sent: Any) -> str:
    return "\n".join(sent.getlist("credentials"))


def _planned(actor: Actor, sent: Sent) -> Went:
    chosen = {"pool": filled(sent, "pool")} if filled(sent, "pool") else {"credentials": lines(sent, "credentials")}
    row = publishing.make_plan(actor, {"target": filled(sent, "target"), "withdraw": bool(filled(sent, "withdraw")), **chosen})
    return Went(f"/publish/{row['id']}")


def _plans(actor: Actor) -> Any:
    """The last ones."""
    columns = (
        Column(tr("Plan"), lambda row: Cell(counted(row) or tr("nothing to do"), f"/publish/{row['id']}", note=row["pool"])),
        Column(tr("Target"), lambda row: Cell(row["target_name"], f"/targets/{row['target']}")),
        Column(tr("State"), lambda row: words.state(words.PUBLISH_PLANS, row["state"])),
        Column(tr("Made"), lambda row: moment(row["created_at"])),
    )
    return lists.plain(columns, publishing.list_plans(actor, Query(limit=_LAST, counted=False)).items, tr("None yet."))


def counted(row: Row) -> str:
    """How many of each step a plan has."""
    return ", ".join(f"{words.name(words.PUBLISHING, each)}: {number}" for each, number in row["counts"].items() if number)


def plan(request: HttpRequest, which: str) -> HttpResponse:
    """One plan: its steps, and the yes to it."""
    actor = me(request)
    done = posted(request, {"apply": lambda actor, sent: _applied(actor, which, sent)})
    if isinstance(done, HttpResponse):
        return done
    row = publishing.get_plan(actor, which)
    target = publishing.get_target(actor, row["target"])
    sections = [
        Section("", (_facts(row, target), *(Note(words.told_as(each)) for each in row["notes"]))),
        *_approval(request, row, target),
        Section(tr("What would happen"), (_steps(request, actor, row),)),
    ]
    same = ((f"stationmaster publication publish --plan {row['id']}", f"POST /api/v1/publish-plans/{row['id']}/apply"),)
    title = tr("A plan for {target}", target=row["target_name"])
    return shown(request, Page(title, sections, tabs(request, ""), (), same, 0, done))


def _facts(row: Row, target: Row) -> Facts:
    found = [
        (tr("Target"), Cell(row["target_name"], f"/targets/{row['target']}")),
        (tr("The target"), standing(target)),
        (tr("Pool"), text(row["pool"])),
        (tr("State"), words.state(words.PUBLISH_PLANS, row["state"])),
        (tr("What would happen"), Cell(counted(row) or tr("nothing to do"))),
        (tr("Made"), moment(row["created_at"])),
    ]
    if row["job"]:
        found.append((tr("Job"), Cell(tr("its job"), f"/jobs/{row['job']}")))
    return Facts(tuple(found))


def _approval(request: HttpRequest, row: Row, target: Row) -> list[Section]:
    """The button, or why there is none."""
    if row["state"] != "made" or not any(number for each, number in row["counts"].items() if each != "skip"):
        return []
    if target["state"] != "ready":
        note = tr("The target has to be tested before anything is published there: `stationmaster target test {name}`",
                  name=target["name"])  # fmt: skip
        return [Section("", (Note(note, "busy"),))]
    if not may(request, "publications:apply"):
        return []
    return [Section("", (Form(tr("Publish it"), "apply", (Field("hash", "", "hidden", row["hash"]),), main=True),))]


def _applied(actor: Actor, which: str, sent: Sent) -> Went:
    job = publishing.apply_plan(actor, which, {"hash": filled(sent, "hash")})
    return Went(f"/jobs/{job['id']}", tr("{job} is queued.", job=words.name(words.KINDS, job["kind"])))


def _steps(request: HttpRequest, actor: Actor, row: Row) -> Any:
    columns = (
        Column(tr("Credential"), lambda step: Cell(step["name"], f"/credentials/{step['credential']}"), "name"),
        Column(tr("Step"), lambda step: words.state(words.PUBLISHING, step["action"]), "action"),
        Column(tr("What differs"), lambda step: text(fields(step["fields"]))),
        Column(tr("Why"), lambda step: text(words.told_as(step["sentence"]))),
    )
    choices = (Choice(tr("Step"), "action", words.options(words.PUBLISHING)),)
    shape = Shape(publishing.STEPS, columns, choices, empty=tr("There is nothing to do."))
    return lists.listed(request, lambda query: publishing.list_steps(actor, row["id"], query), shape)
