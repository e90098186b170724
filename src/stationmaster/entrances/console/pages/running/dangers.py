"""Settings that a wrong value makes dangerous. Owns: which they are, and in a sentence what can happen; may not know their
values."""

from collections.abc import Mapping
from typing import Final

from stationmaster.i18n import marked

DANGERS: Final[Mapping[str, str]] = {
    "vault.master_key": marked("With another key than the one that sealed them, no stored secret can be read."),
    "console.host": marked("With an address that others reach, the console and REST are open to their network."),
    "gateway.host": marked("With an address that others reach, the gateway is open to their network."),
    "login.local": marked("Switched off, whoever single sign-on does not let in is shut out, admins too."),
    "oidc.issuer": marked("With a wrong address, nobody comes in by single sign-on; with a foreign one, strangers do."),
    "oidc.viewer_domains": marked("Everybody of these domains comes in unasked and sees what viewers see."),
    "identity.ambient": marked("Whoever may add a source can then use this machine's own identity."),
    "outbound.allowed_private": marked("Whoever may store an address can then have requests sent into these networks."),
    "retention.raw_events_days": marked("With fewer days, events that are older are deleted, and do not come back."),
    "jobs.retention_days": marked("With fewer days, jobs that ended before are deleted with their logs, and do not come back."),
    "seats.removal_count": marked("With a larger number, so many people can lose their seats without another approval."),
    "seats.removal_share": marked("With a larger share, so many people can lose their seats without another approval."),
}
