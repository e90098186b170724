"""Rows of operators. Owns: who may log in, the tokens that stand for them, gateways' tokens, admin links, sessions.

Nothing that lets somebody in is stored as it is: passwords as Argon2id, tokens, links and session keys as keyed hashes.
"""

import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import check_password
from django.db import models
from django.utils.crypto import salted_hmac

from stationmaster.errors import Overtaken
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change
from stationmaster.store.fields import AsciiField
from stationmaster.store.jsontext import JsonText
from stationmaster.store.rows import ConfigRow, GuardedManager


class Operators(GuardedManager):  # type: ignore[type-arg]
    """Operators, as Django's log-in asks for them."""

    def get_by_natural_key(self, email: str) -> "Operator":
        """The one with this address. Raises `Operator.DoesNotExist`."""
        return self.get(email=email.strip().lower())  # type: ignore[no-any-return]


def _salt() -> str:
    return secrets.token_hex(16)


class Operator(ConfigRow, AbstractBaseUser):
    """Somebody who may log in. `email` (lower case) is the name to log in by; events know it only as a hash with the
    row's `salt`, so that deleting the row makes the person unknown there too."""

    PREFIX = "op"
    KIND = "operator"
    SEARCH = ("email", "display_name", "role")
    HIDDEN = frozenset({"password", "sso_subject", "salt"})
    PERSONAL = frozenset({"email", "display_name"})
    OBSERVED = frozenset({"last_login_at"})
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    last_login = None                            # Django's: it is saved outside of a change
    email = models.CharField(max_length=254, unique=True)
    display_name = models.CharField(max_length=120, default="", blank=True)
    role = AsciiField(max_length=20, db_index=True)
    active = models.BooleanField(default=True)
    language = AsciiField(max_length=10, default="auto")
    steps_put_away = models.BooleanField(default=False)                          # the first steps, on the overview
    session_generation = models.PositiveIntegerField(default=1)                  # one more: signed out everywhere
    sso_subject = AsciiField(max_length=64, default="", blank=True, db_index=True)   # keyed hash of issuer and subject
    salt = AsciiField(max_length=32, default=_salt, editable=False)
    last_login_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[Operators] = Operators()

    def __str__(self) -> str:
        return self.display_name or self.email

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Django's word for it."""
        return self.active

    def check_password(self, raw_password: str | None) -> bool:
        """Tell whether this is the password; one that is hashed by older parameters is hashed anew."""
        return check_password(raw_password, self.password, self._hash_anew)

    def get_session_auth_hash(self) -> str:
        """What a session has to hold: another password or generation ends it."""
        return self._session_hash(None)

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """The same under keys that were active before."""
        for secret in settings.SECRET_KEY_FALLBACKS:
            yield self._session_hash(secret)

    def _session_hash(self, secret: str | bytes | None) -> str:
        held = f"{self.session_generation}\n{self.password}"
        return salted_hmac("stationmaster.operators.session", held, secret=secret, algorithm="sha256").hexdigest()

    def _hash_anew(self, password: str) -> None:
        # Another log-in at the same time did it, or they have another password by now.
        with suppress(Overtaken), change(SYSTEM) as edit, edit.updating(self, action="rehash_password"):
            self.set_password(password)


class ApiToken(ConfigRow):
    """What a program presents to the API. It may what its role may, less what is not in `scopes` (null: nothing less),
    less what its holder may not any more. One that another token made goes with that one."""

    PREFIX = "tok"
    KIND = "token"
    SEARCH = ("name", "hint", "role")
    HIDDEN = frozenset({"secret_hash"})
    OBSERVED = frozenset({"last_used_at"})

    name = models.CharField(max_length=128)
    hint = AsciiField(max_length=16)                                 # how the token begins, to tell it by
    secret_hash = AsciiField(max_length=64, unique=True)
    role = AsciiField(max_length=20)
    scopes = JsonText(default=None)
    holder = models.ForeignKey(Operator, null=True, on_delete=models.PROTECT, related_name="tokens")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="made")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)   # to the hour

    @property
    def owner(self) -> str:
        """The operator whose token it is; empty for one that was made at the command line."""
        return self.holder_id or ""


class GatewayToken(ConfigRow):
    """What a gateway presents to the control plane, and may nothing else with. After a rotation the one before is let
    in until `previous_until`."""

    PREFIX = "gwt"
    KIND = "gateway_token"
    HIDDEN = frozenset({"secret_hash", "previous_hash"})
    OBSERVED = frozenset({"last_used_at", "warned_days"})

    name = AsciiField(max_length=128, unique=True)
    hint = AsciiField(max_length=16)
    secret_hash = AsciiField(max_length=64, unique=True)
    previous_hash = AsciiField(max_length=64, default="", blank=True, db_index=True)
    previous_until = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    warned_days = models.PositiveIntegerField(null=True, editable=False)   # the last warning: expires in so many days


class AdminLink(models.Model):
    """A link that makes whoever opens it an admin, once; or, with an `operator`, an invitation that lets exactly them choose
    a password, as long as they have the `role` they were invited with."""

    id = AsciiField(max_length=64, primary_key=True)
    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="invitations")
    role = AsciiField(max_length=20, default="", blank=True)
    secret_hash = AsciiField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)                      # used, or voided by a newer one


class BrowserSession(models.Model):
    """A signed-in browser, or one that is about to be. `id` is a keyed hash of what its cookie says, `data` is sealed."""

    id = AsciiField(max_length=64, primary_key=True)
    operator = models.ForeignKey(Operator, null=True, on_delete=models.CASCADE, related_name="sessions")
    data = models.TextField()
    agent = models.CharField(max_length=200, default="", blank=True)       # what the browser calls itself
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()                                 # to five minutes
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager[Any]] = models.Manager()
