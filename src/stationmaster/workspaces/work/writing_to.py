"""Mail about a seat. Owns: what its places are filled with, the name that a mail has for good, and what a refusal means.

A mail cannot be taken back or looked for, so whoever writes one chooses: a reminder is noted before it leaves, and a worker that
dies in between costs a mail; a notice that something will be taken away is noted once a relay took it, and a worker that dies
in between writes it again, under the same Message-ID.
"""

from datetime import datetime

from stationmaster.errors import Conflict, Invalid
from stationmaster.jobs.kinds import Failed
from stationmaster.mail.services import MailError, write_to
from stationmaster.mail.texts import NONE, Which
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces.models import Seat

REFUSED = (MailError, Invalid, Conflict)      # a conflict: there is no relay any more


def write(seat: Seat, which: Which, until: datetime | None, about: datetime | None) -> None:
    """Write to a seat's person. `about`: the moment that the mail is about, the same one however often it is tried. Raises what
    is in `REFUSED`."""
    values = {
        "name": str(seat.person), "workspace": seat.workspace.name, "vendor": vendor(seat.workspace.vendor).title,
        "since": _day(seat.invited_at), "until": _day(until),
    }  # fmt: skip
    moment = f"{about:%Y%m%dT%H%M%S.%f}" if about is not None else "0"
    write_to(seat.person.email, which, values, f"{which}.{seat.id}.{moment}")


def refused(error: MailError | Invalid | Conflict) -> Failed:
    """What becomes of an item whose mail did not go. Where nobody knows, it is tried again: only who may write twice asks."""
    unsure = isinstance(error, MailError) and error.maybe_sent
    return Failed(error.code, error.message, retry=error.retryable or unsure)


def _day(moment: datetime | None) -> str:
    return moment.date().isoformat() if moment is not None else NONE
