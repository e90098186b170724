"""Names of the kinds of jobs that workspaces have. Who performs them registers them; who submits them needs the name only."""

from typing import Final

ONBOARD: Final = "onboard"          # args: none; the workspace is the job's
RECONCILE: Final = "reconcile"      # args: none
APPLY: Final = "apply"              # args: plan
INVITE: Final = "invite"            # args: seat; one invitation on request
OFFBOARD: Final = "offboard"        # args: none; candidates by the workspace's policy
REMIND: Final = "remind"            # args: none; mails to who was invited and did not accept
