"""Rows of what was last read at vendors. Nobody configures them: whoever reads a workspace writes them, without a change and
without an event. Owns their tables.

`missed` counts the readings in a row that did not show the row, `missed_at` is when the last of them began: one is no proof
that it is gone, two with some time between them are (`seats.GONE_AFTER`). A row that is gone is deleted by whoever notes that.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.workspaces.models.workspace import Workspace

VENDOR_ID = 191      # characters of a vendor's id, at most
SEVERAL: Final = "several"
ANOTHER: Final = "another"
RENAMED: Final = "renamed"


def is_live(status: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether an invitation of this status, which ends then, can be accepted still."""
    return status == "pending" and (expires_at is None or expires_at > now)


class _Observed(models.Model):
    """Something of one workspace, known by the vendor's id."""

    class Meta:
        abstract = True

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    vendor_id = AsciiField(max_length=VENDOR_ID)
    seen_at = models.DateTimeField()
    missed = models.PositiveSmallIntegerField(default=0)
    missed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()


class _Known(_Observed):
    """Somebody, as the vendor knows them. `email` and `login` as it spells them; `folded` is what they are matched by:
    whichever of the two this vendor knows people by, folded as people's are. `person`: who that is here; None where nobody
    is known, or it cannot be told. `conflict`: `several`, more than one person answers to it; `another`, by the vendor's id it
    was somebody else's before the name was this person's; `renamed`, which is none: they are known by the vendor's id alone,
    and are called otherwise here."""

    class Meta:
        abstract = True

    email = models.TextField(default="")
    login = models.TextField(default="")
    folded = models.CharField(max_length=320, default="")
    role = models.TextField(default="")
    person = models.ForeignKey("people.Person", null=True, on_delete=models.SET_NULL, related_name="+")
    conflict = AsciiField(max_length=20, default="")


class VendorMember(_Known):
    """Somebody who is in. `projects`: pairs of project and role; None: was not read. `has_seat` is false for those who are
    in the organisation without a licence, where the vendor tells the two apart."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "vendor_id"], name="member_once")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["workspace", "folded"])]

    name = models.TextField(default="")
    added_at = models.DateTimeField(null=True)
    last_active_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    directory_managed = models.BooleanField(default=False)
    is_service_account = models.BooleanField(default=False)
    has_seat = models.BooleanField(default=True)
    projects = JsonText(default=None)


class VendorInvite(_Known):
    """An invitation. `status` is the vendor's: pending, accepted, expired, deleted."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "vendor_id"], name="invite_once")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["workspace", "folded"])]

    status = AsciiField(max_length=16)
    invited_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    projects = JsonText(default=list)

    def live(self, now: datetime) -> bool:
        """Whether it can be accepted still."""
        return is_live(self.status, self.expires_at, now)


class VendorProject(_Observed):
    """A part of an organisation: a project, a workspace, a team."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "vendor_id"], name="project_once")]

    name = models.TextField(default="")
    archived = models.BooleanField(default=False)
    default = models.BooleanField(default=False)


class VendorKey(_Observed):
    """An API key as the vendor lists it; never its secret."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "vendor_id"], name="key_once")]

    name = models.TextField(default="")
    hint = models.TextField(default="")
    project = models.TextField(default="")
    owner = models.TextField(default="")
    status = AsciiField(max_length=16, default="active")
    key_created_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class VendorLimit(_Observed):
    """A rate limit; None: not limited, or not said."""

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "vendor_id"], name="limit_once")]

    project = models.TextField(default="")
    model = models.TextField(default="")
    requests_per_minute = models.BigIntegerField(null=True)
    tokens_per_minute = models.BigIntegerField(null=True)
