"""One credential: how it stands and stood, its secrets one after another, and everything that can be done to it. Owns that
page."""

from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.acting import Action, Sent, Went, filled, posted, version, whole
from stationmaster.entrances.console.pages.credentials import course
from stationmaster.entrances.console.pages.credentials import sources as credential_source
from stationmaster.entrances.console.pages.credentials.parts import end, generation, health, tabs
from stationmaster.entrances.console.pages.lists import Column
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
    Table,
    code,
    flag,
    moment,
    text,
)
from stationmaster.entrances.console.pages.routing.shared import requests_of
from stationmaster.entrances.console.pages.showing import may, me, shown
from stationmaster.entrances.console.pages.targets.parts import columns
from stationmaster.entrances.console.pages.targets.publications import withdrawn
from stationmaster.i18n import tr
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import Query

_REFRESH: Final = 5      # seconds, while it is rotated
_LIFE: Final = ("lifetime_days", "rotate_days", "keep_hours", "warn_days")


def one(request: HttpRequest, which: str) -> HttpResponse:
    """All that is known of it."""
    actor = me(request)
    done = posted(request, _actions(which))
    if isinstance(done, HttpResponse):
        return done
    row = credentials.get_credential(actor, which)
    events = credentials.list_history(actor, which, Query(limit=50, counted=False)).items
    rotated = any(each["state"] in ("minting", "minted", "probed", "draining") for each in row["generations"])
    sections = [
        Section("", (_facts(row), *_doing(request, row)), "facts"),
        Section(tr("The last requests that failed"), (course.errors(actor, row),)),
        Section(tr("Its secrets, one after another"), (course.rotation(row), _generations(request, row)), "generations"),
        Section(tr("How it stood"), (lists.plain(_history(), events, tr("No gateway has spoken of it yet.")),)),
        *_copies(request, actor, row),
        *credential_source.sections(request, actor, row, done),
        *_changing(request, row, done),
        *_ending(request, row),
    ]
    publish = f"/publish?{urlencode({'credentials': row['name']})}"
    publishing_it = (Link(tr("Publish it"), publish),) if may(request, "publications:plan") and row["secret_set"] else ()
    links = (Link(tr("Its requests"), requests_of("credential", row["name"])), *publishing_it)
    return shown(request, Page(row["name"], sections, tabs(request, ""), links, _same(row), _REFRESH if rotated else 0, done,
                               state=health(row), trail=(Link(tr("Credentials"), "/credentials"),)))  # fmt: skip


def _same(row: Row) -> tuple[tuple[str, str], ...]:
    name, path = row["name"], f"/api/v1/credentials/{row['id']}"
    return (
        (f"stationmaster credential show {name}", f"GET {path}"),
        (f"stationmaster credential history {name}", f"GET {path}/history"),
        (f"stationmaster credential rotate {name}", f"POST {path}/rotate"),
        (f"stationmaster credential revoke {name}", f"POST {path}/revoke"),
    )  # fmt: skip


def _facts(row: Row) -> Facts:
    seen = row["organisation_seen"]
    differs = bool(seen and row["organisation"] and seen != row["organisation"])
    probed = flag(row["probe_ok"]) if row["probe_ok"] is not None else Cell(tr("never"), tone="off")
    facts = [
        (tr("Health"), health(row)),
        (tr("Since"), moment(row["health_at"])),
        (tr("Tried again"), course.again(row)),
        (tr("Vendor"), text(row["vendor"])),
        (tr("Organisation"), Cell(row["organisation"] or seen, note=tr("the vendor says {seen}", seen=seen) if differs else "")),
        (tr("Address"), text(row["base_url"])),
        (tr("Works, as its vendor said"), Cell(probed.text, note=row["probe_words"], tone=probed.tone)),
        (tr("Probed"), moment(row["probed_at"])),
        (tr("Secret"), Cell(tr("number {number}", number=row["generation"]) if row["secret_set"] else tr("none"))),
        (tr("Since"), moment(row["secret_since"])),
        (tr("Ends"), end(row)),
        (tr("Minted in"), text(row["project"])),
        (tr("Rotated every"), Cell(tr("{number} days", number=row["rotate_days"])) if row["rotate_days"] else text("")),
    ]
    if row["incoming"]:
        coming = tr("number {number}, with {share} % of the sessions", number=row["incoming"], share=row["share"])
        facts.append((tr("Coming in"), Cell(coming, tone="busy")))
    if row["job"]:
        facts.append((tr("Job"), Cell(words.name(words.KINDS, "rotate"), f"/jobs/{row['job']}", tone="busy")))
    if row["override"]:
        facts.append((tr("Held by hand until"), moment(row["override_until"], tr("it is taken back"))))
    return Facts(tuple(facts))


