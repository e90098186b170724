"""Rows of workspaces, and of the private addresses that an admin allowed."""

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.store.sealed import SealedField


class Workspace(ConfigRow):
    """An organisation or tenant that the company owns at a vendor. Its admin credential is for the vendor's admin API
    alone: it is not open to the snapshot, so that no gateway can ever hold it.

    What people decide: how it is reached, and its policy (`fix_drift`, what a run may mend by itself: none, invite, all;
    `removes`, who may be removed for want of an assignment: managed, those whose seat is kept here; known, everybody known
    here; all, strangers too; `remove_inactive_days` without reported activity make somebody a candidate, 0: nobody;
    `grace_days` between telling them and removing them; `notify`: people are written to, of invitations that wait and before
    removals; `calls_per_minute` 0: the vendor's own rate; `reconcile_minutes` 0: never by itself; `allowed_domains` empty: any;
    `seat_limit`: at most so many seats, invitations among them, 0: as many as the vendor has; `seat_price_minor`: what one seat
    costs a cycle, in the smallest unit of `seat_currency` (ISO 4217), where the vendor does not tell, 0: nobody said).

    What was observed: `verified_at` when the credential last worked, `trouble` why it does not, `read_at` when people and
    invitations were last read to their ends, seats (None: the vendor sells none or does not say), `terms` what a seat
    means in money (`vendors._base.SeatTerms`), `found` how many of each were read, `unread` what could not be and why.
    """

    PREFIX = "ws"
    KIND = "workspace"
    SEARCH = ("name", "vendor", "organisation", "base_url")
    OBSERVED = frozenset({
        "verified_at", "trouble", "organisation_name", "directory_managed", "seats_total", "seats_used", "seats_pending",
        "seats_ending", "terms", "found", "unread", "read_at",
    })  # fmt: skip

    name = AsciiField(max_length=128, unique=True)
    vendor = AsciiField(max_length=32, db_index=True)
    base_url = models.TextField(default="", blank=True)             # of the admin API; empty: the vendor's own
    organisation = models.TextField(default="", blank=True)         # the vendor's id for it
    secret = SealedField(purpose="workspace admin", reveal_to=frozenset({"vendor admin"}))
    disabled = models.BooleanField(default=False)
    disabled_reason = models.TextField(default="", blank=True)
    allow_insecure_http = models.BooleanField(default=False)

    fix_drift = AsciiField(max_length=8, default="none")
    removes = AsciiField(max_length=8, default="managed")
    calls_per_minute = models.PositiveIntegerField(default=0)
    reconcile_minutes = models.PositiveIntegerField(default=0)
    allowed_domains = JsonText(default=list)
    seat_limit = models.PositiveIntegerField(default=0)
    remove_inactive_days = models.PositiveIntegerField(default=0)
    grace_days = models.PositiveIntegerField(default=7)
    notify = models.BooleanField(default=False)
    seat_price_minor = models.PositiveIntegerField(default=0)
    seat_currency = AsciiField(max_length=3, default="USD")

    verified_at = models.DateTimeField(null=True, editable=False)
    trouble = models.TextField(default="", editable=False)
    organisation_name = models.TextField(default="", editable=False)
    directory_managed = models.BooleanField(null=True, editable=False)
    seats_total = models.PositiveIntegerField(null=True, editable=False)
    seats_used = models.PositiveIntegerField(null=True, editable=False)
    seats_pending = models.PositiveIntegerField(default=0, editable=False)
    seats_ending = models.PositiveIntegerField(default=0, editable=False)
    terms = JsonText(default=dict, editable=False)
    found = JsonText(default=dict, editable=False)
    unread = JsonText(default=dict, editable=False)
    read_at = models.DateTimeField(null=True, editable=False)


class AllowedAddress(ConfigRow):
    """A private address (name, IP address or network) that stored URLs may name, and why."""

    PREFIX = "addr"
    KIND = "address"
    SEARCH = ("name", "reason")

    name = AsciiField(max_length=255, unique=True)                  # as `outbound.allow_entry` spells it
    reason = models.TextField()
