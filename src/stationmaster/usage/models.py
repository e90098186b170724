"""Rows of usage. Owns the tables: batches taken in, single requests, their hourly and daily sums, gateways, what keys spent.

Nothing here is configuration: gateways write it, so it needs no open change and leaves no audit event.
"""

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText


class Gateway(models.Model):
    """A gateway that was here, under the name that it gives itself, and what it said of itself last."""

    name = AsciiField(max_length=128, primary_key=True)
    token = AsciiField(max_length=64)                       # the id of the token that it came with
    version = AsciiField(max_length=64)
    revision = models.BigIntegerField()                     # of the configuration that it serves from; 0: none yet
    workers = models.IntegerField()
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)
    events_dropped = models.BigIntegerField(default=0)      # that it lost before it could report them


class Batch(models.Model):
    """A batch that was taken in. Kept for longer than its events, so that it is known when it comes again."""

    gateway = AsciiField(max_length=128)
    batch = AsciiField(max_length=64)
    at = models.DateTimeField(db_index=True)                # of its arrival

    class Meta:
        constraints = (models.UniqueConstraint(fields=("gateway", "batch"), name="one_batch_once"),)


class KeySpend(models.Model):
    """What one key spent in one account, as the gateway counts it whose account it is (`gateway.core.spend.Spent`): nanodollars
    of a UTC day, of a month, and in all. `account` is the gateway's own for as long as its disk lasts."""

    account = AsciiField(max_length=64)
    key = AsciiField(max_length=128)                        # its name
    day = AsciiField(max_length=10)
    month = AsciiField(max_length=7)
    today = models.BigIntegerField()
    this_month = models.BigIntegerField()
    total = models.BigIntegerField()
    at = models.DateTimeField()                             # when it was told last

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "key"), name="one_account_of_a_key"),)
        indexes = (models.Index(fields=("key",), name="spend_key"),)


class UsageEvent(models.Model):
    """One request as a gateway told it: the fields of docs/reference/events.md. `model` is what the vendor was sent, and
    what the client said when nothing was sent. Times in microseconds, `cost` in nanodollars, null: not known."""

    request_id = AsciiField(max_length=64, primary_key=True)
    at = models.DateTimeField()                             # when the request ended
    gateway = AsciiField(max_length=128)
    key = AsciiField(max_length=128)
    owner = AsciiField(max_length=256)
    tenant = AsciiField(max_length=256)
    credential = AsciiField(max_length=128)
    pool = AsciiField(max_length=128)
    model = AsciiField(max_length=256)
    endpoint = AsciiField(max_length=64)
    dialect = AsciiField(max_length=32)
    status = models.IntegerField()
    error = AsciiField(max_length=128)
    usage_source = AsciiField(max_length=32)
    duration_us = models.BigIntegerField()
    first_byte_us = models.BigIntegerField()
    input = models.BigIntegerField()
    cache_read = models.BigIntegerField()
    cache_write = models.BigIntegerField()
    output = models.BigIntegerField()
    reasoning = models.BigIntegerField()
    cost = models.BigIntegerField(null=True)
    detail = JsonText(default=dict)                         # what is shown, and never searched

    class Meta:
        indexes = (
            models.Index(fields=("at", "request_id"), name="event_at"),
            models.Index(fields=("key", "at", "request_id"), name="event_key"),
            models.Index(fields=("owner", "at", "request_id"), name="event_owner"),
            models.Index(fields=("credential", "at", "request_id"), name="event_credential"),
        )


class Sums(models.Model):
    """The sums of all requests that share these dimensions within one stretch of time. `series` is a hash of the
    dimensions: they may be too long for an index."""

    start = models.DateTimeField()
    series = AsciiField(max_length=32)
    key = AsciiField(max_length=128)
    owner = AsciiField(max_length=256)
    tenant = AsciiField(max_length=256)
    credential = AsciiField(max_length=128)
    pool = AsciiField(max_length=128)
    model = AsciiField(max_length=256)
    usage_source = AsciiField(max_length=32)
    requests = models.BigIntegerField()
    errors = models.BigIntegerField()
    input = models.BigIntegerField()
    cache_read = models.BigIntegerField()
    cache_write = models.BigIntegerField()
    output = models.BigIntegerField()
    reasoning = models.BigIntegerField()
    cost = models.BigIntegerField()
    unpriced = models.BigIntegerField()                     # requests that used tokens whose price is not known

    class Meta:
        abstract = True


class HourlyUsage(Sums):
    """Sums of an hour (UTC)."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=("start", "series"), name="one_sum_an_hour"),)
        indexes = (
            models.Index(fields=("key", "start"), name="hour_key"), models.Index(fields=("owner", "start"), name="hour_owner"),
        )


class DailyUsage(Sums):
    """Sums of a day (UTC)."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=("start", "series"), name="one_sum_a_day"),)
        indexes = (
            models.Index(fields=("key", "start"), name="day_key"), models.Index(fields=("owner", "start"), name="day_owner"),
        )
