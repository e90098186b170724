"""Why a step is there. Owns: the codes, and the sentence of each in English, which is also its id for translations.

Sentences name `facts` in braces. A code that is not here is refused by the tests.
"""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.i18n import marked

REASONS: Final[Mapping[str, str]] = {
    # done
    "assigned": marked("is assigned here, and not in"),
    "expired": marked("the invitation expired"),
    "failed_before": marked("is assigned here; the last try failed"),
    "role_of_invite": marked("is invited as {has}, and is to be {wants}"),
    "address_of_invite": marked("is invited at another address than theirs: that is withdrawn, and they are invited anew"),
    "surplus": marked("is invited more than once; this invitation is one too many"),
    "role": marked("is {has}, and is to be {wants}"),
    "projects": marked("is missing in projects"),
    "there": marked("is in already"),
    "accepted": marked("accepted the invitation"),
    "invited_already": marked("was invited already"),
    "no_licence": marked("is in the organisation, without a seat"),
    "ending": marked("the seat is cancelled and ends, and is wanted"),
    "not_assigned": marked("is not assigned here any more"),
    "left": marked("left the company"),
    "inactive": marked("no activity was reported, and the grace period is over"),
    "stranger_removed": marked("nobody here is known by this; the policy removes strangers"),
    "never_assigned": marked("was never assigned here; the policy removes everybody without an assignment"),
    "over": marked("is not assigned here any more, and not in"),
    # by hand
    "invite_by_hand": marked("the vendor offers no interface for invitations: add them there"),
    "remove_by_hand": marked("the vendor offers no interface for removals: take them out there"),
    # blocked
    "no_seat": marked("no seat is free: {total} in all, {used} used, place {place} of {waiting} who wait"),
    "domain": marked("addresses at {domain} are not allowed in this workspace"),
    "no_address": marked("no e-mail address is known"),
    "no_login": marked("no login at this vendor is known; link it first"),
    "conflict": marked("more than one person answers to it; settle that first"),
    "not_read": marked("the workspace was not read yet, or not wholly: run its reconciliation first"),
    "disabled": marked("the workspace is disabled"),
    "unsure": marked("the last write is unconfirmed; the vendor is read first"),
    # skipped
    "directory": marked("is managed in the vendor's directory; change it there"),
    "owner": marked("is {role}, which is given and taken at the vendor only"),
    "last_owner": marked("is the last {role}"),
    "kept": marked("is kept: somebody decided so"),
    "not_seen": marked("was missing in the last reading; a second one decides"),
    "person_inactive": marked("is not active in the company"),
    "stranger": marked("nobody here is known by this"),
    "unassigned": marked("has no assignment, and was never given a seat here"),
    "renamed": marked("is in, and known at the vendor as {known}"),
    "second": marked("is in a second time; this one is left alone"),
    "was_inactive": marked("was removed for want of activity; is invited again on request only"),
    "role_by_hand": marked("is {has}, and should be {wants}: roles are given at the vendor"),
}


def sentence(code: str, facts: Mapping[str, Any]) -> str:
    """The sentence of a reason, in English. Raises KeyError for a code that there is not."""
    return REASONS[code].format(**facts)
