"""What alerts are about, how they travel, and the name of the job that sends them. Owns those words."""

from typing import Final, Literal, get_args

DELIVER: Final = "deliver-alerts"      # args: alert, the id of one

Kind = Literal["budget", "credential_disabled", "credential_expiring", "pool_unhealthy", "job_failed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
WEBHOOK: Final = "webhook"
MAIL: Final = "mail"
CHANNELS: Final = (WEBHOOK, MAIL)
TEST: Final = "alert.test"             # the type of a message that somebody asked for

RAISED: Final = "raised"
RESOLVED: Final = "resolved"

QUEUED: Final = "queued"
SENT: Final = "sent"
FAILED: Final = "failed"
STATES: Final = (QUEUED, SENT, FAILED)
