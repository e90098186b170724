"""Rows of bills: a workspace's day, and its parts. Owns their tables.

Nobody configures them: a job writes them from what the vendor reports and what gateways counted. Days are those of UTC. Money
is in nanodollars; null: not known. `input` counts what was cached, too; `cached` is the part of it that came from a cache.
"""

from typing import Any, ClassVar

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.workspaces.models import Workspace


class Figures(models.Model):
    """The same figures of both sides: the vendor's, and ours. `ours_cost` is null as soon as one price is not known."""

    vendor_requests = models.BigIntegerField(default=0)
    vendor_input = models.BigIntegerField(default=0)
    vendor_cached = models.BigIntegerField(default=0)
    vendor_output = models.BigIntegerField(default=0)
    vendor_cost = models.BigIntegerField(null=True)
    ours_requests = models.BigIntegerField(default=0)
    ours_input = models.BigIntegerField(default=0)
    ours_cached = models.BigIntegerField(default=0)
    ours_output = models.BigIntegerField(default=0)
    ours_cost = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class BillDay(Figures):
    """One day of one workspace.

    `measure` (tokens, requests, cost; empty: there is nothing) is what is compared, `rate` ours in hundredths of a per cent of
    the vendor's, rounded down (null: the vendor has none), `verdict` what follows. `past_…`: of the vendor's, what came by keys
    that are not known here. `cycle_cost`: spent so far in the vendor's billing cycle, where it tells no days. `unidentified`:
    credentials of the workspace of which nobody knows which of the vendor's keys they are. `alerted`: the verdict that was told.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    day = models.DateTimeField()                                    # its beginning
    settled = models.BooleanField(default=False)                    # the vendor's figures change no more, as far as we wait
    verdict = AsciiField(max_length=12, default="none", db_index=True)
    measure = AsciiField(max_length=12, default="")
    rate = models.BigIntegerField(null=True)
    currency = AsciiField(max_length=8, default="")                 # of the vendor's cost; compared when it is USD
    past_requests = models.BigIntegerField(default=0)
    past_tokens = models.BigIntegerField(default=0)
    past_cost = models.BigIntegerField(null=True)
    cycle_cost = models.BigIntegerField(null=True)
    unidentified = models.IntegerField(default=0)
    alerted = AsciiField(max_length=12, default="")
    read_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["workspace", "day"], name="bills_one_a_day")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["day", "id"], name="bills_day")]


class BillPart(Figures):
    """What one credential, or one of the vendor's keys that is not known here, did with one model."""

    bill = models.ForeignKey(BillDay, on_delete=models.CASCADE, related_name="parts")
    credential = AsciiField(max_length=128, default="")             # empty: not one of ours
    key = AsciiField(max_length=191, default="")                    # the vendor's id, of those that are not ours; or who it was
    model = models.TextField(default="")                            # or what the vendor calls the item of its bill
