"""What pages of running share. Owns: their tabs, and what roles are called."""

from typing import Final

from django.http import HttpRequest

from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.parts import Link
from stationmaster.entrances.console.pages.showing import may
from stationmaster.i18n import marked, tr
from stationmaster.operators import services as operators

ROLES: Final = {
    "viewer": marked("viewer: sees, changes nothing"),
    "operator": marked("operator: runs seats, credentials and traffic"),
    "admin": marked("admin: everything"),
    "auditor": marked("auditor: sees everything, the audit trail too"),
    "member": marked("member: sees what is their own"),
    "scim": marked("directory (SCIM)"),
}


def role_name(role: str) -> str:
    """A role in a word or two, without what it may."""
    return words.name(ROLES, role).partition(":")[0].partition("\N{FULLWIDTH COLON}")[0]


def roles() -> tuple[tuple[str, str], ...]:
    """The roles that people may have, to choose from."""
    return tuple((role, words.name(ROLES, role)) for role in operators.ROLES)


def tabs(request: HttpRequest, here: str) -> tuple[Link, ...]:
    """Who and what is let in: people, programs, gateways."""
    pages = (
        ("/operators", tr("Operators"), "operators:read"), ("/tokens", tr("Tokens"), "tokens:read"),
        ("/gateways", tr("Gateways"), "gateways:read"),
    )  # fmt: skip
    return tuple(Link(text, href, href == here) for href, text, action in pages if may(request, action))
