"""Prices of seats, by the rows. Owns: whose word counts, and of which workspaces a plan tells."""

from collections.abc import Iterable

from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.planning import Step
from stationmaster.workspaces.planning.prices import Terms


def buys(row: Workspace) -> bool:
    """Whether a seat costs money there. A bill that could not be read is no gift: licences are taken to cost money until the
    vendor says otherwise."""
    return Capability.SEATS in vendor(row.vendor).capabilities and bool(row.terms.get("buys", True))


def terms_of(row: Workspace) -> Terms:
    """What is known of it: the vendor's price, or the one that somebody set here."""
    said = row.terms.get("price_minor")
    price = row.seat_price_minor or None if said is None else int(said)
    currency = row.seat_currency if said is None else str(row.terms.get("currency") or "USD")
    ends, words = row.terms.get("cycle_ends") or "", row.terms.get("words") or ""
    return {"price_minor": price, "currency": currency, "cycle_ends": str(ends), "words": str(words)}


def prices(workspaces: Iterable[Workspace]) -> dict[str, tuple[str, int]]:
    """Currency and price of one seat a cycle, by workspace (id), where they are bought and the price is known."""
    found = {row.id: terms_of(row) for row in workspaces if buys(row)}
    return {id_: (each["currency"], price) for id_, each in found.items() if (price := each["price_minor"]) is not None}


def told(workspaces: Iterable[Workspace], steps: Iterable[Step]) -> dict[str, Terms]:
    """The terms, by workspace (name), where these steps buy seats or give some back."""
    about = {step.workspace for step in steps if step.kind in ("assign", "unassign")}
    return {row.name: terms_of(row) for row in workspaces if row.id in about and buys(row)}
