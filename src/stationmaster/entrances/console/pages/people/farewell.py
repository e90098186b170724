"""What plans would do when somebody leaves, before they do. Owns that section of the page on which it is said that they left."""

from django.http import HttpRequest

from stationmaster.entrances.console.pages import lists, words
from stationmaster.entrances.console.pages.lists import Column
from stationmaster.entrances.console.pages.parts import Cell, Note, Row, Section, text
from stationmaster.entrances.console.pages.showing import may, me
from stationmaster.i18n import tr
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.planning.wording import change_of


def steps(request: HttpRequest, row: Row) -> list[Section]:
    """Each step about them, in which workspace and why; what is done by hand, or not at all, stands among them."""
    if not row["active"] or not may(request, "seats:read"):
        return []
    columns = (
        Column(tr("Workspace"), lambda step: Cell(step["workspace"])),
        Column(tr("Step"), lambda step: words.state(words.STEPS, step["kind"])),
        Column(tr("Change"), lambda step: text(change_of(step))),
        Column(tr("Why"), lambda step: Cell(words.reason(step["reason"], step["facts"], step["sentence"]))),
    )
    why = tr("Reckoned as plans are, with them out of the company. Each is done by a job once a plan is approved and applied, or "
             "by itself where the workspace's policy says so; the job tells what became of each.")  # fmt: skip
    kept = tr("Vendor credentials stay in service: they belong to the company. Rotate one that they knew.")
    empty = tr("No plan has anything to do about them.")
    found = workspaces.preview_leaving(me(request), row["id"])
    return [Section(tr("What plans will do"), (Note(why), lists.plain(columns, found, empty), Note(kept)))]
