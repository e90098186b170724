"""What entrances may ask about pools, routes and virtual keys."""

from stationmaster.routing.keys import (
    KEYS,
    Minted,
    create_key,
    delete_key,
    export_keys,
    find_by_secret,
    get_key,
    list_keys,
    month_budget,
    rotate_key,
    update_key,
)
from stationmaster.routing.pools import (
    POOLS,
    create_pool,
    delete_pool,
    export_pools,
    get_pool,
    has_pool,
    list_pools,
    pools_without_service,
    update_pool,
)
from stationmaster.routing.routes import (
    ROUTES,
    create_route,
    delete_route,
    export_routes,
    get_route,
    list_routes,
    order_routes,
    update_route,
)
from stationmaster.routing.trying import try_model

__all__ = [
    "KEYS", "POOLS", "ROUTES", "Minted",
    "create_key", "create_pool", "create_route", "delete_key", "delete_pool", "delete_route",
    "export_keys", "export_pools", "export_routes", "find_by_secret", "get_key", "get_pool", "get_route",
    "has_pool",
    "list_keys", "month_budget", "list_pools", "list_routes", "order_routes", "pools_without_service", "rotate_key", "try_model", "update_key",
    "update_pool", "update_route",
]