def _doing(request: HttpRequest, row: Row) -> list[Form | Note]:
    """What takes no more than a button."""
    found: list[Form | Note] = []
    if may(request, "credentials:probe") and row["secret_set"]:
        found.append(Form(tr("Probe it"), "probe"))
    if may(request, "credentials:rotate"):
        if row["secret_set"] and row["project"] and row["workspace"]:
            found.append(Form(tr("Rotate it"), "rotate"))
        elif row["secret_set"]:
            why = tr("No button rotates it: it does not say in which workspace and project its keys are made. Paste another one "
                     "below, or give it a source.")  # fmt: skip
            found.append(Note(why))
        if row["incoming"] or any(each["state"] in ("draining", "kept") and each["secret_set"] for each in row["generations"]):
            found.append(Form(tr("Go back to the secret before"), "rollback"))
    if may(request, "credentials:mint") and not row["secret_set"] and row["project"]:
        found.append(Form(tr("Have a key made"), "mint"))
    return found


def _generations(request: HttpRequest, row: Row) -> Table:
    marking = may(request, "credentials:revoke")

    def forms(each: Row) -> tuple[Form, ...]:
        hidden = (Field("generation", "", "hidden", str(each["number"])),)
        if each["state"] != "kept" or each["cause"] == "revoking" or not marking:
            return ()
        if each["cause"] == "by_hand":
            return (Form(tr("I revoked it"), "revoked", hidden),)
        return (Form(tr("Revoke it now"), "revoke_kept", danger=True),)

    columns = (
        Column(tr("Slot number"), lambda each: Cell(str(each["number"]))),
        Column(tr("State"), generation),
        Column(tr("Since"), lambda each: moment(each["since"])),
        Column(tr("From"), lambda each: Cell(words.name(words.ORIGINS, each["origin"]))),
        Column(tr("The vendor's id"), lambda each: code(each["vendor_key"] or each["service_account"])),
        Column(tr("Ends"), lambda each: moment(each["expires_at"])),
        Column(tr("Kept until"), lambda each: moment(each["keep_until"])),
        Column("", lambda each: Cell(forms=forms(each))),
    )
    return lists.plain(columns, row["generations"], tr("The first one serves."))


def _history() -> tuple[Column, ...]:
    return (
        Column(tr("When"), lambda event: moment(event["at"])),
        Column(tr("State"), lambda event: words.state(words.HEALTH, event["state"], note=event["words"])),
        Column(tr("Why"), lambda event: Cell(words.name(words.CAUSES, event["cause"]), note=event["code"])),
        Column(tr("Secret"), lambda event: text(event["generation"] or "")),
        Column(tr("Who says so"), lambda event: Cell(event["gateway"] or tr("the vendor, when we asked"))),
    )


def _copies(request: HttpRequest, actor: Actor, row: Row) -> list[Section]:
    """Where it is published, and the way to publish it."""
    if not may(request, "publications:read"):
        return []
    table = lists.plain(columns(request, credential=False), publishing.copies_of(actor, row["id"]), tr("Nowhere."))
    return [Section(tr("Where it is published"), (table,), "copies")]


