"""What makes an alert: every field, type and range. Owns that form, and what of it has to fit together."""

from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, field

from stationmaster.alerts.crossing import BUDGET_PERCENT, EXPIRY_DAYS
from stationmaster.alerts.kinds import CHANNELS, KINDS, MAIL, WEBHOOK
from stationmaster.gateway.config.problems import did_you_mean, quoted
from stationmaster.gateway.config.tables import Flag, Id, NeededText, Text
from stationmaster.i18n import LANGUAGES
from stationmaster.mail.message import is_address
from stationmaster.outbound import fault_in_url
from stationmaster.store.given import Given, Rows, read, text
from stationmaster.workspaces.addresses import entries

# How many of each there may be.
MOST: Final = {"addresses": 20, "kinds": len(KINDS), "watches": 100, "budget_percent": 10, "expiry_days": 10}
_Pattern = Annotated[str, Meta(min_length=1, max_length=128)]
_Percent = Annotated[int, Meta(ge=1, le=1000)]
_Days = Annotated[int, Meta(ge=0, le=365)]


class AlertTable(msgspec.Struct, frozen=True):
    """Where something is told, and what."""

    id: Id = ""
    channel: NeededText = ""
    url: Text = ""
    addresses: Annotated[list[Text], Meta(max_length=MOST["addresses"], description="a list of e-mail addresses")] = []
    language: Text = ""
    kinds: Annotated[list[Text], Meta(max_length=MOST["kinds"], description="a list of kinds; empty: all")] = []
    watches: Annotated[list[_Pattern], Meta(max_length=100, description="a list of names or patterns; empty: everything")] = []
    budget_percent: Annotated[list[_Percent], Meta(max_length=10, description="a list of per cents of a budget")] = field(
        default_factory=lambda: list(BUDGET_PERCENT)
    )
    expiry_days: Annotated[list[_Days], Meta(max_length=10, description="a list of days before an end")] = field(
        default_factory=lambda: list(EXPIRY_DAYS)
    )
    pool_minimum: Annotated[int, Meta(ge=1, le=100_000, description="a whole number from 1 to 100000")] = 1
    allow_insecure_http: Flag = False
    disabled: Flag = False


PLAIN: Final = tuple(name for name in AlertTable.__struct_fields__ if name not in ("id", "channel"))
FIELDS: Final = frozenset({"name", "channel", "disabled_reason", *PLAIN})


def checked(given: Given) -> AlertTable:
    """The fields. Raises `Invalid`."""
    report = Rows("alert")
    fields = {name: value for name, value in given.items() if name != "disabled_reason" and value != []}
    table = read("alert", AlertTable, fields, report).table
    _words(table, report)
    _place(table, report)
    text(given, "disabled_reason", report)
    report.refuse()
    return table


def _words(table: AlertTable, report: Rows) -> None:
    named = (("channel", [table.channel], CHANNELS), ("language", [table.language], LANGUAGES), ("kinds", table.kinds, KINDS))
    for name, values, known in named:
        odd = next((value for value in values if value and value not in known), None)
        if odd is not None:
            hint = did_you_mean(odd, known) or f"there are {', '.join(known)}"
            report.add("error.config.bad_value", (report.noun, 0, name), f"unknown: {quoted(odd)}", hint)
    for name, most in MOST.items():
        if len(getattr(table, name)) > most:
            report.add("error.config.bad_value", (report.noun, 0, name), f"at most {most} of them")


def _place(table: AlertTable, report: Rows) -> None:
    if table.channel == WEBHOOK:
        _alone(table.addresses, "addresses", "goes with mail alone", report)
        if not table.url:
            report.add("error.config.missing_key", (report.noun, 0, "url"), "missing key")
        elif fault := fault_in_url(table.url, entries(), allow_insecure_http=table.allow_insecure_http):
            report.add("error.config.bad_url", (report.noun, 0, "url"), *fault)
        elif not urlsplit(table.url).netloc.isascii() or len(urlsplit(table.url).netloc) > 254:
            report.add("error.config.bad_url", (report.noun, 0, "url"), "not a URL")
    if table.channel == MAIL:
        _alone(table.url, "url", "goes with webhooks alone", report)
        if not table.addresses:
            report.add("error.config.missing_key", (report.noun, 0, "addresses"), "missing key")
        elif not all(map(is_address, table.addresses)):
            why, hint = "is no e-mail address that mail can be sent to", "plain addresses like name@example.com"
            report.add("error.mail.bad_address", (report.noun, 0, "addresses"), why, hint)


def _alone(value: Any, field: str, why: str, report: Rows) -> None:
    if value:
        report.add("error.config.bad_value", (report.noun, 0, field), why)


__all__ = ["FIELDS", "PLAIN", "AlertTable", "checked"]
