"""The fields of a workspace's form. Owns: which there are, their words and help, and what stood in them when it went wrong."""

from dataclasses import dataclass
from typing import Any

from stationmaster.entrances.console.pages.parts import Control, Field, Problem, Row
from stationmaster.entrances.console.pages.words import told_as
from stationmaster.i18n import tr
from stationmaster.vendors.registry import VENDORS


@dataclass(frozen=True)
class _Filled:
    """What stands in the form: what was `sent` where that went wrong (`problem`), else the values of `row`, if there is one."""

    sent: Any
    problem: Problem | None
    row: Row | None

    def made(self, name: str, label: str, control: Control = "text", default: str = "", **more: Any) -> Field:
        """A field; `default` stands in it for a new workspace."""
        return Field(name, label, control, self._now(name, default), error=self.wrong(name), **more)

    def ticked(self, name: str, label: str) -> Field:
        """A box."""
        checked = name in self.sent if self.problem is not None else bool(self.row and self.row[name])
        return Field(name, label, "checkbox", checked=checked)

    def wrong(self, name: str) -> str:
        """What is wrong with what was typed."""
        return self.problem.fields.get(name, "") if self.problem else ""

    def _now(self, name: str, default: str) -> str:
        if self.problem is not None:
            return str(self.sent.get(name, ""))
        value = default if self.row is None else self.row[name]
        return ", ".join(value) if isinstance(value, list) else str(value)


def fields_of(sent: Any, problem: Problem | None, row: Row | None = None) -> tuple[Field, ...]:
    """The fields for a new workspace, or for changing `row`; after a mistake with what was typed, but for the secret."""
    form = _Filled(sent, problem, row)
    first, last = (_named(form), ()) if row is None else ((), _out_of_use(form))
    return (*first, *_reached(form), *_kept(form), *_leaving(form), *_money(form), *last)


def _named(form: _Filled) -> tuple[Field, ...]:
    vendors = tuple((each.name, told_as(each.title)) for each in VENDORS.values())
    return (
        form.made("name", tr("Name"), needed=True, help=tr("What it is called here, for good.")),
        form.made("vendor", tr("Vendor"), "select", "openai", options=vendors),
    )


def _reached(form: _Filled) -> tuple[Field, ...]:
    """The admin key is never shown again, not even to who typed it."""
    kept = tr("Left empty, the stored one stays.") if form.row is not None else ""
    where = tr("The vendor's id for it, where its address holds one: GitHub's log-in.")
    return (
        Field("secret", tr("Admin key"), "password", error=form.wrong("secret"), help=kept),
        form.made("organisation", tr("Organisation"), help=where),
        form.made("base_url", tr("Address"), help=tr("Empty: the vendor's own.")),
    )


def _kept(form: _Filled) -> tuple[Field, ...]:
    """How it is kept as it should be."""
    made = form.made
    return (
        made("fix_drift", tr("What a reconciliation mends by itself"), "select", "none", options=_drift()),
        made("removes", tr("Who goes for want of an assignment"), "select", "managed", options=_removes()),
        made("allowed_domains", tr("Only addresses at these domains"), help=tr("Empty: any.")),
        made("seat_limit", tr("Seats at most"), "number", "0", help=tr("0: as many as the vendor has.")),
        made("reconcile_minutes", tr("Read it again every so many minutes"), "number", "", help=tr("0: never by itself.")),
        made("calls_per_minute", tr("Calls a minute at most"), "number", "0", help=tr("0: the vendor's own rate.")),
    )


def _leaving(form: _Filled) -> tuple[Field, ...]:
    days = tr("Days without reported activity until removal is proposed")
    return (
        form.made("remove_inactive_days", days, "number", "", help=tr("0: never.")),
        form.made("grace_days", tr("Days between telling somebody and removing them"), "number", "7"),
        form.ticked("notify", tr("Write to people")),
    )


def _money(form: _Filled) -> tuple[Field, ...]:
    known, price = tr("0: what the vendor says, or not known."), tr("What a seat costs a cycle, in cents")
    return (
        form.made("seat_price_minor", price, "number", "0", help=known),
        form.made("seat_currency", tr("Currency of that price"), default="USD", help=tr("By ISO 4217: USD, EUR …")),
    )


def _out_of_use(form: _Filled) -> tuple[Field, ...]:
    return (form.ticked("disabled", tr("Out of use")), form.made("disabled_reason", tr("Why it is out of use")))


def _drift() -> tuple[tuple[str, str], ...]:
    return (("none", tr("nothing: it shows")), ("invite", tr("missing invitations")), ("all", tr("everything")))


def _removes() -> tuple[tuple[str, str], ...]:
    given, known = tr("those whose seat was given from here"), tr("everybody known here")
    return (("managed", given), ("known", known), ("all", tr("strangers too")))
