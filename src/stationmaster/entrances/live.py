"""The settings of this process as they are now. Owns: them, and saving one. An admin's change counts here at once, one that
another process saved within a second.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings as django_settings

from stationmaster.errors import Conflict, Invalid, NotFound, StationmasterError
from stationmaster.gateway.config.problems import did_you_mean
from stationmaster.gateway.core import snapshot
from stationmaster.operators.access import require, require_fresh
from stationmaster.outbound import fault_in_url
from stationmaster.routing.pools import DEFAULT_POOL
from stationmaster.routing.services import get_pool, has_pool
from stationmaster.settings import FIELDS, Field, Settings, Takes, check_value, with_saved
from stationmaster.store import stored
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.workspaces.addresses import entries

_EVERY = 1.0          # seconds between two looks at what was saved
_REACHED = ("oidc.issuer",)   # addresses that this process connects to
# Who comes in, and where secrets may go: for somebody who proved lately who they are.
_SENSITIVE = ("login.", "oidc.", "tokens.", "outbound.", "console.")
# What whoever saves such a setting can bring about, and so has to have the right to do: `settings:update` alone reaches no
# further than the settings themselves. By the beginning of a setting's name.
_PEOPLE = ("operators:create", "operators:update")
_GIVES: Mapping[str, tuple[str, ...]] = {
    "console.": _PEOPLE,                                     # where people's passwords and the links of admins go
    "login.": _PEOPLE,
    "oidc.": _PEOPLE,                                        # an issuer says who somebody is; domains let people in
    "outbound.": ("addresses:create", "addresses:delete"),   # a saved list takes the place of the one before
    "tokens.": ("tokens:create", "gateways:create"),
    "gateway.default_pool": ("routes:update",),
}


class _Held:
    """What this process holds; its members are only ever replaced whole."""

    settings: Settings | None = None
    saved: Mapping[str, stored.Stored] | None = None
    looked = 0.0


_lock = threading.Lock()
_log = logging.getLogger(__name__)


def use(settings: Settings) -> None:
    """Begin with these: what flags, environment and file say."""
    with _lock:
        _Held.settings, _Held.saved, _Held.looked = settings, None, 0.0


def settings() -> Settings:
    """The settings now. Asks the database at most once a second; raises what the database does,
    and `StationmasterError` before `use`."""
    held = _now()
    return held if time.monotonic() - _Held.looked < _EVERY else renew()


def renew() -> Settings:
    """The settings now, whatever was known. Raises Django's database errors."""
    saved, held = stored.load(), _now()
    made = held if saved == _Held.saved else with_saved(held, saved)
    with _lock:
        _Held.settings, _Held.saved, _Held.looked = made, saved, time.monotonic()
    if made.outbound.allowed_private != held.outbound.allowed_private:      # else it is as it was when Django was set up
        django_settings.STATIONMASTER_ALLOWED = made.outbound.allowed_private
    return made


def of_gateways() -> snapshot.Settings:
    """The gateways' settings now, with the private addresses that they may send stored credentials to: what was allowed
    when an address was saved is no licence for what its name resolves to when it is used. A default pool that a flag or file
    names and that is not there is left out: gateways would refuse everything else with it. Raises Django's database errors."""
    told = renew().gateway.for_snapshot()
    pool = told.default_pool if not told.default_pool or has_pool(told.default_pool) else ""
    if pool != told.default_pool:
        _log.warning("there is no pool %r: gateways have no default pool", told.default_pool)
    return msgspec.structs.replace(told, default_pool=pool, private=tuple(sorted(entries())))


def show(name: str) -> Mapping[str, Any]:
    """One setting as plain values, secrets masked. `locked`: a flag, the environment or a file decides it; `revision`: the
    version of what is saved, 0 when nothing is. Raises `NotFound`."""
    settings()
    return _shown(name, *_together())


