"""What the pages of credentials share. Owns: their tabs, and how health and ends look."""

from django.http import HttpRequest

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.parts import NOTHING, Cell, Link, Row, moment
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import tr

_REVOKED = "revoked"      # what the service says of one whose secrets were revoked all at once


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """The list, the calendar, and a way to add one."""
    pages = ((tr("Credentials"), "/credentials"), (tr("Calendar"), "/calendar"))
    found = [Link(text, address, here == address) for text, address in pages]
    if may(request, "credentials:create"):
        found.append(Link(tr("Add one"), "/credentials/new", here == "/credentials/new"))
        found.append(Link(tr("Step by step"), "/credentials/guide", here == "/credentials/guide"))
    return tuple(found)


def health(row: Row) -> Cell:
    """How it stands: what a person said comes before what gateways found."""
    state = row["override"] or ("off" if row["disabled"] else row["health"])
    state = "empty" if not row.get("secret_set", True) and state == "unknown" else state
    note = row["override_reason"] or _off(row) or words.name(words.CAUSES, row["health_cause"])
    return words.state(words.HEALTH, state, note=note)


def _off(row: Row) -> str:
    """Why it is switched off; for a revoked one, what whoever revoked it gave as the reason, where its secrets are known."""
    why = words.told_as(row["disabled_reason"])
    given = {str(each["words"]) for each in row.get("generations", ()) if each["cause"] == "revoking" or each["revoked_at"]}
    said = "; ".join(sorted(given - {""}))
    return f"{why}: {said}" if row["disabled_reason"] == _REVOKED and said else why


def generation(each: Row) -> Cell:
    """How one of its secrets stands. One that was wiped keeps its state until the vendor does not know it either: what is left
    to do comes before it, for there is no way back to it."""
    left = each["cause"] in ("by_hand", "revoking") and not each["revoked_at"]
    return words.state(words.GENERATIONS, each["cause"] if left else each["state"], note=each["words"])


def end(row: Row) -> Cell:
    """When its secret ends, and how near that is."""
    if not row["expires_at"]:
        return NOTHING
    when = moment(row["expires_at"])
    if row["expiry"] in ("soon", "expired"):
        said = words.state(words.ENDS, row["expiry"])
        return Cell(said.text, note=when.text, tone=said.tone, title=when.title)
    return when
