"""One plan: its steps and why, what it costs, who approved it, and what can be done with it. Owns that page."""

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, posted, whole
from stationmaster.entrances.console.pages.jobs.listing import named_rows
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape, by_id
from stationmaster.entrances.console.pages.names import Names, actor_cell, kind_of, of_operators, readable
from stationmaster.entrances.console.pages.parts import (
    NOTHING,
    Bar,
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
    code,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.seats import summary
from stationmaster.entrances.console.pages.seats.parts import tabs
from stationmaster.entrances.console.pages.seats.plans import new_link, plan_state
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.i18n import told, tr
from stationmaster.jobs import services as jobs
from stationmaster.phrases import said
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.planning.values import BY_HAND
from stationmaster.workspaces.planning.wording import change_of, costs, terms_said, to_do

_REFRESH: Final = 3  # seconds, while it is applied


def one(request: HttpRequest, which: str) -> HttpResponse:
    """Its steps with their reasons, what it costs, who approved it; and what can be done with it now."""
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = _row(me(request), which)
    title = tr("Plan for {workspaces}", workspaces=", ".join(row["workspaces"]))
    refresh = _REFRESH if row["state"] == "applying" else 0
    sections = _sections(request, row, done)
    return shown(request, Page(title, sections, tabs(request, ""), new_link(request), _same(row), refresh, done))


def _actions(which: str) -> Mapping[str, Action]:
    return {
        "approve": lambda actor, sent: _approved(actor, which, sent),
        "refuse": lambda actor, sent: _refused(actor, which, sent),
        "apply": lambda actor, sent: _applied(actor, which, sent),
        "tick": lambda actor, sent: _ticked(actor, which, sent),
    }


def _row(actor: Actor, which: str) -> Row:
    """The plan; why it ended, with names."""
    row = workspaces.get_plan(actor, which)
    return {**row, "why": readable(actor, [row["why"]])(row["why"])}


def _sections(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    actor = me(request)
    table = lists.listed(request, lambda query: workspaces.list_steps(actor, row["id"], query), _steps(request, row))
    reasons = workspaces.plan_reasons(actor, row["id"])
    return [
        Section("", (summary.tiles(row, reasons), _facts(actor, row), *_told(row)), "facts"),
        *_decisions(request, row, problem),
        *_jobs(actor, row),
        *summary.why(row, reasons),
        Section(tr("Steps"), (table,), "steps"),
    ]


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    """What can be done with it in its state."""
    which = row["id"]
    acts = {"open": ("approve", "refuse"), "approved": ("apply", "refuse")}.get(row["state"], ()) if to_do(row) else ()
    more = {"refuse": " --reason WHY"}
    found = [(f"stationmaster plan show {which}", f"GET /api/v1/plans/{which}/steps")]
    found += [(f"stationmaster plan {act} {which}{more.get(act, '')}", f"POST /api/v1/plans/{which}/{act}") for act in acts]
    if row["state"] == "applying" and row["counts"].get(BY_HAND):
        found.append((f"stationmaster plan tick {which} STEP", f"POST /api/v1/plans/{which}/tick"))
    return tuple(found)


def _approved(actor: Actor, which: str, sent: Sent) -> Went:
    row = workspaces.approve_plan(actor, which, {"hash": sent.get("hash", "")})
    return Went(told=tr("Approved.") if row["state"] == "approved" else tr("Approved; it takes somebody else's approval too."))


def _refused(actor: Actor, which: str, sent: Sent) -> Went:
    workspaces.refuse_plan(actor, which, {"reason": sent.get("reason", "")})
    return Went(told=tr("Refused."))


def _applied(actor: Actor, which: str, sent: Sent) -> Went:
    workspaces.apply_plan(actor, which, {name: whole(sent, name) for name in ("concurrency", "item_retries")})
    return Went(told=tr("It is being done, by a job for each workspace."))


def _ticked(actor: Actor, which: str, sent: Sent) -> Went:
    asked = {"step": whole(sent, "step"), "item": whole(sent, "item"), "done": sent.get("done") == "true"}
    row = workspaces.tick_step(actor, which, asked)
    return Went(told=tr("Noted: {name}.", name=row["name"]))


def _facts(actor: Actor, row: Row) -> Facts:
    names = of_operators(actor, [row["made_by"], *(each["by"] for each in row["approvals"])])
    approvals = tuple(_approval(each, names) for each in row["approvals"])
    return Facts(
        (
            (tr("State"), plan_state(row)),
            (tr("Costs a cycle more"), text(costs(row) or (tr("not known") if row["terms"] else ""))),
            (tr("Made by"), actor_cell(kind_of(row["made_by"]), row["made_by"], names)),
            (tr("Made"), moment(row["created_at"])),
            (tr("Approved by"), Cell(many=approvals) if approvals else NOTHING),
            (tr("Note"), text(said(row["note"]))),
            (tr("Hash of what was looked at"), code(row["hash"][:16])),
        )
    )


def _approval(given: Row, names: Names) -> Cell:
    return Cell(f"{actor_cell(kind_of(given['by']), given['by'], names).text}, {moment(given['at']).text}")


def _told(row: Row) -> tuple[Note, ...]:
    notes = []
    if not to_do(row):
        notes.append(Note(tr("There is nothing to do: everybody is where they should be, or what keeps them is said below.")))
    if row["second_approval"] and row["state"] == "open":
        why = ", ".join(words.name(words.GUARDS, each) for each in row["second_approval"])
        notes.append(Note(tr("It takes two approvals, by different people: {why}.", why=why), "busy"))
    notes += [Note(f"{name}: {said}", "busy") for name, said in terms_said(row)]
    return tuple(notes)


def _decisions(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    """The buttons that its state, and whoever looks, allow."""
    forms: list[Form | Note] = []
    if row["state"] == "open" and to_do(row) and may(request, "plans:approve"):
        forms.append(_approval_of(me(request), row))
    if row["state"] == "approved" and may(request, "plans:apply"):
        forms.append(Form(tr("Apply it"), "apply", _pace(request), text=summary.comes_to(row)))
    if row["state"] in ("open", "approved") and to_do(row) and may(request, "plans:refuse"):
        forms.append(_refusal(request, problem))
    return [Section(tr("What to do with it"), forms)] if forms else []


def _approval_of(actor: Actor, row: Row) -> Form | Note:
    """The approval of exactly what is shown, which its hash stands for; whoever gave theirs waits for somebody else."""
    if not workspaces.may_approve(actor, row):
        return Note(tr("You approved it. It waits for the approval of somebody else."), "busy")
    words_ = tr("Approve it, second") if row["approvals"] else tr("Approve it")
    return Form(words_, "approve", (Field("hash", "", "hidden", row["hash"]),), text=summary.comes_to(row))


def _pace(request: HttpRequest) -> tuple[Field, ...]:
    return (
        Field("concurrency", tr("People of a workspace at a time"), "number", request.POST.get("concurrency", "4")),
        Field("item_retries", tr("Tries for each person"), "number", request.POST.get("item_retries", "3")),
    )


def _refusal(request: HttpRequest, problem: Problem | None) -> Form:
    wrong = problem.fields.get("reason", "") if problem else ""
    why = Field("reason", tr("Why"), value=request.POST.get("reason", ""), needed=True, error=wrong)
    return Form(tr("Refuse it, for good"), "refuse", (why,), danger=True, folded=tr("Refuse it …"))


def _jobs(actor: Actor, row: Row) -> list[Section]:
    """How far its jobs are."""
    found = named_rows(actor, list(by_id(lambda query: jobs.list_jobs(actor, query), list(row["jobs"].values())).values()))
    if not found:
        return []
    columns = (
        Column(tr("Workspace"), lambda job: Cell(job["place"].text, f"/jobs/{job['id']}")),
        Column(tr("State"), lambda job: words.state(words.JOBS, job["state"], note=job["sentence"])),
        Column(tr("Done"), lambda job: number(job["ok"]), number=True),
        Column(tr("Failed"), lambda job: number(job["failed"]), number=True),
        Column(tr("Left"), lambda job: number(job["left"]), number=True),
        Column("", _again),
    )
    return [Section(tr("Jobs"), (*map(_bar, found), lists.plain(columns, found)), "jobs")]


def _again(job: Row) -> Cell:
    """The way to trying again what failed; another plan for the same would ask for its approvals anew."""
    fails = job["failed"] and job["state"] in ("partial", "failed", "cancelled")
    return Cell(links=(Link(tr("See what failed, and try it again"), f"/jobs/{job['id']}"),)) if fails else Cell()


def _bar(job: Row) -> Bar:
    at = tr(
        "{workspace}: {done} of {total} done, {failed} failed", workspace=job["place"].text, failed=job["failed"],
        done=job["ok"] + job["skipped"], total=job["total"],
    )  # fmt: skip
    return Bar(job["total"] - job["left"], max(job["total"], 1), at)


def _steps(request: HttpRequest, row: Row) -> Shape:
    ticks = row["state"] == "applying" and may(request, "seats:update")
    columns = (
        Column(tr("Step"), lambda step: words.state(words.STEPS, step["kind"]), "kind"),
        Column(tr("Workspace"), lambda step: Cell(step["workspace"]), "workspace"),
        Column(tr("Who"), lambda step: text(step["name"], f"/people/{step['person']}" if step["person"] else "")),
        Column(tr("Change"), lambda step: text(change_of(step))),
        Column(tr("Why"), lambda step: _why(step, ticks), "reason"),
        Column(tr("Outcome"), lambda step: _outcome(step, ticks), "outcome"),
    )
    download = f"plans/{row['id']}/steps" if may(request, "plans:export") else ""
    return Shape(workspaces.STEPS, columns, _choices(row), tr("No steps."), download)


def _choices(row: Row) -> list[Choice]:
    """What its steps can be chosen by; by workspace only where there are several."""
    kinds = tuple((kind, words.name(words.STEPS, kind)) for kind in row["counts"])
    choices = [Choice(tr("Step"), "kind", kinds), Choice(tr("Outcome"), "outcome", words.options(words.OUTCOMES))]
    if len(row["workspaces"]) > 1:
        choices.append(Choice(tr("Workspace"), "workspace", tuple((name, name) for name in row["workspaces"])))
    return choices


def _why(step: Row, ticks: bool) -> Cell:
    """Why it is there; of a step that people do also how, line by line, each with its tick."""
    why = Cell(words.reason(step["reason"], step["facts"], step["sentence"]))
    if not step["checklist"]:
        return why
    open_ = ticks and not step["outcome"]
    return Cell(many=(why, *(_line(step, each, open_) for each in step["checklist"])))


def _line(step: Row, line: Row, ticks: bool) -> Cell:
    """One line of a checklist: what is to be done, and the button that ticks or unticks it."""
    done = line["ticked_at"] is not None
    said = told(line["text"], **line["facts"])
    fields = (
        Field("step", "", "hidden", str(step["id"])),
        Field("item", "", "hidden", str(line["item"])),
        Field("done", "", "hidden", "false" if done else "true"),
    )
    forms = (Form(tr("Untick") if done else tr("Tick"), "tick", fields),) if ticks else ()
    return Cell(f"{'☑' if done else '☐'} {said}", forms=forms)


def _outcome(step: Row, ticks: bool) -> Cell:
    if step["outcome"]:
        return words.state(words.OUTCOMES, step["outcome"], note=said(step["outcome_detail"]))
    if not ticks or step["kind"] != BY_HAND:
        return NOTHING
    which = Field("step", "", "hidden", str(step["id"]))
    return Cell(
        forms=(
            Form(tr("Done"), "tick", (which, Field("done", "", "hidden", "true"))),
            Form(tr("Left undone"), "tick", (which, Field("done", "", "hidden", "false"))),
        )
    )
