"""Rows of SCIM beside people themselves. Owns their tables: who left by SCIM lately, and who was deleted but is still
referred to."""

from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.rows import new_id

LEFT: Final = "left"            # SCIM said so, and so it was done
HELD: Final = "held"            # SCIM said so, and nothing was done: an operator has to approve
APPROVED: Final = "approved"    # an operator did
REFUSED: Final = "refused"      # an operator said no


class Leaver(models.Model):
    """That SCIM had somebody leave, or wants to. Rows of what is over are kept for as long as the guard counts them.

    `person` is an id and no reference: the row of whom SCIM deletes goes, and has to be counted all the same. `deletes`: they
    were deleted and not only made inactive. `token` is the one that asked.
    """

    PREFIX: ClassVar[str] = "lvr"

    id = AsciiField(max_length=64, primary_key=True)
    person = AsciiField(max_length=64, db_index=True)
    state = AsciiField(max_length=12, default=LEFT)
    deletes = models.BooleanField(default=False)
    token = AsciiField(max_length=64, default="")
    at = models.DateTimeField(db_index=True)                       # when it was done, or asked for the first time
    asked_at = models.DateTimeField()                              # when it was asked for last

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("person",), condition=models.Q(state=HELD), name="held_once_a_person"),
        )
        indexes = (models.Index(fields=("state", "at"), name="leavers_by_state"),)

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id(self.PREFIX), **named}
        super().__init__(*args, **named)


class Forgotten(models.Model):
    """A person whom SCIM deleted while something still refers to them, such as a seat. Their row stays, inactive, and SCIM
    shows it no more (RFC 7644 section 3.6). A user of the same name who is created later is the same person."""

    person = models.OneToOneField("people.Person", on_delete=models.CASCADE, primary_key=True, related_name="forgotten")
    at = models.DateTimeField(auto_now_add=True)
