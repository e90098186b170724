"""Who may do what. Owns: the actions there are, the roles, and which role may what. Knows no rows and no HTTP.

An action is `noun:verb`. Every service asks here before it does anything; entrances ask only to decide what to show.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from stationmaster.errors import Forbidden
from stationmaster.store.actor import Actor

ROLES: Final = ("viewer", "operator", "admin", "auditor", "member")

_EDITED = ("read", "export", "create", "update", "delete")
_NOUNS: Final = {
    "addresses": ("read", "create", "delete"),          # private addresses that stored URLs may name
    "alerts": (*_EDITED, "rotate", "send", "test"),     # who is told when something crosses a line
    "assignments": _EDITED,                             # who should hold a seat where
    "audit": ("read", "export", "verify", "erase"),
    "backups": ("create",),                              # files of everything, into the folder that settings name
    "bills": ("read", "export", "update"),              # what vendors say was used; update: read it anew
    "calendars": ("read", "export", "create", "delete"),          # addresses at which calendars find when credentials end
    "credentials": (*_EDITED, "mint", "rotate", "revoke", "probe", "hold", "source", "refresh"),
    "events": ("write",),
    "gateways": (*_EDITED, "rotate"),                   # gateways that may join, and their tokens
    "groups": _EDITED,
    "health": ("read", "report"),
    "jobs": ("read", "export", "cancel", "retry"),      # submitting one takes the right to what it does
    "keys": (*_EDITED, "rotate"),
    "masterkey": ("read", "rotate", "retire"),
    "metrics": ("read",),                               # numbers for Prometheus
    "operators": _EDITED,
    "people": (*_EDITED, "import", "erase"),            # persons, what vendors know them by, and who leaves
    "plans": ("read", "export", "create", "approve", "refuse", "apply"),
    "pools": _EDITED,
    "rosters": ("import", "export"),                    # files of older setups, in and out again
    "routes": _EDITED,
    "publications": ("read", "export", "plan", "apply", "remove", "check"),      # credentials' copies at targets
    "seatrequests": ("read", "export", "create", "decide"),       # wishes for a seat; nobody decides their own
    "seats": ("read", "export", "update"),
    "settings": ("read", "update"),
    "snapshot": ("read",),
    "targets": (*_EDITED, "test"),                      # gateways of others that credentials are published into
    "tokens": _EDITED,                                  # API tokens
    "usage": ("read", "export"),
    "workspaces": _EDITED,
}
ACTIONS: Final = frozenset(f"{noun}:{verb}" for noun, verbs in _NOUNS.items() for verb in verbs)

# What gateways do and no person: the snapshot is the one place where stored secrets come out.
_BY_GATEWAYS: Final = frozenset({"snapshot:read", "events:write", "health:report"})
_SEEN_BY_ALL = (
    "workspaces:read", "credentials:read", "pools:read", "routes:read", "keys:read", "health:read", "usage:read", "settings:read",
    "gateways:read", "people:read", "groups:read",
    "jobs:read", "assignments:read", "plans:read", "seats:read", "seatrequests:read", "calendars:read", "bills:read",
    "targets:read", "publications:read", "metrics:read",
)
_RUN = ("alerts:*", "credentials:*", "bills:*", "calendars:*", "pools:*", "routes:*", "keys:*", "addresses:read",
        "workspaces:export", "usage:export", "tokens:*", "gateways:export", "groups:*", "people:read", "people:export",
        "people:create", "people:update", "people:import", "jobs:*", "assignments:*", "plans:*", "seats:*", "seatrequests:*",
        "targets:export", "targets:test", "publications:*", "rosters:*")
# What each role may do, as patterns over ACTIONS.
_MAY: Final = {
    "viewer": _SEEN_BY_ALL,
    "auditor": (*_SEEN_BY_ALL, "alerts:read", "audit:read", "audit:export", "audit:verify", "operators:read", "tokens:read",
                "addresses:read", "masterkey:read", "*:export"),
    "operator": (*_SEEN_BY_ALL, *_RUN),
    "admin": tuple(sorted(ACTIONS - _BY_GATEWAYS)),
    "member": ("keys:read", "usage:read", "people:read", "seats:read", "seatrequests:read", "seatrequests:create"),
    "gateway": tuple(sorted(_BY_GATEWAYS)),
    "scim": tuple(f"{noun}:{verb}" for noun in ("people", "groups") for verb in ("read", "create", "update", "delete")),
}
# Of that, what it may do only with what is its own.
_OWN: Final = {"member": ("*",), "operator": ("tokens:*",)}

# Takes somebody who proved lately who they are, when they come by a browser (so does changing how people log in).
SENSITIVE: Final = frozenset({
    "audit:erase", "gateways:create", "gateways:rotate", "masterkey:retire", "masterkey:rotate", "operators:create",
    "operators:delete", "operators:update", "people:erase", "tokens:create", "tokens:update",
    "targets:create", "targets:delete", "targets:update",      # keys go, in clear, to whatever address a target has
})


_name_sources: list[Callable[[Actor], frozenset[str]]] = []


def allowed(actor: Actor, action: str, thing: Any = None) -> bool:
    """Tell whether `actor` may do `action` to `thing`; with None: to some thing at all. Raises ValueError for an action
    that there is not."""
    if action not in ACTIONS:
        raise ValueError(f"there is no action {action!r}")
    if action not in rights(actor.role, actor.scopes):
        return False
    return thing is None or not only_own(actor, action) or owns(actor, thing)


def require(actor: Actor, action: str, thing: Any = None) -> None:
    """Raise `Forbidden` unless `actor` may do `action` to `thing`, and for what is sensitive, proved lately who they are."""
    if not allowed(actor, action, thing):
        noun, _, verb = action.partition(":")
        hint = f"this takes a role or token that may {verb} {noun}"
        raise Forbidden("error.access.forbidden", f"{verb} {noun}: not for {_called(actor, action)}", hint=hint)
    if action in SENSITIVE:
        require_fresh(actor)


def require_fresh(actor: Actor) -> None:
    """Raise `Forbidden` when `actor` has to prove again who they are before they do something sensitive."""
    if not actor.fresh:
        message = "this takes somebody who proved within ten minutes who they are"
        raise Forbidden("error.access.not_fresh", message, hint="sign in again, at /login/again")


@cache
def rights(role: str, scopes: frozenset[str] | None = None) -> frozenset[str]:
    """The actions that a role may do, less those that none of `scopes` (patterns) takes."""
    found = {action for action in ACTIONS if _matches(action, _MAY.get(role, ()))}
    return frozenset(found if scopes is None else {action for action in found if _matches(action, scopes)})


def grants(actor: Actor, role: str, scopes: frozenset[str] | None = None) -> bool:
    """Tell whether `actor` may give somebody `role`, narrowed to `scopes`: nobody gives what they lack."""
    given = rights(role, scopes)
    wider = any(only_own(actor, action) and not _matches(action, _OWN.get(role, ())) for action in given)
    return given <= rights(actor.role, actor.scopes) and not wider


def sees_own_only(actor: Actor) -> bool:
    """Tell whether `actor` is shown only what is their own, whatever it is."""
    return actor.role == "member"


def only_own(actor: Actor, action: str) -> bool:
    """Tell whether `actor` may do `action` only with what is their own."""
    return _matches(action, _OWN.get(actor.role, ()))


def owns(actor: Actor, thing: Any) -> bool:
    """Tell whether `thing` is the actor's own: by the `owner_id` that was noted with it; where none was, it names them, or the
    person behind them, as its `owner`, or by one of their names as its `owner_folded`."""
    if noted := getattr(thing, "owner_id", ""):
        return noted in owner_names(actor)
    owner = getattr(thing, "owner", None)
    if not owner or owner in (actor.id, actor.person):
        return bool(owner)
    named = getattr(thing, "owner_folded", "")
    return bool(named) and named in owner_names(actor)


def owner_names(actor: Actor) -> frozenset[str]:
    """What an owner may be called to be `actor`, folded."""
    names = {actor.id, actor.person} - {""}
    return frozenset(names.union(*(source(actor) for source in _name_sources)))


def also_known_as(source: Callable[[Actor], frozenset[str]]) -> None:
    """Have `source` say by which further names things may name an actor as their owner."""
    if source not in _name_sources:
        _name_sources.append(source)


def _matches(action: str, patterns: tuple[str, ...] | frozenset[str]) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)


def _called(actor: Actor, action: str) -> str:
    """Who may not; when the role may, and only the token's scopes do not take it, that."""
    if actor.scopes is not None and action in rights(actor.role) - rights(actor.role, actor.scopes):
        return "the scopes of this token"
    return f"the role {actor.role}" if actor.role else "who is not logged in"
