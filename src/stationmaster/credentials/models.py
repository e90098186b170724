"""Rows of credentials, of the secrets that follow one another in them, and of what gateways report about them. Owns their
tables."""

from typing import Any, ClassVar, Final

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.store.sealed import SealedField

MINTING: Final = "minting"        # the vendor is about to be asked, or was, and we hold no answer
MINTED: Final = "minted"
PROBED: Final = "probed"          # it works; served by a share of sessions from here on
LIVE: Final = "live"
DRAINING: Final = "draining"      # replaced; what runs with it ends
KEPT: Final = "kept"              # unused, and still valid: the way back
REVOKED: Final = "revoked"
FAILED: Final = "failed"          # it never served, and is gone
STATES: Final = (MINTING, MINTED, PROBED, LIVE, DRAINING, KEPT, REVOKED, FAILED)
OVERRIDES: Final = ("in", "out", "")      # of a credential, by hand
OVER: Final = (REVOKED, FAILED)
COMING: Final = (MINTING, MINTED, PROBED)


class Credential(ConfigRow):
    """A slot for secrets that a vendor issued for API use, one after another, and where they may be sent.

    `secret` is that of generation number `generation`, the live one; `incoming` is the number of the one that is about to follow
    (0: none), which serves `share` percent of the sessions. `workspace` (an id, or empty), `project` and `scopes` say where
    further ones are minted, `lifetime_days` for how long (0: without an end), `rotate_days` how often (0: never by itself),
    `keep_hours` how long the one before stays valid; it is told `warn_days` ahead of `expires_at`. `override`: a person says
    that it is "in" or "out" of service, until `override_until` (None: until it is taken back).

    Observed: `health…` is what a gateway reported last, `probe…` what the vendor said when we asked, `organisation_seen` whose
    the vendor says it is.
    """

    PREFIX = "cred"
    KIND = "credential"
    SEARCH = ("name", "vendor", "organisation", "base_url")
    OBSERVED = frozenset({
        "health", "health_cause", "health_at", "probed_at", "probe_ok", "probe_words", "organisation_seen", "warned",
    })  # fmt: skip

    name = AsciiField(max_length=128, unique=True)                  # the id in gateway.toml and in gateways
    vendor = AsciiField(max_length=32, db_index=True)
    base_url = models.TextField(default="", blank=True)             # empty: the vendor's own address
    organisation = models.TextField(default="", blank=True)
    secret = SealedField(purpose="credential", reveal_to=frozenset({"snapshot", "probe", "publish", "rotate"}))
    generation = models.PositiveIntegerField(default=1)
    incoming = models.PositiveIntegerField(default=0)
    share = models.PositiveSmallIntegerField(default=0)
    workspace = AsciiField(max_length=64, default="", blank=True, db_index=True)
    project = AsciiField(max_length=128, default="", blank=True)
    scopes = JsonText(default=list, blank=True)
    lifetime_days = models.PositiveIntegerField(default=0)
    rotate_days = models.PositiveIntegerField(default=0)
    keep_hours = models.PositiveIntegerField(default=24)
    warn_days = models.PositiveIntegerField(default=14)
    secret_since = models.DateTimeField(null=True)                  # when the live secret came
    expires_at = models.DateTimeField(null=True, db_index=True)     # of the live secret; null: never, as far as is known
    override = AsciiField(max_length=4, default="", blank=True)
    override_until = models.DateTimeField(null=True)
    override_reason = models.TextField(default="", blank=True)
    disabled = models.BooleanField(default=False)
    disabled_reason = models.TextField(default="", blank=True)
    prices = JsonText(default=dict, blank=True)                     # as in gateway.toml: model → USD per million tokens
    allow_insecure_http = models.BooleanField(default=False)
    health = AsciiField(max_length=20, default="unknown", db_index=True)
    health_cause = AsciiField(max_length=64, default="", blank=True)
    health_at = models.DateTimeField(null=True)
    probed_at = models.DateTimeField(null=True, editable=False)
    probe_ok = models.BooleanField(null=True, editable=False)
    probe_words = models.TextField(default="", editable=False)
    organisation_seen = models.TextField(default="", editable=False)
    warned = models.TextField(default="", editable=False)           # of which end, and how near it was


