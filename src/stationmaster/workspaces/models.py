"""Rows of workspaces, and of the private addresses that an admin allowed. Owns their tables."""

from django.db import models

from stationmaster.store.rows import AsciiField, ConfigRow
from stationmaster.store.sealed import SealedField


class Workspace(ConfigRow):
    """An organisation or tenant that the company owns at a vendor. Its admin credential is for the vendor's admin API
    alone: it is not open to the snapshot, so that no gateway can ever hold it."""

    PREFIX = "ws"
    KIND = "workspace"
    SEARCH = ("name", "vendor", "organisation", "base_url")

    name = AsciiField(max_length=128, unique=True)
    vendor = AsciiField(max_length=32, db_index=True)
    base_url = models.TextField(default="", blank=True)             # of the admin API; empty: the vendor's own
    organisation = models.TextField(default="", blank=True)         # the vendor's id for it
    secret = SealedField(purpose="workspace admin", reveal_to=frozenset({"vendor admin"}))
    disabled = models.BooleanField(default=False)
    disabled_reason = models.TextField(default="", blank=True)
    allow_insecure_http = models.BooleanField(default=False)


class AllowedAddress(ConfigRow):
    """A private address (name, IP address or network) that stored URLs may name, and why."""

    PREFIX = "addr"
    KIND = "address"
    SEARCH = ("name", "reason")

    name = AsciiField(max_length=255, unique=True)                  # as `outbound.allow_entry` spells it
    reason = models.TextField()
