"""Rows of targets, of what is published there, and of plans. Owns their tables."""

from typing import Any, ClassVar, Final

from django.db import models as db
from django.db.models import Q

from stationmaster.credentials.models import Credential
from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.store.sealed import SealedField

PENDING: Final = "pending"
PUBLISHED: Final = "published"
SKIPPED: Final = "skipped"
FAILED: Final = "failed"
STATES: Final = (PENDING, PUBLISHED, SKIPPED, FAILED)

PRESENT: Final = "present"
MISSING: Final = "missing"
DRIFTED: Final = "drifted"
UNKNOWN: Final = "unknown"
SIGHTS: Final = ("", PRESENT, MISSING, DRIFTED, UNKNOWN)      # as they were read back; empty: not yet

# Rows of what is at a target, or may be: a create that was begun counts, and what is still to be taken away.
THERE: Final = ~Q(entry="") | Q(state__in=(PENDING, FAILED)) | Q(wanted=False)


class Target(ConfigRow):
    """Somebody's gateway that credentials are published into. Its admin credential is for its management interface alone.

    `user` is who logs in, or the user id that goes with the key, where the kind asks for one. `concurrency`, `priority` (1 to
    100, lower first, 50 is usual), `groups` (ids there; empty: those called `group_names`) and `models` (empty: all) hold for
    what is published without saying otherwise. `read_minutes`: how often it is read back, 0: never by itself.
    `calls_per_minute` 0: the kind's own rate.

    Observed: `tested_as` is a keyed hash of how it was reached when it was tested: another address or credential asks for
    another test. `trouble`: why it refused us last; nothing is sent there until it was tested again.
    """

    PREFIX = "tgt"
    KIND = "target"
    SEARCH = ("name", "label", "kind", "base_url")
    OBSERVED = frozenset({
        "tested_at", "tested_ok", "tested_words", "tested_as", "trouble", "version", "read_at", "read_words",
    })  # fmt: skip

    name = AsciiField(max_length=128, unique=True)
    label = db.TextField(default="", blank=True)
    kind = AsciiField(max_length=32, db_index=True)
    base_url = db.TextField()
    user = db.TextField(default="", blank=True)
    secret = SealedField(purpose="target admin", reveal_to=frozenset({"target admin"}))
    allow_insecure_http = db.BooleanField(default=False)
    concurrency = db.PositiveIntegerField(default=0)
    priority = db.PositiveSmallIntegerField(default=50)
    groups = JsonText(default=list)
    group_names = JsonText(default=list)
    models = JsonText(default=list)
    default = db.BooleanField(default=False)
    read_minutes = db.PositiveIntegerField(default=0)
    calls_per_minute = db.PositiveIntegerField(default=0)
    disabled = db.BooleanField(default=False)
    disabled_reason = db.TextField(default="", blank=True)

    tested_at = db.DateTimeField(null=True, editable=False)
    tested_ok = db.BooleanField(default=False, editable=False)
    tested_words = db.TextField(default="", editable=False)
    tested_as = AsciiField(max_length=64, default="", editable=False)
    trouble = db.TextField(default="", editable=False)
    version = db.TextField(default="", editable=False)
    read_at = db.DateTimeField(null=True, editable=False)
    read_words = db.TextField(default="", editable=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            db.UniqueConstraint(fields=["default"], condition=Q(default=True), name="publishing_one_default"),
        ]


class Publication(ConfigRow):
    """One credential's copy at one target. `state` says how publishing it went, `cause` and `words` why; `wanted` false: it is
    to be taken away. `entry` and `place` are the target's, empty as long as nothing is known to be there. `generation` and
    `digest` (a keyed hash) say which secret was sent last. `models`, `priority`, `concurrency`, `groups` are how it was wanted,
    `pool` by which pool it came, if by one.

    Observed, when the target is read back: `seen`, the fields that `drift`, and what the target tells of `health` and `usage`.
    """

    PREFIX = "pub"
    KIND = "publication"
    SEARCH = ("credential_name", "target_name")
    OBSERVED = frozenset({"seen", "drift", "seen_at", "health", "health_words", "health_until", "usage"})

    credential = db.ForeignKey(Credential, on_delete=db.CASCADE, related_name="publications")
    target = db.ForeignKey(Target, on_delete=db.CASCADE, related_name="publications")
    pool = AsciiField(max_length=64, default="", blank=True, db_index=True)
    wanted = db.BooleanField(default=True, db_index=True)
    state = AsciiField(max_length=12, default=PENDING, db_index=True)
    cause = AsciiField(max_length=128, default="", blank=True)
    words = db.TextField(default="", blank=True)
    job = AsciiField(max_length=64, default="", blank=True)
    models = JsonText(default=list)
    priority = db.PositiveSmallIntegerField(default=50)
    concurrency = db.PositiveIntegerField(default=0)
    groups = JsonText(default=list)
    entry = db.TextField(default="", blank=True)
    place = db.TextField(default="", blank=True)
    generation = db.PositiveIntegerField(default=0)
    digest = AsciiField(max_length=64, default="", blank=True)
    published_at = db.DateTimeField(null=True)

    seen = AsciiField(max_length=12, default="", editable=False, db_index=True)
    drift = JsonText(default=list, editable=False)
    seen_at = db.DateTimeField(null=True, editable=False)
    health = AsciiField(max_length=12, default="", editable=False)
    health_words = db.TextField(default="", editable=False)
    health_until = db.DateTimeField(null=True, editable=False)
    usage = JsonText(default=dict, editable=False)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            db.UniqueConstraint(fields=["credential", "target"], name="publishing_once_a_target"),
        ]

    @property
    def credential_name(self) -> str:
        """Its credential's."""
        return str(self.credential.name)

    @property
    def target_name(self) -> str:
        """Its target's."""
        return str(self.target.name)

    @property
    def behind(self) -> bool:
        """Whether the copy holds an earlier secret."""
        return bool(self.entry) and self.generation != self.credential.generation

    def known_as(self) -> str:
        """No gateway knows publications."""
        return str(self.id)


class PublishPlan(ConfigRow):
    """What a run would do at a target, as it was found when the plan was made. `digest` covers all steps: who applies the plan
    names it."""

    PREFIX = "pplan"
    KIND = "publish-plan"
    SEARCH = ("pool",)

    target = db.ForeignKey(Target, on_delete=db.CASCADE, related_name="plans")
    pool = AsciiField(max_length=128, default="", blank=True)
    withdraw = db.BooleanField(default=False)
    state = AsciiField(max_length=12, default="made", db_index=True)      # made, applied
    digest = AsciiField(max_length=64)
    counts = JsonText(default=dict)
    notes = JsonText(default=list)
    job = AsciiField(max_length=64, default="", blank=True)
    made_by = AsciiField(max_length=64, default="", blank=True)

    def known_as(self) -> str:
        """No gateway knows plans."""
        return str(self.id)


class PublishStep(db.Model):
    """One credential's line of a plan. `terms`: how it would be published; plain values, no secret."""

    plan = db.ForeignKey(PublishPlan, on_delete=db.CASCADE, related_name="steps")
    position = db.PositiveIntegerField()
    credential = AsciiField(max_length=64)
    name = AsciiField(max_length=128)
    action = AsciiField(max_length=12, db_index=True)
    fields = JsonText(default=list)
    reason = AsciiField(max_length=120, default="")
    sentence = db.TextField(default="")
    terms = JsonText(default=dict)
    search_text = db.TextField(default="")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            db.UniqueConstraint(fields=["plan", "position"], name="publishing_step_position"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.name}"
