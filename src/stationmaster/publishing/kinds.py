"""Names of the kinds of jobs that targets have. The job's workspace is the target: one at a time runs there, at its pace."""

from typing import Final

PUBLISH: Final = "publish"          # args: plan, or credential, or none: copies that hold an earlier secret
WITHDRAW: Final = "withdraw"        # args: credential, or none: all that nobody wants there any more
READ_BACK: Final = "read-back"      # args: none

URGENT: Final = 100                 # the priority of what a leak waits for
