"""Rows of the floor itself: the head, what was dropped, settings that were saved. Owns their tables."""

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText


class Head(models.Model):
    """One row: where the configuration stands. Every change locks it, so changes follow one another."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    revision = models.BigIntegerField(default=0)
    master_key = AsciiField(max_length=40)       # the id of the one that seals
    root = models.TextField()                    # the root of keyed hashes, sealed with a master key


class Dropped(models.Model):
    """A configuration row that is no more, so that gateways can be told which to drop."""

    revision = models.BigIntegerField(db_index=True)
    kind = AsciiField(max_length=40)
    row = AsciiField(max_length=64)              # its id
    name = AsciiField(max_length=160)            # what gateways know it by


class StoredSetting(models.Model):
    """One setting that an admin saved, as JSON; everything else comes from flags, environment, file or default. `revision`:
    the configuration's when it was saved, which is its version for `If-Match`."""

    name = AsciiField(max_length=160, primary_key=True)
    value = JsonText()
    revision = models.BigIntegerField()
    by = AsciiField(max_length=64)
    at = models.DateTimeField()
