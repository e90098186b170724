"""The row of a source. Owns its table."""

from typing import Any, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.store.sealed import SealedField

NEW: Final = "new"                # nothing was issued yet
OK: Final = "ok"
FAILING: Final = "failing"        # tried again, ever more seldom
NEEDS_YOU: Final = "needs_you"    # not tried again: a person gives another refresh token
STATES: Final = (NEW, OK, FAILING, NEEDS_YOU)

# How far the use of a refresh token has gone, that may be good for one use only.
UNUSED: Final = ""
SENT: Final = "sent"              # to the issuer, and no answer is stored yet: lost, if nobody holds the lease
LAST: Final = "last"              # the same, a second time


class TokenSource(ConfigRow):
    """Where the short-lived secret of a credential comes from: `kind` and `options` (public, of the kind's shape), `secret` and
    `rotating` (a refresh token) are what it is asked with.

    Observed, by the database's clock: `asked_at`, `expires_at` of the last one; `refresh_at`: when it is due, or tried again
    (None: not by itself); `serial` counts what came of it, so that who saw the same state does not refresh twice; `lease`: who is
    refreshing, until `lease_until`; `sent`: how far a refresh token's use has gone; `last_error`, `last_words`: why it failed.
    """

    PREFIX = "src"
    KIND = "source"
    SEARCH = ("kind",)
    OBSERVED = frozenset({
        "state", "asked_at", "expires_at", "refresh_at", "refreshed_at", "serial", "lease", "lease_until", "sent", "failures",
        "last_error", "last_words",
    })  # fmt: skip

    credential = models.OneToOneField("credentials.Credential", on_delete=models.CASCADE, related_name="source")
    kind = AsciiField(max_length=32, db_index=True)
    options = JsonText(default=dict, blank=True)
    place = models.TextField(default="", blank=True)       # where what it gives is sent, as its owner agreed to (`place_of`)
    secret = SealedField(purpose="token source", reveal_to=frozenset({"refresh"}))
    rotating = SealedField(purpose="token source refresh token", reveal_to=frozenset({"refresh"}))
    state = AsciiField(max_length=12, default=NEW, db_index=True)
    asked_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    refresh_at = models.DateTimeField(null=True, db_index=True)
    refreshed_at = models.DateTimeField(null=True)
    serial = models.PositiveIntegerField(default=0)
    lease = AsciiField(max_length=64, default="", blank=True)
    lease_until = models.DateTimeField(null=True)
    sent = AsciiField(max_length=8, default=UNUSED, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = AsciiField(max_length=128, default="", blank=True)
    last_words = models.TextField(default="", blank=True)

    @property
    def moved(self) -> bool:
        """Whether its credential has another address by now."""
        return self.place != place_of(self.credential)

    def known_as(self) -> str:
        """No gateway knows sources."""
        return str(self.id)


def place_of(credential: Any) -> str:
    """Where the secret of a credential is sent."""
    return f"{credential.vendor} {credential.base_url}"
