"""Rows of who should be in a workspace, and who is. Owns their tables."""

from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.workspaces.models.workspace import Workspace

ASKED: Final = "asked"
ANSWERS: Final = (ASKED, "granted", "refused", "withdrawn")
REMOVALS: Final = ("candidate", "notified", "skipped")
STATES: Final = ("planned", "inviting", "invited", "active", "expired", "removing", "removed", "failed")


class Assignment(ConfigRow):
    """A rule: this group, or this person, holds this role in this workspace. `role` empty: the vendor's default one;
    `projects`: the vendor's ids."""

    PREFIX = "asg"
    KIND = "assignment"
    SEARCH = ("role",)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["workspace", "group"], name="assigned_group_once"),
            models.UniqueConstraint(fields=["workspace", "person"], name="assigned_person_once"),
            models.CheckConstraint(
                condition=models.Q(group=None, person__isnull=False) | models.Q(group__isnull=False, person=None),
                name="assigned_to_one",
            ),
        ]

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="assignments")
    group = models.ForeignKey("people.Group", null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("people.Person", null=True, on_delete=models.PROTECT, related_name="+")
    role = AsciiField(max_length=64, default="", blank=True)
    projects = JsonText(default=list)


class Seat(ConfigRow):
    """One person's membership in one workspace, with its state and why it is in it (`cause`, `detail`) since when.

    `member` and `invite` are the vendor's ids. `intent` and `intent_at`: a write that was begun and whose outcome is not
    recorded; until the vendor was read after it, nobody may write again. `removal`: candidate (no activity reported),
    notified (removed after `grace_until`), skipped (with `removal_reason`), or empty.
    """

    PREFIX = "seat"
    KIND = "seat"
    SEARCH = ("state", "role", "cause")
    OBSERVED = frozenset({"last_active_at"})

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["person", "workspace"], name="seat_once")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["workspace", "state"])]

    person = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="seats")
    state = AsciiField(max_length=12, default="planned")
    since = models.DateTimeField()
    cause = AsciiField(max_length=64, default="", blank=True)
    detail = models.TextField(default="", blank=True)
    role = AsciiField(max_length=64, default="", blank=True)
    projects = JsonText(default=list)
    member = AsciiField(max_length=191, default="", blank=True, db_index=True)
    invite = AsciiField(max_length=191, default="", blank=True)
    intent = AsciiField(max_length=16, default="", blank=True)
    intent_at = models.DateTimeField(null=True)
    invited_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    last_active_at = models.DateTimeField(null=True, editable=False)
    removal = AsciiField(max_length=12, default="", blank=True)
    removal_at = models.DateTimeField(null=True)
    grace_until = models.DateTimeField(null=True)
    removal_reason = models.TextField(default="", blank=True)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return str(self.person_id)

    owner_folded = owner      # an id has one spelling


class SeatRequest(ConfigRow):
    """Somebody's wish for a seat in one workspace, with `role` (empty: the weakest) and why; and what became of it: who decided,
    when, and why not. Events know the reason, which may say anything of a person, as a hash."""

    PREFIX = "sreq"
    KIND = "seat_request"
    SEARCH = ("state", "role")
    HIDDEN = frozenset({"reason"})

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["person", "workspace"], condition=models.Q(state=ASKED), name="asked_once_for_a_seat",
            ),
        ]  # fmt: skip

    person = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    role = AsciiField(max_length=64, default="", blank=True)
    reason = models.TextField(default="", blank=True)
    state = AsciiField(max_length=12, default=ASKED, db_index=True)
    decided_by = AsciiField(max_length=64, default="", blank=True)
    decided_at = models.DateTimeField(null=True)
    why = models.TextField(default="", blank=True)

    @property
    def owner(self) -> str:
        """Whose it is."""
        return str(self.person_id)

    owner_folded = owner
