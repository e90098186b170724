"""Django, set up from one value. Owns: the list of installed apps, how the database is opened, where the keys are.

Nothing here is read from the environment: whoever starts a process has read it already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connections

from stationmaster.store import keyholder
from stationmaster.store.database import database, prepare
from stationmaster.vault.keyring import KeyRing

# One list for every process: migrations and foreign keys go by it. Lower ones may be used by those above.
APPS = (
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "stationmaster.store",
    "stationmaster.audit",
    "stationmaster.jobs",
    "stationmaster.people",
    "stationmaster.workspaces",
    "stationmaster.credentials",
    "stationmaster.routing",
    "stationmaster.publishing",
    "stationmaster.importing",
    "stationmaster.usage",
    "stationmaster.bills",
    "stationmaster.alerts",
    "stationmaster.backup",
    "stationmaster.entrances.api",
    "stationmaster.operators",
)

# What runs jobs on PostgreSQL brings tables of its own, for that database alone.
ON_POSTGRESQL = ("procrastinate.contrib.django",)

# What every process has to agree on about people, whether or not they log in there.
_VALIDATORS = "django.contrib.auth.password_validation."
_PEOPLE: Mapping[str, Any] = {
    "AUTH_USER_MODEL": "operators.Operator",
    "PASSWORD_HASHERS": ["stationmaster.operators.hashing.Argon2id"],
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": f"{_VALIDATORS}MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
        {"NAME": f"{_VALIDATORS}UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "display_name")}},
        {"NAME": f"{_VALIDATORS}CommonPasswordValidator"},
    ],
    "MIDDLEWARE": ["allauth.account.middleware.AccountMiddleware"],     # without which allauth does not load
}


@dataclass(frozen=True)
class StoreConfig:
    """How this process reaches the store. `data`: the data folder; `database_url`: empty for SQLite in it;
    `allowed`: private addresses that stored URLs may name because a flag, variable or file says so (entries of
    `outbound.allow_entry`); `extra`: Django settings that an entrance adds (middleware, templates, URLs)."""

    data: Path
    ring: KeyRing
    database_url: str = field(default="", repr=False)
    allowed: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def configure(config: StoreConfig) -> None:
    """Set Django up; once a process. Raises `StationmasterError` on a database URL that cannot be used."""
    values = django_settings(config)
    prepare(values["DATABASES"]["default"])
    keyholder.use(config.ring)
    settings.configure(**values)
    django.setup()


def wait_at_most(seconds: float) -> None:
    """From now on, whoever of this process wants to write waits only so long for another writer: somebody waits for the answer.
    Counts for SQLite, and for connections that are opened afterwards."""
    options = connections.settings["default"]["OPTIONS"]
    if "timeout" in options:
        options["timeout"] = seconds


def django_settings(config: StoreConfig) -> dict[str, Any]:
    """Every Django setting of this process."""
    opened = database(config.database_url, config.data)
    secret, *older = (config.ring.subkey("django", key_id).hex() for key_id in config.ring.ids)
    return {
        "DATABASES": {"default": opened},
        "INSTALLED_APPS": [*APPS, *(ON_POSTGRESQL if opened["ENGINE"].endswith("postgresql") else ())],
        "PROCRASTINATE_AUTODISCOVER_MODULE_NAME": "",
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "SECRET_KEY": secret,
        "SECRET_KEY_FALLBACKS": older,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        "LOGGING_CONFIG": None,      # whoever starts the process sets logging up
        **_PEOPLE,
        "STATIONMASTER_DATA": config.data,
        "STATIONMASTER_ALLOWED": config.allowed,
        **config.extra,
    }
