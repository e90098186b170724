"""Rows of credentials and of what gateways report about them. Owns their tables."""

from django.db import models

from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow
from stationmaster.store.sealed import SealedField


class Credential(ConfigRow):
    """A secret that a vendor issued for API use, and where it may be sent. `health…` is what a gateway reported last."""

    PREFIX = "cred"
    KIND = "credential"
    SEARCH = ("name", "vendor", "organisation", "base_url")
    OBSERVED = frozenset({"health", "health_cause", "health_at"})

    name = AsciiField(max_length=128, unique=True)                  # the id in gateway.toml and in gateways
    vendor = AsciiField(max_length=32, db_index=True)
    base_url = models.TextField(default="", blank=True)             # empty: the vendor's own address
    organisation = models.TextField(default="", blank=True)
    secret = SealedField(purpose="credential", reveal_to=frozenset({"snapshot", "probe"}))
    disabled = models.BooleanField(default=False)
    disabled_reason = models.TextField(default="", blank=True)
    prices = JsonText(default=dict, blank=True)                     # as in gateway.toml: model → USD per million tokens
    allow_insecure_http = models.BooleanField(default=False)
    health = AsciiField(max_length=20, default="unknown", db_index=True)
    health_cause = AsciiField(max_length=64, default="", blank=True)
    health_at = models.DateTimeField(null=True)


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
