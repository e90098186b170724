"""What imports of people and of older setups share. Owns: taking a file from a browser, how its state reads, how far its job is,
and the columns, facts and forms that both have.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.lists import Choice, Column
from stationmaster.entrances.console.pages.parts import (
    Bar,
    Cell,
    Facts,
    Field,
    Form,
    Note,
    Part,
    Row,
    Section,
    moment,
    number,
    text,
)
from stationmaster.errors import Invalid
from stationmaster.i18n import tr, trn
from stationmaster.jobs import services as jobs
from stationmaster.store.actor import Actor

REFRESH: Final = 3  # seconds, while it runs
_ENCODINGS: Final = ("", "utf-8", "utf-16", "gb18030", "latin-1")


def uploaded(
    actor: Actor, request: HttpRequest, begin: Callable[[Actor, Row], Row], add: Callable[[Actor, str, int, bytes], Any],
    most: int,
) -> str:  # fmt: skip
    """Take the file that was sent, in parts of at most `most` bytes; the id of its import. Raises `Invalid`."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size:
        why = tr("Choose a file that is not empty.")
        raise Invalid("error.import.empty", why, fields={"file": why})
    which = str(begin(actor, {"name": (file.name or "")[-200:]})["id"])
    offset = 0
    for part in file.chunks(most):
        add(actor, which, offset, part)
        offset += len(part)
    return which


def state(row: Row) -> Cell:
    """Its state; of one that was not started, whether it was tried, or cannot be."""
    code = row["state"]
    if code == "open" and row["why"]:
        code = "unreadable"
    elif code == "open" and row["dry_run"]:
        code = "tried"
    return words.state(words.IMPORTS, code, note=row["why"])


def columns(address: Callable[[Row], str], counted: Column) -> tuple[Column, ...]:
    """Of the list; `counted`: how much is in a file."""
    return (
        Column(tr("File"), lambda row: Cell(row["name"] or tr("a file"), address(row)), "name"),
        Column(tr("State"), state, "state"),
        counted,
        Column(tr("Added"), lambda row: number(row["created"]), number=True),
        Column(tr("Changed"), lambda row: number(row["updated"]), number=True),
        Column(tr("Not imported"), lambda row: number(row["duplicates"] + row["conflicts"] + row["errors"]), number=True),
        Column(tr("Uploaded"), lambda row: moment(row["created_at"]), "created_at"),
    )


def standing(actor: Actor, row: Row, counts: Sequence[tuple[str, Cell]], most: Callable[[int, int], str]) -> tuple[Part, ...]:
    """How it stands; `counts`: what is known of what is in it, `most`: so many done of so many, in words."""
    facts = Facts((
        (tr("State"), state(row)), *counts,
        (tr("Size"), Cell(trn("{number} byte", "{number} bytes", row["size"]))), (tr("Uploaded"), moment(row["created_at"])),
    ))  # fmt: skip
    tried = (Note(tr("This was a try: nothing was changed. Start it to import.")),)
    return (facts, *(tried if row["dry_run"] and row["state"] == "open" else ()), *_bar(actor, row, most))


def _bar(actor: Actor, row: Row, most: Callable[[int, int], str]) -> tuple[Bar, ...]:
    if row["state"] != "running" or not row["job"]:
        return ()
    job = jobs.get(actor, row["job"])
    done = job["total"] - job["left"]
    return (Bar(done, max(job["total"], 1), most(done, job["total"])),)


def encoding(now: str) -> Field:
    """How the text of the file is read."""
    options = tuple((each, each or tr("told from the file")) for each in _ENCODINGS)
    return Field("encoding", tr("Encoding"), "select", now, options)


def mapping(now: Sequence[tuple[str, str]], known: Sequence[tuple[str, str]]) -> list[Field]:
    """Each heading of the file, and what it is."""
    options = (("", tr("(left out)")), *known)
    found = []
    for heading, meant in now:
        found += [Field("heading", "", "hidden", heading), Field("field", heading, "select", meant, options)]
    return found


def why(row: Row, name: str) -> str:
    """What is wrong with a row, each with the `name` of what it is about."""
    told = (f"{each[name]}: {each['message']}".strip(": ") for each in row["problems"])
    return "; ".join(filter(None, told))


def wrong(about: Column) -> tuple[tuple[Column, ...], tuple[Choice, ...]]:
    """Columns and choices of what was not taken; `about`: what of a row it is."""
    kinds = tuple((each, words.name(words.ROWS, each)) for each in ("duplicate", "conflict", "error"))
    seen = (
        Column(tr("Row"), lambda each: number(each["row"]), "row", number=True),
        Column(tr("What became of it"), lambda each: words.state(words.ROWS, each["outcome"]), "outcome"),
        about,
        Column(tr("Why"), lambda each: text(each["message"])),
    )
    return seen, (Choice(tr("What became of it"), "outcome", kinds),)


def forgetting(row: Row) -> Section:
    """The button that forgets the file, or what became of it."""
    open_, after = tr("Forgets its file; nothing of it is imported."), tr("Forgets what became of it; what it imported stays.")
    form = Form(tr("Forget this import"), "forget", text=open_ if row["state"] == "open" else after, quiet=True)
    return Section("", (form,))