class CredentialSecret(ConfigRow):
    """One generation of a credential's secret: what the vendor knows it as, and how far its life has come.

    `secret` is empty for the live one, whose secret is the credential's, and for those that are over. `workspace` reaches the
    vendor that can revoke it. While it is `minting` nothing is held: what the vendor has under `name` is an answer that we
    lost. `sweep_until`: such answers may still turn up until then. """

    PREFIX = "gen"
    KIND = "generation"
    SEARCH = ("vendor_key", "service_account")

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="generations")
    number = models.PositiveIntegerField()
    origin = AsciiField(max_length=12)                              # minted, pasted
    state = AsciiField(max_length=12, db_index=True)
    since = models.DateTimeField()
    cause = AsciiField(max_length=64, default="", blank=True)       # a dotted code, for those that failed
    words = models.TextField(default="", blank=True)                # the cause for people
    secret = SealedField(purpose="credential generation", reveal_to=frozenset({"snapshot", "probe", "publish", "rotate"}))
    job = AsciiField(max_length=64, default="", blank=True)         # whose work it is
    vendor_key = AsciiField(max_length=128, default="", blank=True, db_index=True)
    service_account = AsciiField(max_length=128, default="", blank=True)
    project = AsciiField(max_length=128, default="", blank=True)
    workspace = AsciiField(max_length=64, default="", blank=True)
    scopes = JsonText(default=list, blank=True)
    minted_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    keep_until = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    sweep_until = models.DateTimeField(null=True, db_index=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["credential", "number"], name="credentials_generation_number"),
        ]

    @property
    def name(self) -> str:
        """What its service account is called at the vendor: readable, and no other installation's. Never reused."""
        return f"stationmaster {self.credential.name[:64]} {self.number} {self.id}"

    def known_as(self) -> str:
        """No gateway knows generations by themselves."""
        return str(self.id)


class HealthEvent(models.Model):
    """How a credential's state went on, as a gateway told it, or we found when we asked (`gateway` empty)."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="history")
    generation = models.PositiveIntegerField(default=0)             # 0: the gateway does not count
    gateway = AsciiField(max_length=128)
    state = AsciiField(max_length=20)
    cause = AsciiField(max_length=64)
    code = AsciiField(max_length=128)
    words = models.TextField(default="")
    until = models.FloatField(default=0.0)                          # seconds since 1970; 0: no end is known
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["credential", "gateway", "at", "state", "generation"], name="credentials_event_once"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["at"], name="credentials_event_at")]


class CalendarFeed(ConfigRow):
    """An address at which a calendar finds when credentials end. Whoever knows it may read it; only its hash is kept."""

    PREFIX = "cal"
    KIND = "calendar"
    SEARCH = ("name",)
    OBSERVED = frozenset({"last_used_at"})
    HIDDEN = frozenset({"digest"})

    name = AsciiField(max_length=128, unique=True)
    owner = AsciiField(max_length=64, default="", blank=True)       # the operator who made it
    digest = AsciiField(max_length=64, unique=True)
    last_used_at = models.DateTimeField(null=True)


class CredentialHealth(models.Model):
    """What one gateway last said of one credential: the words are those of the gateway's table of states."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="reports")
    gateway = AsciiField(max_length=128)
    state = AsciiField(max_length=20)
    cause = AsciiField(max_length=64)
    code = AsciiField(max_length=128)
    until = models.FloatField(default=0.0)                          # seconds since 1970; 0: no end is known
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("credential", "gateway"), name="one_report_a_gateway"),)


from stationmaster.credentials.sources.models import TokenSource  # noqa: E402  its table is this app's, its room is its own

__all__ = [
    "COMING", "DRAINING", "FAILED", "KEPT", "LIVE", "MINTED", "MINTING", "OVER", "OVERRIDES", "PROBED", "REVOKED", "STATES",
    "CalendarFeed", "Credential", "CredentialHealth", "CredentialSecret", "HealthEvent", "TokenSource",
]  # fmt: skip
