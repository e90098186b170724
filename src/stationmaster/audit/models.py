"""Rows of the audit trail. Owns: events, the sealed head, the one table that knows people by name."""

from django.db import models

from stationmaster.store.fields import AsciiField


class AuditEvent(models.Model):
    """One thing that happened, and its place in the chain. Every column but `hash` is covered by `hash`, together with
    the hash of the event before. `before` and `after` are canonical JSON, empty for none; `about` is what a search
    looks through, case-folded."""

    seq = models.BigIntegerField(primary_key=True)         # 1, 2, 3 …, without gaps
    at = models.DateTimeField(db_index=True)
    source = AsciiField(max_length=40, db_index=True)
    subject = AsciiField(max_length=200, db_index=True)
    action = AsciiField(max_length=60, db_index=True)
    actor_kind = AsciiField(max_length=20)
    actor = AsciiField(max_length=64, db_index=True)       # an id; names are in Person
    role = AsciiField(max_length=20)
    request_id = AsciiField(max_length=128)
    revision = models.BigIntegerField()
    before = models.TextField()
    after = models.TextField()
    about = models.TextField()
    hash = AsciiField(max_length=64)

    def __str__(self) -> str:
        return f"{self.source}:{self.subject}:{self.action}"


class AuditHead(models.Model):
    """One row: how many events there are and the last one's hash, sealed, so that a tail cut off shows."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    count = models.BigIntegerField(default=0)
    hash = AsciiField(max_length=64)
    mac = AsciiField(max_length=64)


class Person(models.Model):
    """Whom an id stands for. Erasing a person empties this row; the events keep the id and stay in the chain."""

    id = AsciiField(max_length=64, primary_key=True)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=320)
    erased_at = models.DateTimeField(null=True)