def _changing(request: HttpRequest, row: Row, problem: Problem | None) -> list[Section]:
    wrong = problem.fields if problem is not None else {}
    found = []
    if may(request, "credentials:rotate") and row["secret_set"]:
        steps = [Note(f"{number}. {words.told_as(step)}") for number, step in enumerate(credentials.steps_of(row["vendor"]), 1)]
        fields = (
            Field("secret", tr("Secret"), "password", error=wrong.get("secret", ""), needed=True),
            Field("expires_at", tr("Ends"), error=wrong.get("expires_at", "")),
        )
        found.append(Section(tr("Paste the next secret"), (*steps, Form(tr("Bring it in"), "paste", fields))))
    if may(request, "credentials:update"):
        numbers = (*(Field(name, _label(name), "number", str(row[name]), error=wrong.get(name, "")) for name in _LIFE),
                  Field("revision", "", "hidden", str(row["revision"])))  # fmt: skip
        found.append(Section(tr("How long, how often"), (Form(tr("Save"), "save", numbers),)))
    if may(request, "credentials:hold"):
        options = (("", tr("gateways decide")), ("in", tr("in service")), ("out", tr("out of service")))
        held = (
            Field("state", tr("State"), "select", row["override"], options),
            Field("until", tr("Until"), error=wrong.get("until", ""),
                  help=tr("A time like 2027-01-31T18:00:00Z; empty: until it is taken back.")),
            Field("reason", tr("Why"), value=row["override_reason"]),
        )
        found.append(Section(tr("Hold it in or out of service"), (Form(tr("Save"), "override", held),)))
    return found


def _label(name: str) -> str:
    labels = {
        "lifetime_days": tr("New keys are valid for so many days; 0: for ever"),
        "rotate_days": tr("Rotate it so often, in days; 0: never by itself"),
        "keep_hours": tr("Keep the secret before as the way back, in hours"),
        "warn_days": tr("Tell of its end so many days ahead"),
    }
    return labels[name]


def _ending(request: HttpRequest, row: Row) -> list[Section]:
    if not may(request, "credentials:revoke"):
        return []
    fields = (
        Field("reason", tr("Why")),
        Field("sure", tr("Yes, {name}", name=row["name"]), "checkbox", needed=True),
    )
    told = tr("For a leak: every gateway drops it at once, its keys are revoked at the vendor, and published copies are "
              "withdrawn.")  # fmt: skip
    return [Section(tr("Revoke it now"), (Form(tr("Revoke now"), "revoke", fields, text=told, danger=True),))]


def _actions(which: str) -> dict[str, Action]:
    return {
        "probe": lambda actor, _: _job(credentials.probe_credential(actor, which, {})),
        "rotate": lambda actor, _: _job(credentials.rotate_credential(actor, which, {})),
        "paste": lambda actor, sent: _job(credentials.rotate_credential(
            actor, which, {"secret": filled(sent, "secret"), "expires_at": filled(sent, "expires_at")})),
        "mint": lambda actor, _: _job(credentials.mint_credential(actor, which, {})),
        "rollback": lambda actor, _: _rolled_back(actor, which),
        "revoke": lambda actor, sent: _job(credentials.revoke_credential(actor, which, {"reason": filled(sent, "reason")})),
        "revoke_kept": lambda actor, _: _job(credentials.revoke_kept(actor, which, {})),
        "revoked": lambda actor, sent: _marked(actor, which, sent),
        "save": lambda actor, sent: _saved(actor, which, sent),
        "withdraw": withdrawn,
        **credential_source.actions(which),
        "override": lambda actor, sent: _held(actor, which, sent),
    }  # fmt: skip


def _job(job: Row) -> Went:
    return Went(f"/jobs/{job['id']}", tr("{job} is queued.", job=words.name(words.KINDS, job["kind"])))


def _rolled_back(actor: Actor, which: str) -> Went:
    credentials.roll_back(actor, which, {})
    return Went(told=tr("The secret before serves."))


def _marked(actor: Actor, which: str, sent: Sent) -> Went:
    credentials.mark_revoked(actor, which, {"generation": whole(sent, "generation")})
    return Went(told=tr("Noted."))


def _saved(actor: Actor, which: str, sent: Sent) -> Went:
    credentials.update_credential(actor, which, {name: whole(sent, name) or 0 for name in _LIFE}, version(sent))
    return Went(told=tr("Saved."))


def _held(actor: Actor, which: str, sent: Sent) -> Went:
    fields = {"state": filled(sent, "state"), "until": filled(sent, "until"), "reason": filled(sent, "reason")}
    credentials.override_credential(actor, which, fields)
    return Went(told=tr("Saved."))
