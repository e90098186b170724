"""What attaches a workspace: every field, type and range, in the words of gateway.toml's tables. Owns that form."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from stationmaster.gateway.config.problems import did_you_mean, quoted
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.tables import Flag, Id, NeededText, Text
from stationmaster.vendors.registry import VENDORS

POLICY: Final = (
    "fix_drift", "removes", "calls_per_minute", "reconcile_minutes", "allowed_domains", "seat_limit", "remove_inactive_days",
    "grace_days", "notify", "seat_price_minor", "seat_currency",
)  # fmt: skip
FIX_DRIFT: Final = ("none", "invite", "all")      # what a run may mend by itself
MAX_MINUTES: Final = 44_640      # between two readings: a month
MAX_DAYS: Final = 3650           # without activity


def number(high: int) -> Meta:
    """What a whole number has to be."""
    return Meta(ge=0, le=high, description=f"a whole number from 0 to {high}")


_DOMAIN = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z"
Domain = Annotated[str, Meta(pattern=_DOMAIN, description="a domain like example.com")]


class WorkspaceTable(msgspec.Struct, frozen=True):
    """An organisation or tenant that the company owns at a vendor, and what may be done there."""

    id: Id = ""
    vendor: NeededText = ""
    base_url: Text = ""
    secret: Text = ""
    organisation: Text = ""
    disabled: Flag = False
    allow_insecure_http: Flag = False
    fix_drift: Annotated[str, Meta(pattern=r"^(none|invite|all)\Z", description="none, invite or all")] = "none"
    removes: Annotated[str, Meta(pattern=r"^(managed|known|all)\Z", description="managed, known or all")] = "managed"
    calls_per_minute: Annotated[int, number(6000)] = 0
    reconcile_minutes: Annotated[int, number(MAX_MINUTES)] = 0
    allowed_domains: Annotated[list[Domain], Meta(description="a list of domains")] = []
    seat_limit: Annotated[int, number(1_000_000)] = 0
    remove_inactive_days: Annotated[int, number(MAX_DAYS)] = 0
    grace_days: Annotated[int, number(365)] = 7
    notify: Flag = False
    seat_price_minor: Annotated[int, number(100_000_000)] = 0
    seat_currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="a currency's code of ISO 4217, like USD")] = "USD"

    def __repr__(self) -> str:
        return f"WorkspaceTable({self.id!r}, secret=…)"


def check_vendor(row: Placed[WorkspaceTable], report: Report) -> None:
    """Report a vendor that there is not."""
    name = row.table.vendor
    if name and name not in VENDORS:
        hint = did_you_mean(name, VENDORS) or f"the vendors are {', '.join(VENDORS)}"
        report.add("error.config.bad_value", (*row.place, "vendor"), f"unknown vendor {quoted(name)}", hint)
