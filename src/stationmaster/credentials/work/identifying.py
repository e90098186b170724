"""Which of a vendor's keys a pasted secret is, by the hint that the vendor shows of each. Owns the comparison: a hint that
fits several keys says nothing. """

import re
from collections.abc import Iterable
from typing import Final

from stationmaster.credentials import generations
from stationmaster.credentials.models import Credential
from stationmaster.credentials.work.opening import admin
from stationmaster.jobs.run import Run
from stationmaster.vendors._base import HasKeys, Key

_GAP: Final = re.compile(r"(?:\.{2,}|…|\*{2,}|•{2,})")
_LEAST: Final = 4      # characters that a hint has to show of a secret's end


def fits(hint: str, secret: str) -> bool:
    """Whether a hint like "sk-svcacct-…wxyz" is what a vendor shows of `secret`."""
    pieces = _GAP.split(hint)
    if len(pieces) != 2 or len(pieces[1]) < _LEAST:
        return False
    return secret.startswith(pieces[0]) and secret.endswith(pieces[1]) and len(secret) >= len(pieces[0]) + len(pieces[1])


def identify(run: Run, row: Credential, secret: str) -> Key | None:
    """The vendor's key that it is, noted on its generation; None: none, several, or the vendor shows nobody."""
    adapter = admin(run, row.workspace)
    if not isinstance(adapter, HasKeys):
        return None
    listed: Iterable[Key] = adapter.keys()
    found = [key for key in listed if key.status == "active" and fits(key.hint, secret)]
    if len(found) != 1:
        run.log(f"{row.name}: {len(found) or 'none'} of the vendor's keys fit it")
        return None
    with run.recording() as edit:
        now = Credential.objects.filter(id=row.id).first()
        if now is None or now.generation != row.generation or not now.secret.holds(secret):
            return None            # revoked or replaced while the vendor was asked
        generations.recognised(edit, now, found[0].id, found[0].project, found[0].expires_at)
    return found[0]
