"""Rows of imports. Owns their tables: an upload while it lasts, what its rows came to, what is wrong with which row.

The upload is kept in the database, since the worker that imports it may run on another machine than the console. No row of
it outlives the import, and nobody's values stand among its problems.
"""

from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import new_id

OPEN: Final = "open"                    # is being uploaded, and its mapping chosen
RUNNING: Final = "running"              # its job was submitted
WAITING: Final = "waiting"              # everything is imported, but that so many would leave takes approval
ENDED: Final = ("done", "partial", "failed", "cancelled")
STATES: Final = (OPEN, RUNNING, WAITING, *ENDED)
WRONG: Final = ("duplicate", "conflict", "error")      # what becomes of a row that is not taken
COUNTS: Final = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors")


def _no_mapping() -> dict[str, str]:
    return {}


class Import(models.Model):
    """One file. `encoding` and `delimiter` empty: found out from the file. `mapping`: for the columns' headings, the field
    that each is, "" for none. `full`: the file says who is there, so who is not in it leaves. `leavers` is how many would."""

    KIND: ClassVar[str] = "import"

    id = AsciiField(max_length=64, primary_key=True)
    name = models.CharField(max_length=254, default="", blank=True)
    state = AsciiField(max_length=12, default=OPEN, db_index=True)
    encoding = AsciiField(max_length=20, default="")
    delimiter = AsciiField(max_length=1, default="")
    mapping = JsonText(default=_no_mapping)
    full = models.BooleanField(default=False)
    dry_run = models.BooleanField(default=False)
    size = models.BigIntegerField(default=0)                  # bytes that arrived
    pieces = models.PositiveIntegerField(default=0)           # that they are stored in
    rows = models.BigIntegerField(default=0)                  # that were read
    job = AsciiField(max_length=64, default="")
    by = AsciiField(max_length=64)                            # an actor's id
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    conflicts = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    leavers = models.BigIntegerField(default=0)
    left = models.BigIntegerField(default=0)                  # of them have left
    why = models.TextField(default="")                        # it waits, or failed
    revision = models.BigIntegerField(default=1)              # one more with each change of what is to be done
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        app_label = "people"

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id("imp"), **named}
        super().__init__(*args, **named)

    def __str__(self) -> str:
        return str(self.id)


class Piece(models.Model):
    """A part of the upload as it came, compressed."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        app_label = "people"
        constraints = (models.UniqueConstraint(fields=("of", "position"), name="a_part_of_an_import_once"),)


class Batch(models.Model):
    """Rows of an import that are imported in one transaction: JSON, compressed. Once that is done it is empty,
    or after a dry run the ids of whom the rows are about."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="batches")
    position = models.PositiveIntegerField()
    data = models.BinaryField()
    done = models.BooleanField(default=False)

    class Meta:
        app_label = "people"
        constraints = (models.UniqueConstraint(fields=("of", "position"), name="a_batch_of_an_import_once"),)


class Problem(models.Model):
    """What kept a row, or a column of it, from being imported. `row` counts from 1, the heading included, as editors count
    lines of a file without line breaks in its cells. `outcome`: duplicate, conflict or error."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="problems")
    row = models.BigIntegerField(db_index=True)
    outcome = AsciiField(max_length=10)
    column = models.CharField(max_length=254, default="", blank=True)
    code = AsciiField(max_length=60)
    message = models.TextField()

    class Meta:
        app_label = "people"
