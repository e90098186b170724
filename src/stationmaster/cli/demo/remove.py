"""`stationmaster demo remove`. Owns: which things are the demo's, and the order in which they can go.

They are those that the audit trail says the demo made: a thing of the same name that somebody else made stays.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from stationmaster import i18n
from stationmaster.cli.config import File, settings_of
from stationmaster.cli.demo import setting
from stationmaster.cli.demo.folder import folder_of
from stationmaster.cli.desk import Asked, Desk
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import TokenFile, Url, Where, has_store, opened, url_of
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import PENDING, Output, Yes, confirm, every
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr, trn

_NOUNS = ("keys", "routes", "pools", "targets", "credentials", "workspaces", "addresses")     # those that others need come later
_DEFAULT = "gateway.default_pool"


class Thing(NamedTuple):
    """One of the demo's things: its noun, its id, how people know it."""

    noun: str
    id: str
    name: str


def remove(
    config: File = None,
    data: Annotated[Path | None, typer.Option("--data", help="The data folder.", show_default="the demo's")] = None,
    url: Url = None,
    token_file: TokenFile = None,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would go; exit 10 if there is anything.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Take away what the demo made, all of it or nothing: the rest stays."""
    folder = None if url_of(url) else _looked_in(config, data)
    with opened(Where(config, folder or data, url, token_file)) as desk:
        found = list(things(desk))
        rows = ({"noun": each.noun, "name": each.name, "id": each.id} for each in found)
        if found or output is not Format.TABLE:
            columns = {name: name for name in ("noun", "name", "id")}
            print_rows(rows, columns, output, under="removed", beside={"schema_version": 1, "dry_run": dry_run})
        if not found:
            say(_nothing(folder))
        elif dry_run:
            raise typer.Exit(PENDING)
        else:
            confirm(trn("Take this away?", "Take these {number} things away?", len(found)), yes)
            take_away(desk, found)
            say(tr("Done. Admins, the audit trail and the data folder stay."))


def _looked_in(config: Path | None, data: Path | None) -> Path:
    """The folder whose demo is meant. Raises `StationmasterError` when there is none in it."""
    folder = folder_of(config, data)
    settings = settings_of(config, folder)
    i18n.use(settings.ui.language)
    if not has_store(settings):
        hint = "a demo that was started with --data DIR is in DIR: name that with --data"
        raise StationmasterError("error.usage.no_demo", f"there is no demo in the folder {folder}", hint=hint)
    return folder


def _nothing(folder: Path | None) -> str:
    if folder is None:
        return tr("There is nothing of the demo here.")
    return tr("There is nothing of the demo in the folder {folder}. A demo that was started with --data DIR is in DIR: name that "
              "with --data.", folder=folder)  # fmt: skip


def things(desk: Desk) -> Iterator[Thing]:
    """What of the demo is there, in an order in which it can go."""
    made = {row["subject"] for row in every(desk, "audit", Asked(filters=(f"actor:eq:{setting.ACTOR}",)))
            if row["actor_kind"] == "system" and row["action"] in ("create", "set")}  # fmt: skip
    default = desk.setting(_DEFAULT)
    if _DEFAULT in made and default["value"] in setting.POOLS and default["origin"] == "stored":
        yield Thing("settings", _DEFAULT, _DEFAULT)
    for noun in _NOUNS:
        for row in every(desk, noun):
            if row["id"] in made:
                yield Thing(noun, row["id"], row.get("name") or ", ".join(row["models"]))


def take_away(desk: Desk, found: list[Thing]) -> None:
    """Delete them. Raises `StationmasterError` when something that is not the demo's still needs one; over REST those before
    it are gone then, on this machine none."""
    with desk.together():
        for thing in found:
            if thing.noun == "settings":
                desk.clear_setting(thing.id)
            elif thing.noun == "targets":
                desk.act(thing.noun, thing.id, "forget", {})      # what was published there goes with the simulation
            else:
                desk.delete(thing.noun, thing.id)
