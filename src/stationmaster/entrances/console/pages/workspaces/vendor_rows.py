"""What was last read of a workspace's vendor: members, invitations, projects, keys, limits. Owns those lists."""

from dataclasses import replace
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Choice, Column, Shape
from stationmaster.entrances.console.pages.names import of_people, person
from stationmaster.entrances.console.pages.parts import (
    Cell,
    Note,
    Page,
    Row,
    Section,
    flag,
    moment,
    number,
    text,
)
from stationmaster.entrances.console.pages.showing import me, shown
from stationmaster.entrances.console.pages.workspaces.listing import of_one
from stationmaster.i18n import tr
from stationmaster.store.actor import Actor
from stationmaster.workspaces import services as workspaces


def rows_of(request: HttpRequest, which: str, name: str) -> HttpResponse:
    """What was last read of its vendor, as a list."""
    actor = me(request)
    row = workspaces.get_workspace(actor, which)
    columns = _COLUMNS.get(name, lambda: ())()
    table = lists.listed(
        request,
        lambda query: workspaces.list_listed(actor, which, name, query),
        Shape(
            workspaces.LISTED.get(name, workspaces.LISTED["members"]),
            columns,
            _CHOICES.get(name, lambda: ())(),
            tr("Nothing was read. `stationmaster workspace run {name} reconcile` reads it now.", name=row["name"]),
            besides=lambda rows: _with_names(actor, rows),
        ),
    )
    why = row["unread"].get(name)
    parts = (*((Note(tr("This could not be read: {why}", why=why), "bad"),) if why else ()), table)
    return shown(
        request,
        Page(
            f"{row['name']}: {words.name(words.LISTED, name)}",
            (Section("", parts),),
            of_one(row, name),
            (),
            ((f"stationmaster workspace listed {row['name']} {name}", f"GET /api/v1/workspaces/{row['id']}/listed/{name}"),),
        ),
    )


def _with_names(actor: Actor, rows: list[Row]) -> list[Row]:
    names = of_people(actor, [row["person"] for row in rows if row.get("person")])
    return [{**row, "who": person(row, names)} if "person" in row else row for row in rows]


def whose(row: Row) -> Cell:
    """Whose a member or an invitation is, and what contradicts that."""
    if row["conflict"] == "several":
        return Cell(tr("several could be meant"), tone="bad")
    found: Cell = row["who"]
    if row["conflict"] == "another":
        return replace(found, note=tr("was another person's before"), tone="bad")
    return replace(found, note=tr("is called otherwise here")) if row["conflict"] else found


def _who() -> tuple[Column, ...]:
    return (
        Column(tr("The vendor knows"), lambda row: Cell(row["email"] or row["login"], note=row.get("name", "")), "email"),
        Column(tr("Person"), whose),
        Column(tr("Role"), lambda row: text(row["role"]), "role"),
    )


def _members() -> tuple[Column, ...]:
    return (
        *_who(),
        Column(tr("Licence"), lambda row: flag(row["has_seat"])),
        Column(tr("Last active"), lambda row: moment(row["last_active_at"], tr("no activity reported"))),
        Column(tr("Since"), lambda row: moment(row["added_at"])),
        _missed(),
    )


def _invites() -> tuple[Column, ...]:
    return (
        *_who(),
        Column(tr("State"), lambda row: text(row["status"]), "status"),
        Column(tr("Invited"), lambda row: moment(row["invited_at"])),
        Column(tr("Until"), lambda row: moment(row["expires_at"])),
        _missed(),
    )


def _missed() -> Column:
    return Column(tr("Missed"), lambda row: number(row["missed"]), "missed", number=True)


_COLUMNS: Final[dict[str, Any]] = {
    "members": _members,
    "invites": _invites,
    "projects": lambda: (
        Column(tr("Project"), lambda row: Cell(row["name"], note=row["id"]), "name"),
        Column(tr("Archived"), lambda row: flag(row["archived"], good=False), "archived"),
        Column(tr("Default"), lambda row: flag(row["default"], good=False), "default"),
        _missed(),
    ),
    "keys": lambda: (
        Column(tr("Key"), lambda row: Cell(row["name"], note=row["hint"]), "name"),
        Column(tr("Project"), lambda row: text(row["project"]), "project"),
        Column(tr("Owner"), lambda row: text(row["owner"]), "owner"),
        Column(tr("State"), lambda row: text(row["status"]), "status"),
        Column(tr("Last used"), lambda row: moment(row["last_used_at"])),
        Column(tr("Until"), lambda row: moment(row["expires_at"])),
    ),
    "limits": lambda: (
        Column(tr("Project"), lambda row: text(row["project"]), "project"),
        Column(tr("Model"), lambda row: text(row["model"]), "model"),
        Column(tr("Requests a minute"), lambda row: number(row["requests_per_minute"]), number=True),
        Column(tr("Tokens a minute"), lambda row: number(row["tokens_per_minute"]), number=True),
    ),
}


_CHOICES: Final[dict[str, Any]] = {
    "members": lambda: (
        Choice(tr("Person"), "conflict", (
            ("several", tr("several could be meant")), ("another", tr("was another person's before")),
            ("renamed", tr("is called otherwise here")),
        )),
        Choice(tr("Licence"), "has_seat", (("true", tr("yes")), ("false", tr("no")))),
    ),
    "invites": lambda: (Choice(tr("State"), "status", tuple((each, each) for each in ("pending", "expired", "accepted"))),),
}