def _shown(name: str, now: Settings, saved: Mapping[str, stored.Stored]) -> Mapping[str, Any]:
    field, origin = _field(name), now.origin(name)
    return {
        "name": name, "value": now.shown(name), "origin": origin.kind, "where": origin.where, "locked": now.locked(name),
        "can_be_saved": _savable(field), "takes_effect": str(field.takes), "description": field.text,
        "expected": field.expected, "revision": saved[name].revision if name in saved else 0,
    }


def list_settings(actor: Actor) -> list[Mapping[str, Any]]:
    """All of them, in the order of the file's reference. Raises `Forbidden`."""
    require(actor, "settings:read")
    settings()
    held = _together()
    return [_shown(name, *held) for name in FIELDS]


def get_setting(actor: Actor, name: str) -> Mapping[str, Any]:
    """One. Raises `Forbidden`, `NotFound`."""
    require(actor, "settings:read")
    return show(name)


def save_setting(actor: Actor, name: str, value: Any, version: int | None = None) -> Mapping[str, Any]:
    """Save a value. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`, `Invalid`, `Stale`, and
    `Conflict` where something else decides it."""
    field = _changeable(actor, name)
    try:
        checked = check_value(name, value)
    except ValueError as error:
        raise _bad(str(error)) from None
    fault = name in _REACHED and checked and fault_in_url(checked, settings().outbound.allowed_private)
    if fault:
        raise _bad(". ".join(filter(None, fault)))
    if name == DEFAULT_POOL and checked:
        get_pool(actor, checked)
    with change(actor) as edit:
        stored.put(edit, field.name, _plain(checked), version)
        _refuse_clashes()
    renew()
    return show(name)


def clear_setting(actor: Actor, name: str, version: int | None = None) -> Mapping[str, Any]:
    """Take a saved value away. `version`: the revision that the caller read. Raises `Forbidden`, `NotFound`, `Conflict`,
    `Stale`, and `Invalid` where another saved value needs it."""
    _changeable(actor, name)
    with change(actor) as edit:
        stored.clear(edit, name, version)
        _refuse_clashes()
    renew()
    return show(name)


def _refuse_clashes() -> None:
    """Raise `Invalid` when what is saved by now does not go together with what else is set."""
    for problem in with_saved(_now(), stored.load()).ignored:
        if problem not in _now().ignored:
            raise _bad(problem.message)


def _changeable(actor: Actor, name: str) -> Field:
    require(actor, "settings:update")
    field = _field(name)
    for action in _rights(name):
        require(actor, action)
    if name.startswith(_SENSITIVE):
        require_fresh(actor)
    if not _savable(field):
        raise Conflict("error.settings.not_saved", f"{name} is set when a process starts", hint="set it in stationmaster.toml")
    if settings().locked(name):
        origin = settings().origin(name)
        raise Conflict("error.settings.locked", f"{name} is set by {origin.where}", hint="change it there, or take it out there")
    return field


def _rights(name: str) -> Iterator[str]:
    """What saving a setting takes beside `settings:update`."""
    for beginning, actions in _GIVES.items():
        if name.startswith(beginning):
            yield from actions


def _savable(field: Field) -> bool:
    return field.takes is not Takes.START and not field.secret


def _field(name: str) -> Field:
    if name not in FIELDS:
        hint = did_you_mean(name[:80], FIELDS)
        raise NotFound("error.settings.not_found", "there is no such setting", hint=hint)
    return FIELDS[name]


def _now() -> Settings:
    return _together()[0]


def _together() -> tuple[Settings, Mapping[str, stored.Stored]]:
    """The settings held, and the saved rows that they were made with: of one moment, so that a version belongs to its value."""
    with _lock:
        if _Held.settings is None:
            raise StationmasterError("error.settings.none", "no settings were read", fault="ours")
        return _Held.settings, _Held.saved or {}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def _bad(why: str) -> Invalid:
    return Invalid("error.settings.bad_value", f"value: {why}", fields={"value": why})
