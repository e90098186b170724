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
from stationmaster.i18n import known, marked, told, tr
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
HEALTH: Final[Words] = {
    "healthy": (marked("healthy"), "good"),
    "unknown": (marked("not used yet"), "off"),
    "cooling": (marked("rests for a while"), "busy"),
    "suspect": (marked("was refused lately"), "bad"),
    "disabled": (marked("out of service"), "bad"),
    "probing": (marked("is being tried again"), "busy"),
    "off": (marked("switched off"), "off"),
    "in": (marked("held in service by hand"), "busy"),
    "out": (marked("held out of service by hand"), "off"),
    "empty": (marked("has no secret yet"), "bad"),
}
# Why a gateway, or a look of ours, thinks so of a credential: the causes that `gateway.core` knows, and ours.
CAUSES: Final[Mapping[str, str]] = {
    "rate_limited": marked("the vendor asked for a pause"),
    "upstream": marked("the vendor failed"),
    "invalid_key": marked("the vendor refused the key"),
    "denied": marked("the vendor denied what the key was used for"),
    "billing": marked("the vendor wants to be paid first"),
    "terminated": marked("the vendor closed the account"),
    "suspended": marked("the vendor put the account on hold"),
    "operator": marked("an operator took it out of service"),
    "probe": marked("it was probed"),
}
ENDS: Final[Words] = {
    "ok": (marked("ends"), "good"),
    "soon": (marked("ends soon"), "busy"),
    "expired": (marked("has ended"), "bad"),
    "expires": (marked("ends"), ""),
    "rotates": (marked("is rotated"), ""),
}
REFRESHING: Final[Words] = {
    "new": (marked("not fetched yet"), "busy"),
    "ok": (marked("works"), "good"),
    "failing": (marked("fails, is tried again"), "busy"),
    "expired": (marked("fails, and the last one has ended"), "bad"),
    "needs_you": (marked("waits for you"), "bad"),
}
GENERATIONS: Final[Words] = {
    "minting": (marked("is being made"), "busy"),
    "minted": (marked("made, not tried yet"), "busy"),
    "probed": (marked("works; is being brought in"), "busy"),
    "live": (marked("serves"), "good"),
    "draining": (marked("replaced; what runs with it ends"), "busy"),
    "kept": (marked("kept as the way back"), "off"),
    "by_hand": (marked("to be revoked by hand"), "bad"),
    "revoking": (marked("is being revoked at the vendor"), "busy"),
    "revoked": (marked("revoked"), "off"),
    "failed": (marked("given up"), "bad"),
}
ORIGINS: Final[Mapping[str, str]] = {"minted": marked("made by the vendor for us"), "pasted": marked("pasted")}
# What `credentials.asking` says of making a key by hand; its sentences are the keys.
STEPS_BY_HAND: Final = (
    marked("Open the vendor's console, and there the organisation and workspace."),
    marked("Make a service account, or choose the one that this credential has."),
    marked("Make a key for it, with an end that you can keep."),
    marked("Paste it here: it is asked for a list of models, and nothing else."),
    marked("Open the project in the vendor's console."),
    marked("Make a service account in it; its key is shown once."),
    marked("Make an authorisation key in AI Studio, bound to a service account."),
    marked("Show the second key of the resource in the portal."),
    marked("Paste it here; once it serves, have the first one made anew in the portal."),
    marked("Make an API key in the vendor's console."),
    marked("Paste it here."),
    # What `credentials.guiding` says besides.
    marked("Make a service account in the vendor's console, and add it to the workspace that is to pay."),
    marked("Add the issuer of our identity tokens, letter by letter; where the vendor cannot reach it, paste its keys."),
    marked("Make a rule that gives this service account's tokens to exactly this subject and audience."),
    marked("Note the ids of organisation, service account and rule, and enter them here."),
    marked("A token is asked for and tried at once. When the vendor refuses, only its console's history says why."),
    marked("The identity token lacks one of iss, sub, iat and exp, which the vendor wants."),
    marked("The identity token is not signed with a key pair that is named (kid), which the vendor wants."),
    marked("The identity token lives longer than an hour: allow that where the issuer is added."),
)
BILLS: Final[Words] = {
    "agrees": (marked("agree"), "good"),
    "low": (marked("too little came by us"), "bad"),
    "high": (marked("the vendor knows of too little"), "bad"),
    "late": (marked("the vendor is not that far yet"), "busy"),
    "open": (marked("the day is not over"), "busy"),
    "unmetered": (marked("is not used by gateways"), "off"),
    "none": (marked("nothing was used"), "off"),
}
MEASURES: Final[Mapping[str, str]] = {
    "tokens": marked("by tokens"), "requests": marked("by requests"), "cost": marked("by cost"),
}  # fmt: skip
TARGETS: Final[Words] = {
    "ready": (marked("ready"), "good"),
    "untested": (marked("to be tested"), "busy"),
    "refused": (marked("refused us"), "bad"),
    "disabled": (marked("switched off"), "off"),
}
PUBLICATIONS: Final[Words] = {
    "pending": (marked("to be published"), "busy"),
    "published": (marked("published"), "good"),
    "skipped": (marked("left alone"), "off"),
    "failed": (marked("failed"), "bad"),
    "unwanted": (marked("to be withdrawn"), "busy"),
}
SEEN: Final[Words] = {
    "present": (marked("as we published it"), "good"),
    "missing": (marked("is gone there"), "bad"),
    "drifted": (marked("was changed there"), "bad"),
    "unknown": (marked("could not be read"), "off"),
}
ALERTS: Final[Words] = {
    "quiet": (marked("nothing to tell"), "good"),
    "raised": (marked("has something to tell"), "busy"),
    "failing": (marked("does not arrive"), "bad"),
    "disabled": (marked("switched off"), "off"),
}
MESSAGES: Final[Words] = {
    "queued": (marked("on its way"), "busy"),
    "sent": (marked("arrived"), "good"),
    "failed": (marked("did not arrive"), "bad"),
}
CHANNELS: Final[Mapping[str, str]] = {"webhook": marked("Webhook"), "mail": marked("Mail")}
ALERT_KINDS: Final[Mapping[str, str]] = {
    "budget": marked("Budgets nearly used"),
    "credential_disabled": marked("Credentials out of service"),
    "credential_expiring": marked("Credentials about to end"),
    "pool_unhealthy": marked("Pools short of members"),
    "job_failed": marked("Jobs that failed"),
}
STANDING: Final[Words] = {
    "active": (marked("in service"), "good"),
    "paused": (marked("paused"), "off"),
    "limited": (marked("at its limit"), "busy"),
    "invalid": (marked("refused by its vendor"), "bad"),
    "unknown": (marked("does not say"), "off"),
}
PUBLISHING: Final[Words] = {
    "create": (marked("is made"), "good"),
    "update": (marked("is changed"), "busy"),
    "adopt": (marked("is taken over"), "busy"),
    "withdraw": (marked("is taken away"), "bad"),
    "skip": (marked("left alone"), "off"),
}
PUBLISH_PLANS: Final[Words] = {"made": (marked("to be approved"), "busy"), "applied": (marked("begun"), "good")}
# What is compared when a target is read back.
KEPT: Final[Mapping[str, str]] = {
    "name": marked("Name"), "base_url": marked("Address"), "models": marked("Models"), "priority": marked("Priority"),
    "concurrency": marked("Requests at a time"), "groups": marked("Groups"), "enabled": marked("Switched on"),
    "secret": marked("Secret"), "duplicate": marked("there is more than one of it"),
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
    "employee_number": marked("Employee number"),
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
    "import": marked("Import an older setup"),
    "mint": marked("Mint a key"),
    "rotate": marked("Rotate a key"),
    "revoke": marked("Revoke keys"),
    "probe": marked("Probe credentials"),
    "end-override": marked("End an override"),
    "reconcile-bills": marked("Compare bills"),
    "make-backup": marked("Make a backup"),
    "deliver-alerts": marked("Send alerts"),
    "publish": marked("Publish"),
    "withdraw": marked("Withdraw copies"),
    "read-back": marked("Read a target back"),
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


def options(words: Mapping[str, Any], codes: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """The codes with their words, to choose from; `codes`: those that can be asked for, where not all can."""
    return tuple((code, name(words, code)) for code in codes or words)


def told_as(text: str) -> str:
    """A marked text in the reader's language; one with braces in it, which is data, as it is."""
    return text if "{" in text else known(text) or text


def reason(code: str, facts: Mapping[str, Any], sentence: str) -> str:
    """Why a step is there, in the reader's language; the service's own sentence for a code of another version."""
    marked_so = REASONS.get(code)
    return told(marked_so, **facts) if marked_so else sentence
