"""Secrets that stand for somebody: tokens, links, session keys. Owns: what they look like, how they are hashed, and how
it is noted that one was used.

They have 256 random bits, so a keyed hash is enough (OWASP ASVS 5.0, 6.5.2): there is nothing to guess. Only the hash
reaches the database, in storing and in looking up.
"""

import contextlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from django.db import OperationalError, transaction
from django.utils import timezone

from stationmaster.store import keyholder

Purpose = Literal["api token", "gateway token", "scim token", "admin link", "session", "calendar"]

_PREFIXES: dict[Purpose, str] = {
    "api token": "sm-api-", "gateway token": "sm-gw-", "scim token": "sm-scim-", "admin link": "", "session": "", "calendar": "",
}
_SHOWN = 4        # characters of the random part that lists show
COARSE: Final = timedelta(hours=1)      # how exactly it is known when one was used last
MAX_LENGTH = 200  # of anything that somebody presents


@dataclass(frozen=True)
class Fresh:
    """A secret that was made just now, to be shown once. `repr` hides it."""

    text: str
    hashed: str
    hint: str

    def __repr__(self) -> str:
        return f"Fresh({self.hint!r})"


def new(purpose: Purpose) -> Fresh:
    """Make a secret."""
    prefix = _PREFIXES[purpose]
    text = prefix + secrets.token_urlsafe(32)
    return Fresh(text, hashed(purpose, text), text[: len(prefix) + _SHOWN])


def hashed(purpose: Purpose, text: str) -> str:
    """What the database knows of a secret that somebody presents: 64 hex digits."""
    return keyholder.digests().mac(purpose, text[:MAX_LENGTH].encode(errors="replace"))


def note_use(row: Any, coarse: timedelta = COARSE) -> None:
    """Note in its row, whose `last_used_at` is observed, that a secret was used just now, if that is news. Where the database
    takes nothing in at the moment, the next use is noted: that is no reason to turn somebody away."""
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > coarse:
        with contextlib.suppress(OperationalError), transaction.atomic():
            type(row).objects.filter(id=row.id).observe(last_used_at=now)
