"""What works only where the database and the keys are: the admin link, the master key, and asking vendors about stored
credentials.

Owns: handing stored credentials to the prober, and that none is sent to an address nobody allowed.
"""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from stationmaster.cli.desk import Row
from stationmaster.credentials.records import credentials
from stationmaster.credentials.services import get_credential
from stationmaster.entrances import live
from stationmaster.errors import StationmasterError
from stationmaster.gateway.core.snapshot import Credential
from stationmaster.gateway.server import probes, proxies, supervisor
from stationmaster.operators import masterkey
from stationmaster.operators import services as operators
from stationmaster.operators.access import require
from stationmaster.outbound import fault_in_host, resolve_and_check
from stationmaster.running import places
from stationmaster.store.actor import Actor
from stationmaster.workspaces.addresses import entries


class ThisMachine:
    """Implements `desk.Machine`."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def admin_link(self) -> Row:
        """By the service."""
        return link_of(operators.issue_link(self._actor))

    def key_users(self) -> tuple[str, Mapping[str, int]]:
        """By the service."""
        return masterkey.key_users(self._actor)

    def rotate_master_key(self) -> tuple[str, int, tuple[str, ...]]:
        """By the service."""
        new, done = masterkey.rotate_master_key(self._actor)
        return new, done.done + 1, done.broken      # with the root of keyed hashes, which the rotation itself seals

    def rewrap(self) -> tuple[int, tuple[str, ...]]:
        """By the service."""
        done = masterkey.rewrap_all(self._actor)
        return done.done, done.broken

    def retire(self, key_id: str) -> None:
        """By the service."""
        masterkey.retire_master_key(self._actor, key_id)

    def check(self, names: tuple[str, ...]) -> list[Row]:
        """One row a credential, by name; those that are disabled are not asked about."""
        require(self._actor, "credentials:read")
        wanted = {get_credential(self._actor, name)["name"] for name in names}
        chosen = [each for name, each in credentials() if not names or name in wanted]
        refused = {each.id: why for each in chosen if not each.disabled and (why := _refused(each))}
        asked = [each for each in chosen if not each.disabled and each.id not in refused]
        settings = live.of_gateways()
        supervisor.check_environment(os.environ)
        supervisor.check_bundle(settings)
        found = probes.check(asked, settings, proxies.from_environ(os.environ), lambda _: None)
        checked = {each.credential: each for each in found}
        return [_row(each, checked.get(each.id), refused.get(each.id, "")) for each in chosen]


def link_of(made: operators.Link) -> Row:
    """A link as people open it: at the console's address as it runs, else as the settings say."""
    settings = live.settings()
    console = places.found(settings.folder).get("console") or operators.console_url(settings)
    return {"link": f"{console}/welcome/{made.secret.text}", "expires_at": made.expires_at.isoformat(timespec="seconds")}


def _refused(credential: Credential) -> str:
    """The code of why a credential's address is not connected to; empty when it may be, or does not resolve at all."""
    parts = urlsplit(credential.base_url)
    if not parts.hostname:
        return ""
    allowed = entries()
    if fault_in_host(parts.hostname, allowed):
        return "error.outbound.private"
    try:
        resolve_and_check(parts.hostname, parts.port or 443, allowed)
    except StationmasterError as error:
        return error.code if error.code != "error.outbound.unresolved" else ""
    return ""


def _row(credential: Credential, checked: probes.Checked | None, refused: str) -> Row:
    row: dict[str, object] = {"name": credential.id, "vendor": credential.vendor}
    if checked is not None:
        found = checked.finding
        return {**row, "state": found.state, "cause": found.cause, "code": found.code, "milliseconds": checked.milliseconds,
                "failed": found.failed}  # fmt: skip
    if refused:
        return {**row, "state": "unknown", "cause": "address", "code": refused, "milliseconds": None, "failed": True}
    return {**row, "state": "disabled", "cause": "operator", "code": "", "milliseconds": None, "failed": False}
