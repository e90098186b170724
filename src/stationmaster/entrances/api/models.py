"""Rows of REST. Owns the table of answers to calls that named an Idempotency-Key."""

from django.db import models

from stationmaster.store.fields import AsciiField


class GivenAnswer(models.Model):
    """What a call was answered, sealed: it may hold a key that is shown only once. `id` is a keyed hash of who called and
    of the key that they named, `request` one of what they asked."""

    id = AsciiField(max_length=64, primary_key=True)
    request = AsciiField(max_length=64)
    answer = models.BinaryField()
    at = models.DateTimeField(db_index=True)
