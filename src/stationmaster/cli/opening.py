"""The store, for commands that work on this machine's own. Owns: from options to an open, migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stationmaster.cli.config import settings_of

if TYPE_CHECKING:
    from stationmaster.settings import Settings
    from stationmaster.store.actor import Actor
    from stationmaster.store.changes import Change


def open_store(config: Path | None, data: Path | None) -> "Settings":
    """Open the store that these options name, made new or brought up to date if need be; return the settings, with what
    admins saved. Raises `StationmasterError`."""
    from stationmaster import settings
    from stationmaster.operators import policy
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    given = settings_of(config, data)
    master_key = given.vault.master_key.get_secret_value()
    ring = keyring.load(given.folder, {"STATIONMASTER_MASTER_KEY": master_key} if master_key else {})
    url = given.database.url.get_secret_value()
    configure(StoreConfig(given.folder, ring, url, allowed=given.outbound.allowed_private))
    from stationmaster.store import stored
    from stationmaster.store.migrating import migrate

    migrate()
    whole = settings.with_saved(given, stored.load())
    policy.use(lambda: policy.policy_of(whole))
    return whole


def at_terminal() -> "Actor":
    """Whoever may read this machine's keys and database is an admin."""
    from stationmaster.store.actor import Actor
    from stationmaster.store.rows import new_id

    return Actor("cli", "cli", "admin", new_id("req"))


@contextmanager
def changing(actor: "Actor", dry_run: bool) -> Iterator["Change"]:
    """One change, or with `dry_run` one of which nothing stays."""
    from stationmaster.store.changes import change, rehearsal

    with (rehearsal if dry_run else change)(actor) as edit:
        yield edit
