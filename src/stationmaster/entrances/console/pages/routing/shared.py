"""What the pages of pools, routes and keys share. Owns: how a key stands, why a member cannot serve, where gateways listen,
names to be completed to, and the addresses of the traffic behind a thing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest

from stationmaster.credentials import services as credentials
from stationmaster.entrances import live
from stationmaster.entrances.console.pages import words
from stationmaster.entrances.console.pages.names import called, of_people
from stationmaster.entrances.console.pages.parts import Cell, Row
from stationmaster.entrances.console.pages.words import Words
from stationmaster.i18n import marked, tr
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query

KEYS: Final[Words] = {
    "ready": (marked("in use"), "good"),
    "rotating": (marked("two keys are let in"), "busy"),
    "expired": (marked("has ended"), "bad"),
    "disabled": (marked("switched off"), "off"),
}
WHY: Final[Mapping[str, str]] = {
    "key": marked("the key may not use this pool"),
    "dialect": marked("its vendor does not speak this dialect"),
    "model": marked("it takes other models"),
    "no_secret": marked("it has no secret yet"),
    "operator": marked("an operator took it out of service"),
    "cooling": marked("it rests for a while"),
    "disabled": marked("it is out of service"),
    "probing": marked("it is being tried again"),
}
_ICONS: Final = {"ready": "circle-check", "rotating": "refresh", "expired": "clock-exclamation", "disabled": "ban"}
_MOST: Final = 200  # names that a field is completed to
_ANYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  nothing is bound here


def key_state(row: Row) -> Cell:
    """How a virtual key stands, in word, picture and colour."""
    state = "disabled" if row["disabled"] else "expired" if over(row["expires"]) else "ready"
    if state == "ready" and row["previous_until"] and not over(row["previous_until"]):
        state = "rotating"
    shown = words.state(KEYS, state, note=words.told_as(row["disabled_reason"]) if state == "disabled" else "")
    return Cell(shown.text, note=shown.note, tone=shown.tone, icon=_ICONS[state])


def over(text: str) -> bool:
    """Whether a moment is past; none never is."""
    return bool(text) and datetime.fromisoformat(text) <= datetime.now(UTC)


def why(code: str) -> str:
    """Why a member cannot serve, in words."""
    return words.name(WHY, code)


def owner(row: Row) -> Cell:
    """Whose a key is: the person's page where it is one we know (`owner_name`)."""
    text = str(row["owner"])
    if row.get("owner_name"):
        return Cell(str(row["owner_name"]), f"/people/{row['person']}", title=text)
    return Cell(text) if text else Cell(tr("nobody"), tone="bad")


def with_owners(actor: Actor, rows: list[Row]) -> list[Row]:
    """Keys with the names of the persons whose they are."""
    names = of_people(actor, (str(row["person"]) for row in rows))
    return [{**row, "owner_name": names.get(str(row["person"]), "")} for row in rows]


def gateway_url(request: HttpRequest) -> str:
    """Where a gateway of this installation listens, as far as its settings say."""
    gateway = live.settings().gateway
    host = gateway.host if gateway.host not in _ANYWHERE else request.get_host().rpartition(":")[0] or request.get_host()
    scheme = "http" if gateway.tls_certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host and '[' not in host else host}:{gateway.port}"


def requests_of(field: str, value: str) -> str:
    """The requests that a thing served or was used for."""
    return _of("/requests", field, value)


def usage_of(field: str, value: str, by: str = "model") -> str:
    """What a thing used, taken apart."""
    return _of("/usage", field, value, ("by", by), ("range", "month"))


def _of(path: str, field: str, value: str, *more: tuple[str, str]) -> str:
    return f"{path}?{urlencode([*more, ('filter', f'{field}:eq:{value}')])}"


def pool_names(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Every pool, by name, as far as a choice shows them."""
    rows = routing.list_pool_names(actor, Query(limit=500, counted=False, sort="name")).items
    return tuple((str(row["name"]), str(row["name"])) for row in rows)


def credential_names(actor: Actor, but: frozenset[str] = frozenset()) -> tuple[tuple[str, str], ...]:
    """Credentials that a field may be completed to; any other name can be typed."""
    if not operators.allowed(actor, "credentials:read"):
        return ()
    rows = credentials.list_credentials(actor, Query(limit=_MOST, counted=False, sort="name")).items
    return tuple((str(row["name"]), str(row["vendor"])) for row in rows if row["name"] not in but)


def owner_names(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Persons whose address a field may be completed to; any other text can be typed."""
    if not operators.allowed(actor, "people:read"):
        return ()
    active = (Filter("active", "eq", True),)
    rows = people.list_people(actor, Query(limit=_MOST, counted=False, filters=active)).items
    return tuple((str(row["email"] or row["user_name"]), called(row)) for row in rows)


def credentials_called(actor: Actor, names: list[str]) -> Mapping[str, Mapping[str, Any]]:
    """Credentials by name, in one question for up to 500."""
    if not names or not operators.allowed(actor, "credentials:read"):
        return {}
    asked = Query(filters=(Filter("name", "in", sorted(set(names))[:500]),), limit=500, counted=False)
    return {str(row["name"]): row for row in credentials.list_credentials(actor, asked).items}
