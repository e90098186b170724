"""Attaching the simulated vendors. Owns: making what is missing of the demo, in one audited change.

Imported once Django is set up.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from stationmaster.cli.demo import setting
from stationmaster.credentials import services as credentials
from stationmaster.entrances import live
from stationmaster.errors import NotFound
from stationmaster.publishing import services as publishing
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.store.rows import new_id
from stationmaster.workspaces import addresses
from stationmaster.workspaces import services as workspaces

GRACE = 86_400            # seconds for which the key of an earlier start is let in
_DEFAULT = "gateway.default_pool"

Row = Mapping[str, Any]


def attach(port: int) -> str:
    """Attach the simulated vendors that listen at `port`, and return a virtual key for them. What is there already stays;
    the key is another at every start, since nobody can be told one twice. Raises `StationmasterError`."""
    actor = Actor("system", setting.ACTOR, "admin", new_id("req"))
    with change(actor):
        _allow(actor)
        for wanted in setting.workspaces(port):
            _see_to(actor, wanted, workspaces.get_workspace, workspaces.create_workspace, workspaces.update_workspace)
        for wanted in setting.credentials(port):
            _see_to(actor, wanted, credentials.get_credential, credentials.create_credential, credentials.update_credential)
        for wanted in setting.targets(port):
            _see_to(actor, wanted, publishing.get_target, publishing.create_target, publishing.update_target)
        for pool, members in setting.POOLS.items():
            _see_to_pool(actor, pool, members)
        _see_to_routes(actor)
        made = _key(actor)
    for wanted in setting.targets(port):
        publishing.test_target(actor, {}, wanted["name"])      # says what came of it, and does not fail
    if not live.settings().gateway.default_pool:
        live.save_setting(actor, _DEFAULT, setting.DEFAULT_POOL)
    return made


def _allow(actor: Actor) -> None:
    if setting.ADDRESS not in addresses.entries():
        addresses.allow_address(actor, {"name": setting.ADDRESS, "reason": setting.REASON})


def _see_to(
    actor: Actor, wanted: Row, get: Callable[..., Row], create: Callable[..., object], update: Callable[..., object]
) -> None:
    """Make it, or lead it to where the simulated vendors are now. Their inference takes any secret."""
    secret = {"secret": wanted.get("secret") or secrets.token_hex(16)}
    try:
        there = get(actor, wanted["name"])
    except NotFound:
        create(actor, {**wanted, **secret})
        return
    if there["base_url"] != wanted["base_url"]:
        update(actor, wanted["name"], {"base_url": wanted["base_url"], **secret})


def _see_to_pool(actor: Actor, pool: str, members: tuple[str, ...]) -> None:
    try:
        routing.get_pool(actor, pool)
    except NotFound:
        routing.create_pool(actor, {"name": pool, "members": [{"credential": name} for name in members]})


def _see_to_routes(actor: Actor) -> None:
    for pool, models in setting.ROUTES.items():
        there = routing.list_routes(actor, Query(filters=(Filter("pool", "eq", pool),)))
        if not there.items:
            routing.create_route(actor, {"models": list(models), "pool": pool})


def _key(actor: Actor) -> str:
    """A key that spends nothing but the demo's."""
    try:
        minted = routing.rotate_key(actor, setting.KEY, GRACE)
    except NotFound:
        minted = routing.create_key(actor, {"name": setting.KEY, "pools": list(setting.POOLS), "models": ["*"]})
    assert minted.key is not None  # noqa: S101  made here, by no hash from elsewhere
    return minted.key.key
