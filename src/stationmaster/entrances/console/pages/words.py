"""What codes are called. Owns: the words of states, steps, kinds and capabilities in both languages, and how each looks.

Whatever has no words here is shown as it is: data is never translated.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from stationmaster.entrances.console.pages.parts import (
    DASH,
    Cell,
    Tone,
)
from stationmaster.i18n import marked, told, tr
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces.planning import wording
from stationmaster.workspaces.planning.reasons import REASONS

Words = Mapping[str, tuple[str, Tone]]

SEATS: Final[Words] = {
    "planned": (marked("planned"), "off"),
    "inviting": (marked("being invited"), "busy"),
    "invited": (marked("invited"), "busy"),
    "active": (marked("active"), "good"),
    "expired": (marked("expired"), "bad"),
    "removing": (marked("being removed"), "busy"),
    "removed": (marked("removed"), "off"),
    "failed": (marked("failed"), "bad"),
}
REMOVALS: Final[Words] = {
    "candidate": (marked("no activity reported"), "busy"),
    "notified": (marked("was told"), "busy"),
    "skipped": (marked("is kept"), "good"),
}
JOBS: Final[Words] = {
    "queued": (marked("waits"), "off"),
    "running": (marked("runs"), "busy"),
    "succeeded": (marked("succeeded"), "good"),
    "partial": (marked("partly done"), "bad"),
    "failed": (marked("failed"), "bad"),
    "cancelled": (marked("cancelled"), "off"),
}
ITEMS: Final[Words] = {
    "pending": (marked("waits"), "off"),
    "running": (marked("runs"), "busy"),
    "ok": (marked("done"), "good"),
    "skipped": (marked("skipped"), "off"),
    "failed": (marked("failed"), "bad"),
    "untried": (marked("not tried"), "off"),
    "unfinished": (marked("not finished"), "bad"),
}
PLANS: Final[Words] = {
    "open": (marked("to be approved"), "busy"),
    "approved": (marked("approved"), "good"),
    "applying": (marked("being applied"), "busy"),
    "applied": (marked("applied"), "good"),
    "stale": (marked("outdated"), "off"),
    "refused": (marked("refused"), "off"),
    "nothing": (marked("nothing to do"), "off"),
}
_TONES: Final[Mapping[str, Tone]] = {
    "withdraw": "bad", "remove": "bad", "unassign": "bad", "blocked": "bad", "role": "busy", "projects": "busy", "manual": "busy",
    "reinvite": "good", "invite": "good", "assign": "good",
}  # fmt: skip
STEPS: Final[Words] = {kind: (called, _TONES.get(kind, "off")) for kind, called in wording.STEPS.items()}
OUTCOMES: Final[Words] = {
    "done": (marked("done"), "good"),
    "failed": (marked("failed"), "bad"),
    "skipped": (marked("skipped"), "off"),
}
WORKSPACES: Final[Words] = {
    "ready": (marked("ready"), "good"),
    "new": (marked("not read yet"), "busy"),
    "read_only": (marked("read only: a directory manages it"), "off"),
    "refused": (marked("refused by the vendor"), "bad"),
    "disabled": (marked("disabled"), "off"),
}
IMPORTS: Final[Words] = {
    "open": (marked("not started"), "off"),
    "tried": (marked("tried, nothing imported"), "busy"),
    "unreadable": (marked("cannot be read"), "bad"),
    "running": (marked("runs"), "busy"),
    "waiting": (marked("waits for approval"), "bad"),
    "done": (marked("done"), "good"),
    "partial": (marked("partly done"), "bad"),
    "failed": (marked("failed"), "bad"),
    "cancelled": (marked("cancelled"), "off"),
}
ROWS: Final[Words] = {
    "create": (marked("is added"), "good"),
    "update": (marked("is changed"), "busy"),
    "unchanged": (marked("stays"), "off"),
    "duplicate": (marked("comes twice"), "bad"),
    "conflict": (marked("conflict"), "bad"),
    "error": (marked("error"), "bad"),
}
FIELDS: Final[Mapping[str, str]] = {
    "id": marked("Id here"),
    "user_name": marked("User name"),
    "display_name": marked("Name"),
    "given_name": marked("Given name"),
    "family_name": marked("Family name"),
    "email": marked("E-mail address"),
    "further_emails": marked("Further e-mail addresses"),
    "department": marked("Department"),
    "title": marked("Title"),
    "manager": marked("Manager"),
    "employee_number": marked("Number"),
    "external_id": marked("Id in the directory"),
    "active": marked("In the company"),
    "groups": marked("Groups"),
    "logins": marked("Log-ins"),
}
SOURCES: Final[Words] = {
    "csv": (marked("a file"), ""),
    "scim": (marked("the directory (SCIM)"), ""),
    "hand": (marked("by hand"), ""),
}
KINDS: Final[Mapping[str, str]] = {
    "onboard": marked("Onboard"),
    "reconcile": marked("Reconcile"),
    "apply": marked("Apply a plan"),
    "invite": marked("Invite"),
    "offboard": marked("Look for inactive people"),
    "remind": marked("Remind who was invited"),
    "import_people": marked("Import people"),
}
CAPABILITIES: Final[Mapping[str, str]] = {
    "identity": marked("Who it is"),
    "members": marked("Members"),
    "invites": marked("Invitations"),
    "seats": marked("Licences"),
    "projects": marked("Projects"),
    "keys": marked("Keys"),
    "usage": marked("Usage"),
    "limits": marked("Limits"),
    "federation": marked("Federation"),
    "probe": marked("Trying a key"),
}
LISTED: Final[Mapping[str, str]] = {
    "members": marked("Members"),
    "invites": marked("Invitations"),
    "projects": marked("Projects"),
    "keys": marked("Keys"),
    "limits": marked("Limits"),
}
RESULTS: Final[Mapping[str, str]] = {
    # of a workspace's jobs
    "read": marked("Read to its end"),
    "drift": marked("Different"),
    "told": marked("Left alone, and why"),
    "unconfirmed": marked("Writes that are not confirmed"),
    "plan": marked("Plan"),
    "more": marked("Not shown"),
    "state": marked("State"),
    "organisation": marked("Organisation"),
    "directory_managed": marked("Managed by a directory"),
    "found": marked("Found"),
    "unread": marked("Not read"),
    "seats_total": marked("Seats in all"),
    "seats_used": marked("Seats used"),
    "done": marked("Done"),
    "failed": marked("Failed"),
    "skipped": marked("Skipped"),
    "candidate": marked("Candidates"),
    "notified": marked("Told"),
    "over": marked("Grace is over"),
    "waiting": marked("Invitations that wait"),
    # of an import
    "rows": marked("Rows"),
    "created": marked("Added"),
    "updated": marked("Changed"),
    "unchanged": marked("Unchanged"),
    "duplicates": marked("Twice in the file"),
    "conflicts": marked("In conflict"),
    "errors": marked("Not usable"),
    "leavers": marked("Would leave"),
    "left": marked("Left"),
    "waits": marked("Waits, because"),
}
GUARDS: Final[Mapping[str, str]] = {
    "many_removals": marked("it removes many people"),
    "buys_seats": marked("it buys seats"),
    "cancels_plan": marked("it takes the last seat, and with it the vendor's plan"),
    "gives_owner": marked("it makes somebody an owner"),
}
CONFLICTS: Final[Mapping[str, str]] = {
    "address": marked("several active persons have this address: correct one of them"),
    "login": marked("what a vendor knows one by is another's address: move the log-in, or take it away"),
    "several": marked("one person has several log-ins at this vendor: take all but one away"),
}
TITLES: Final = (marked("By hand"),)      # of vendors, where it is a word
# What `vendors.registry` says of each vendor; its sentences are the keys.
BY_HAND: Final = (
    marked("People accept their invitation themselves."),
    marked("Keys are made in the vendor's console."),
    marked("Admins are appointed in the vendor's console."),
    marked("The first federation rule, which gives a token of scope org:admin, is made in the vendor's console."),
    marked("People accept the invitation to the organisation themselves."),
    marked("The plan is bought at the vendor."),
    marked("People join through the vendor's dashboard or single sign-on."),
    marked("Roles are given in the vendor's dashboard."),
    marked("People and roles are those of the directory."),
    marked("Everything but trying a key: there is no interface that they share."),
    marked("Everything: each step is a checklist that a person ticks."),
)
# What adapters say of money (`vendors._base.SeatTerms.words`), likewise.
MONEY: Final = (
    marked(
        "Every seat that is assigned is bought: it is billed with the organisation's Copilot plan from then on. A seat that is "
        "taken away stays until the billing cycle ends and is paid for until then. Taking away the last one cancels the plan."
    ),
)


def state(words: Words, code: object, href: str = "", note: str = "") -> Cell:
    """A state, in words and colour."""
    text, tone = words.get(str(code), (str(code), ""))
    return Cell(told_as(text), href, note, tone=tone) if code else Cell(DASH, tone="off")


def name(words: Mapping[str, Any], code: object) -> str:
    """What a code is called, without a look."""
    found = words.get(str(code), str(code))
    return told_as(found[0] if isinstance(found, tuple) else found)


def field(code: str) -> str:
    """What a field of a file of people is called."""
    kind, _, vendor = code.partition(":")
    if vendor in VENDORS and kind == "login":
        return tr("Log-in at {vendor}", vendor=VENDORS[vendor].title)
    return name(FIELDS, code)


def options(words: Words, codes: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """The codes with their words, to choose from; `codes`: those that can be asked for, where not all can."""
    return tuple((code, name(words, code)) for code in codes or words)


def told_as(text: str) -> str:
    """A marked text in the reader's language; one with braces in it, which is data, as it is."""
    return told(text) if "{" not in text else text


def reason(code: str, facts: Mapping[str, Any], sentence: str) -> str:
    """Why a step is there, in the reader's language; the service's own sentence for a code of another version."""
    known = REASONS.get(code)
    return told(known, **facts) if known else sentence
