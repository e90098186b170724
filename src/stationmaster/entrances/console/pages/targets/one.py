"""One target: how it stands, what it holds of ours, testing, reading back, changing and removing it. Owns that page."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Sent, Went, posted, version
from stationmaster.entrances.console.pages.lists import Column, Shape
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Facts,
    Field,
    Form,
    Link,
    Page,
    Problem,
    Row,
    Section,
    flag,
    moment,
    text,
    texts,
)
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.form import Tried, fields_of, given_of, tested, tried_section
from stationmaster.entrances.console.pages.targets.parts import columns, kind_title, standing, tabs, to_be_known
from stationmaster.entrances.console.pages.targets.publications import withdrawn
from stationmaster.i18n import tr
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter

_REFRESH: Final = 5      # seconds, while a job of it runs


def one(request: HttpRequest, which: str) -> HttpResponse:
    """All that is known of it."""
    actor = me(request)
    tried = tested(request, lambda actor, given: publishing.test_target(actor, given, which), {})
    if isinstance(tried, HttpResponse):
        return tried
    done = None if tried is not None else posted(request, {
        "save": lambda actor, sent: _saved(actor, which, sent),
        "default": lambda actor, _: _made_default(actor, which),
        "read": lambda actor, _: _read(actor, which),
        "remove": lambda actor, sent: _removed(actor, which, sent),
        "withdraw": withdrawn,
    })  # fmt: skip
    if isinstance(done, HttpResponse):
        return done
    row = publishing.get_target(actor, which)
    running = any(job["state"] in ("queued", "running") for job in row["last_jobs"].values())
    sections = [
        Section("", (_facts(row), *_doing(request, row)), "facts"),
        tried_section(tried),
        Section(tr("What is published there"), (_published(request, actor, row),), "published"),
        Section(tr("Jobs"), (_jobs(row),), "jobs"),
        Section(tr("To be known of it"), to_be_known(row["kind"])),
        *_changing(request, row, done, tried),
        *_removing(request, row),
    ]
    links = (Link(tr("Publish here"), f"/publish?target={row['id']}", main=True),) if may(request, "publications:plan") else ()
    refresh = _REFRESH if running and tried is None else 0
    return shown(request, Page(row["name"], sections, tabs(request, ""), links, _same(row), refresh, done, tries=True))


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/targets/{row['id']}"
    return (
        (f"stationmaster target show {name}", f"GET {path}"),
        (f"stationmaster target test {name}", f"POST {path}/test"),
        (f"stationmaster publication read-back {name}", f"POST {path}/read-back"),
    )  # fmt: skip


def _facts(row: Row) -> Facts:
    holds = [Cell(f"{words.name(words.PUBLICATIONS, state)}: {number}") for state, number in row["counts"].items() if number]
    read = moment(row["read_at"], tr("not yet"))
    found = [Cell(f"{words.name(words.SEEN, state)}: {number}") for state, number in row["seen"].items() if number]
    rows = [
        (tr("State"), standing(row)),
        (tr("Kind"), Cell(kind_title(row["kind"]), note=row["version"])),
        (tr("What people call it"), text(row["label"])),
        (tr("Address"), text(row["base_url"])),
        (tr("Admin's credential"), Cell(tr("stored") if row["secret_set"] else tr("none"), note=row["user"])),
        (tr("Tested"), moment(row["tested_at"], tr("not yet"))),
        (tr("Read back"), Cell(read.text, note=row["read_words"], title=read.title)),
        (tr("Default"), flag(row["default"])),
        (tr("Holds"), Cell(many=tuple(holds)) if holds else text("")),
        (tr("As read back"), Cell(many=tuple(found)) if found else text("")),
        (tr("Models"), texts(row["models"]) if row["models"] else Cell(tr("every model"))),
        (tr("Groups"), texts([*row["groups"], *row["group_names"]])),
    ]
    return Facts(tuple(rows))


def _doing(request: HttpRequest, row: Row) -> list[Form]:
    """What takes no more than a button."""
    found = []
    if may(request, "targets:test"):
        found.append(Form(tr("Test connection"), "test", main=row["state"] == "untested"))
    if may(request, "publications:check"):
        found.append(Form(tr("Read it back"), "read"))
    if may(request, "targets:update") and not row["default"]:
        found.append(Form(tr("Make it the default"), "default"))
    return found


def _published(request: HttpRequest, actor: Actor, row: Row) -> Any:
    shape = Shape(
        publishing.PUBLICATIONS, columns(request, target=False), fixed=(Filter("target", "eq", row["id"]),),
        empty=tr("Nothing yet. Choose credentials or a pool, look at the plan, and approve it: "
                 "`stationmaster publication publish`"),
    )  # fmt: skip
    return lists.listed(request, lambda query: publishing.list_publications(actor, query), shape)


def _jobs(row: Row) -> Any:
    shown_ = (
        Column(tr("Job"), lambda job: Cell(words.name(words.KINDS, job["kind"]), f"/jobs/{job['id']}")),
        Column(tr("State"), lambda job: words.state(words.JOBS, job["state"], note=job["sentence"])),
        Column(tr("Begun"), lambda job: moment(job["created_at"])),
        Column(tr("Ended"), lambda job: moment(job["ended_at"])),
    )
    return lists.plain(shown_, list(row["last_jobs"].values()), tr("None ran yet."))


def _changing(request: HttpRequest, row: Row, problem: Problem | None, tried: Tried | None) -> list[Section]:
    if not may(request, "targets:update"):
        return []
    wrong = problem.fields if problem is not None else tried.fields if tried is not None else {}
    fields = (*fields_of(request.POST if "base_url" in request.POST else None, row["kind"], wrong, row),
              Field("revision", "", "hidden", str(row["revision"])))  # fmt: skip
    besides = (("test", tr("Test connection")),) if may(request, "targets:test") else ()
    return [Section(tr("Change it"), (Form(tr("Save"), "save", fields, besides=besides),))]


def _removing(request: HttpRequest, row: Row) -> list[Section]:
    if not may(request, "targets:delete"):
        return []
    fields = (
        Field("forget", tr("Leave there what was published, and forget it"), "checkbox"),
        Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),
    )
    told = tr("One that still holds something of ours is removed once that is withdrawn, or forgotten.")
    return [Section(tr("Remove it"), (Form(tr("Remove"), "remove", fields, text=told, danger=True),))]


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    publishing.update_target(actor, which, given_of(sent), version(sent))
    return Went(told=tr("Saved."))


def _made_default(actor: Actor, which: str) -> Went:
    publishing.update_target(actor, which, {"default": True})
    return Went(told=tr("Saved."))


def _read(actor: Actor, which: str) -> Went:
    return Went(f"/jobs/{publishing.read_back(actor, which)['id']}", tr("A job looks what became of what was published."))


def _removed(actor: Actor, which: str, sent: Sent) -> Went:
    publishing.delete_target(actor, which, forget="forget" in sent)
    return Went("/targets", tr("It is removed."))
