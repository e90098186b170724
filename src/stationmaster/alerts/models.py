"""Rows of alerts: what people asked to be told, lines that are crossed, what was sent. Owns their tables, and that a line is
written down once each time it is crossed.
"""

from typing import Any, ClassVar

from django.db import models

from stationmaster.alerts.crossing import BUDGET_PERCENT, EXPIRY_DAYS
from stationmaster.alerts.kinds import QUEUED, Kind
from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow, new_id
from stationmaster.store.sealed import SealedField


def usual_percent() -> list[int]:
    """At which per cents of a budget."""
    return list(BUDGET_PERCENT)


def usual_days() -> list[int]:
    """How many days before an end."""
    return list(EXPIRY_DAYS)


class Alert(ConfigRow):
    """One place that is told of things: a webhook at `url`, or mail to `addresses`. `kinds`: of which (empty: of all), `watches`:
    patterns of names, `*` for any part (empty: every name); `language` empty: that of mail.

    `secret` signs webhooks; while a change of it lasts, until `previous_until`, `previous` signs too.
    """

    PREFIX = "alr"
    KIND = "alert"
    SEARCH = ("name", "url")

    name = AsciiField(max_length=128, unique=True)
    channel = AsciiField(max_length=12, db_index=True)
    url = models.TextField(default="", blank=True)
    addresses = JsonText(default=list)
    language = AsciiField(max_length=8, default="", blank=True)
    kinds = JsonText(default=list)
    watches = JsonText(default=list)
    budget_percent = JsonText(default=usual_percent)
    expiry_days = JsonText(default=usual_days)
    pool_minimum = models.PositiveIntegerField(default=1)
    allow_insecure_http = models.BooleanField(default=False)
    secret = SealedField(purpose="alert", reveal_to=frozenset({"sign"}))
    previous = SealedField(purpose="alert", reveal_to=frozenset({"sign"}))
    previous_until = models.DateTimeField(null=True)
    disabled = models.BooleanField(default=False)
    disabled_reason = models.TextField(default="", blank=True)

    def wants(self, kind: Kind) -> bool:
        """Whether it is told of this kind."""
        return not self.kinds or kind in self.kinds


class Crossing(models.Model):
    """A line that a thing crossed, until `over_at`. `round` counts the times in one period, so that what comes back and crosses
    it again is told again, and nothing is told twice however many look."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="crossings")
    kind = AsciiField(max_length=24)
    thing = AsciiField(max_length=160)
    name = models.TextField()
    line = models.IntegerField()
    period = AsciiField(max_length=40, default="")
    round = models.PositiveIntegerField(default=1)
    at = models.DateTimeField()
    over_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["alert", "kind", "thing", "line", "period", "round"], name="alerts_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.line}"


class Delivery(models.Model):
    """One message to one place: its id is the same at every try. `body` is what was said, as JSON, without any secret; `to` the
    host or the address; `answer` the HTTP status that came last (0: none), `words` what went wrong last; `tries`: how often it
    was sent."""

    PREFIX: ClassVar[str] = "msg"

    id = AsciiField(max_length=64, primary_key=True)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="deliveries")
    type = AsciiField(max_length=48)
    to = AsciiField(max_length=254)
    body = models.TextField()
    state = AsciiField(max_length=12, default=QUEUED, db_index=True)
    at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    answer = models.PositiveIntegerField(default=0)
    words = models.TextField(default="")
    job = AsciiField(max_length=64, default="", db_index=True)
    search_text = models.TextField(default="")

    class Meta:
        indexes: ClassVar[list[Any]] = [models.Index(fields=["alert", "at"], name="alerts_delivery_at")]

    def __init__(self, *args: Any, **named: Any) -> None:
        if not args:
            named = {"id": new_id(self.PREFIX), **named}
        super().__init__(*args, **named)

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
