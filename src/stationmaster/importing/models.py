"""Rows of imports of older setups' files. Owns their tables: an upload while it lasts, what its records came to, and what has
come in, so that it can be written out again.

Such files are full of passwords, so that everything of the upload is sealed while it is kept, and goes when the import ends.
Nobody's values stand among problems, and of what was left out only names are kept.
"""

from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow, new_id
from stationmaster.store.sealed import SealedField

OPEN: Final = "open"                    # is being uploaded, and its mapping chosen
RUNNING: Final = "running"              # its job was submitted
ENDED: Final = ("done", "partial", "failed", "cancelled")
STATES: Final = (OPEN, RUNNING, *ENDED)
WRONG: Final = ("duplicate", "conflict", "error")      # what becomes of a row that is not taken
COUNTS: Final = ("created", "updated", "unchanged", "duplicates", "conflicts", "errors")
FORMATS: Final = ("accounts", "tracker", "rows", "config")
_USE: Final = frozenset({"import"})


class Roster(models.Model):
    """One file. `format` and `encoding` empty: found out from the file. `mapping`: the field that each heading or key is, "" for
    none; those that it does not name are told by their names. `vendor`: where its teams are. `left_out`: how often which field
    was left out, by names, under `secrets`, `admin`, `unknown`; `notes`: how many records each remark is about, by its code."""

    KIND: ClassVar[str] = "roster"

    id = AsciiField(max_length=64, primary_key=True)
    name = models.CharField(max_length=254, default="", blank=True)
    state = AsciiField(max_length=12, default=OPEN, db_index=True)
    format = AsciiField(max_length=12, default="")
    encoding = AsciiField(max_length=20, default="")
    delimiter = AsciiField(max_length=1, default="")
    mapping = JsonText(default=dict)
    vendor = AsciiField(max_length=32, default="manual")
    dry_run = models.BooleanField(default=False)
    size = models.BigIntegerField(default=0)
    pieces = models.PositiveIntegerField(default=0)
    records = models.BigIntegerField(default=0)
    left_out = JsonText(default=dict)
    notes = JsonText(default=dict)
    job = AsciiField(max_length=64, default="")
    by = AsciiField(max_length=64)
    created = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    conflicts = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    why = models.TextField(default="")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id("ros"), **named}
        super().__init__(*args, **named)

    def __str__(self) -> str:
        return str(self.id)


class _Kept(models.Model):
    """Something of an upload, sealed."""

    class Meta:
        abstract = True

    id = AsciiField(max_length=64, primary_key=True)
    position = models.PositiveIntegerField()
    data = SealedField(purpose="import", reveal_to=_USE)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id("kep"), **named}      # first of all: sealed fields are bound to it
        super().__init__(*args, **named)


class Piece(_Kept):
    """A part of the upload as it came, compressed."""

    of = models.ForeignKey(Roster, on_delete=models.CASCADE, related_name="parts")

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["of", "position"], name="a_part_of_a_roster_once")]


class Batch(_Kept):
    """Records that are brought in by one transaction; empty once that is done."""

    of = models.ForeignKey(Roster, on_delete=models.CASCADE, related_name="batches")
    done = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["of", "position"], name="a_batch_of_a_roster_once")]


class Ref(models.Model):
    """What records of a file call a team by, and which workspace that is here (empty: none yet)."""

    of = models.ForeignKey(Roster, on_delete=models.CASCADE, related_name="refs")
    ref = models.CharField(max_length=254, db_index=True)
    number = models.BigIntegerField()                            # of the team's object
    workspace = AsciiField(max_length=64, default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["of", "ref"], name="a_team_is_called_so_once")]

    objects: ClassVar[models.Manager[Any]] = models.Manager()


class Problem(models.Model):
    """What kept a record from coming in. `row` is the object's number. `outcome`: duplicate, conflict or error."""

    of = models.ForeignKey(Roster, on_delete=models.CASCADE, related_name="problems")
    row = models.BigIntegerField(db_index=True)
    outcome = AsciiField(max_length=10)
    field = models.CharField(max_length=80, default="", blank=True)
    code = AsciiField(max_length=60)
    message = models.TextField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()


class Origin(models.Model):
    """What came in of one team, or of one person in one team (or in none): the fields of the file as they were, none of them a
    secret. A person's address stands with the person. `state` is the seat's as it was set by the import; `last`: the import that
    saw it last, and the number it had in there."""

    key = AsciiField(max_length=140, primary_key=True)           # of both, so that there is one of each pair
    workspace = models.ForeignKey("workspaces.Workspace", null=True, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("people.Person", null=True, on_delete=models.CASCADE, related_name="+")
    values = JsonText(default=dict)
    state = AsciiField(max_length=12, default="")
    last = AsciiField(max_length=64, default="", db_index=True)
    number = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager[Any]] = models.Manager()


class Mapping(ConfigRow):
    """A mapping of headings to fields, under a name, for files that come again."""

    PREFIX = "map"
    KIND = "mapping"

    name = AsciiField(max_length=128, unique=True)
    fields = JsonText(default=dict)
