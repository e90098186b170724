"""Publishing, step by step: what and where, the plan of it, approval. Owns those pages; the job's page follows."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.api import asking
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, filled, lines, posted
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.parts import Cell, Facts, Field, Form, Note, Page, Problem, Row, Section, moment, text
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.parts import fields, standing, tabs
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
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
    done = posted(request, {"plan": _planned})
    if isinstance(done, HttpResponse):
        return done
    asking.known_only(request, _ASKED, ("credentials",))
    targets = publishing.list_targets(actor, Query(sort="name", limit=_MOST, counted=False)).items
    first = (_form(request, actor, targets, done),) if targets else (Note(tr(
        "There is no target yet. Add the gateway that credentials should be published into: "
        "`stationmaster target create NAME --kind crs`")),)  # fmt: skip
    sections = (Section("", first), Section(tr("Plans that were made"), (_plans(actor),)))
    same = (("stationmaster publication plan --pool NAME", "POST /api/v1/publish-plans"),)
    return shown(request, Page(tr("Publish"), sections, tabs(request, "/publish"), (), same, 0, done))


def _form(request: HttpRequest, actor: Actor, targets: list[Any], problem: Problem | None) -> Form:
    sent, wrong = request.POST if request.method == "POST" else request.GET, problem.fields if problem is not None else {}
    pools = routing.list_pools(actor, Query(limit=_MOST, counted=False)).items
    usual = next((str(each["id"]) for each in targets if each["default"]), "")
    where = tuple((str(each["id"]), _called(each)) for each in targets if not each["disabled"])
    form = (
        Field("target", tr("Target"), "select", sent.get("target") or usual, where, error=wrong.get("target", "")),
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
