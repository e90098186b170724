"""How each kind of thing stands. Owns: a line for each on the first page, in words, and what to do where there is none.

Asks services as whoever looks: what they may not see has no line.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from stationmaster.bills import services as bills
from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages import words
from stationmaster.i18n import tr, trn
from stationmaster.jobs import services as jobs
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.store.actor import Actor
from stationmaster.store.changes import revision
from stationmaster.store.filters import Filter
from stationmaster.store.listing import Query
from stationmaster.usage import services as usage
from stationmaster.workspaces import services as workspaces
from stationmaster.workspaces.services import list_seats as seats

COUNT: Final = Query(shown=False)      # what is asked for is how many there are


@dataclass(frozen=True)
class Line:
    """One kind of thing: its name, how many there are, how they stand; the command and the call of REST that list them; its
    page, if there is one."""

    what: str
    number: int
    health: str
    command: str
    call: str
    page: str = ""


@dataclass(frozen=True)
class Kind:
    """How a line is made: the right that it takes, its name, its list, its words for some and for none."""

    action: str
    name: Callable[[], str]
    page: Callable[[Actor, Query], Any]
    some: Callable[[Actor, int], str]
    none: Callable[[], str]
    command: str
    call: str
    address: str = ""


def lines(actor: Actor) -> Iterator[Line]:
    """A line for each kind that `actor` may see, in the order in which they are set up."""
    for kind in _KINDS:
        if operators.allowed(actor, kind.action):
            number = kind.page(actor, COUNT).total
            health = kind.some(actor, number) if number else kind.none()
            yield Line(kind.name(), number, health, kind.command, kind.call, kind.address)


def _credentials(actor: Actor, _: int) -> str:
    return "; ".join([*_states(credentials.by_health(actor)), *_ends(credentials.ending(actor))])


def _ends(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    counts = Counter(str(row["expiry"]) for row in rows)
    if counts["expired"]:
        yield trn("the secret of {number} has ended", "the secrets of {number} have ended", counts["expired"])
    if counts["soon"]:
        yield trn("the secret of {number} ends soon", "the secrets of {number} end soon", counts["soon"])


def _states(counts: Mapping[str, int]) -> Iterator[str]:
    words: Mapping[str, Callable[[int], str]] = {
        "healthy": lambda n: trn("{number} is healthy", "{number} are healthy", n),
        "probing": lambda n: trn("{number} is being tried again", "{number} are being tried again", n),
        "cooling": lambda n: trn("{number} is resting for a while", "{number} are resting for a while", n),
        "suspect": lambda n: trn("{number} was refused lately", "{number} were refused lately", n),
        "disabled": lambda n: trn("{number} is out of service, refused by its vendor",
                                  "{number} are out of service, refused by their vendors", n),
        "off": lambda n: trn("{number} is switched off", "{number} are switched off", n),
    }
    for state, say in words.items():
        if counts.get(state):
            yield say(counts[state])
    if unknown := sum(number for state, number in counts.items() if state not in words):
        yield trn("no gateway has spoken of {number} yet", "no gateway has spoken of {number} yet", unknown)


def _pools(actor: Actor, _: int) -> str:
    idle = routing.pools_without_service(actor)
    if not idle:
        return tr("each has a credential that is switched on")
    return trn("{number} has no credential that is switched on", "{number} have no credential that is switched on", idle)


def _keys(actor: Actor, number: int) -> str:
    off = routing.list_keys(actor, replace(COUNT, filters=(Filter("disabled", "eq", "true"),))).total
    said = trn("{number} lets applications in", "{number} let applications in", number - off)
    return "; ".join([said, trn("{number} is switched off", "{number} are switched off", off)]) if off else said


def _workspaces(actor: Actor, _: int) -> str:
    rows = workspaces.list_workspaces(actor, Query(limit=500, counted=False)).items
    states = Counter(str(row["state"]) for row in rows)
    return "; ".join(f"{words.name(words.WORKSPACES, state)}: {number}" for state, number in states.most_common())


def _people(actor: Actor, _: int) -> str:
    active = people.list_people(actor, replace(COUNT, filters=(Filter("active", "eq", "true"),))).total
    return trn("{number} is active", "{number} are active", active)


def _seats(actor: Actor, _: int) -> str:
    return "; ".join(_counts(words.SEATS, workspaces.seats_by_state(actor), ("active", "invited", "expired", "failed")))


def _jobs(actor: Actor, _: int) -> str:
    said = list(_counts(words.JOBS, jobs.jobs_by_state(actor), ("running", "queued", "failed", "partial")))
    if not jobs.any_worker():
        said.append(tr("no worker runs, so that jobs wait"))
    return "; ".join(said) or tr("nothing runs, nothing waits")


def _bills(actor: Actor, _: int) -> str:
    apart = bills.alarming(actor)
    if not apart and not bills.compared():
        return tr("nothing yet that both vendors and gateways counted")
    if not apart:
        return tr("what vendors report is what gateways counted")
    return trn(
        "{number} day of the last two weeks is too far apart", "{number} days of the last two weeks are too far apart", apart
    )


def _counts(table: words.Words, numbers: Mapping[str, int], states: tuple[str, ...]) -> Iterator[str]:
    return (f"{words.name(table, state)}: {numbers[state]}" for state in states if numbers.get(state))


def _gateways(_actor: Actor, _: int) -> str:
    told = usage.connected(revision())
    if not told["connected"]:
        return tr("none was heard of in the last minutes")
    return "; ".join([
        trn("{number} is connected", "{number} are connected", told["connected"]),
        trn("{number} serves the newest configuration", "{number} serve the newest configuration", told["up_to_date"]),
    ])


_KINDS = (
    Kind("credentials:read", lambda: tr("Credentials"), credentials.list_credentials, _credentials,
         lambda: tr("None yet. Store a vendor's API key: `stationmaster credential create NAME --vendor openai`"),
         "stationmaster credential list", "GET /api/v1/credentials", "/credentials"),
    Kind("pools:read", lambda: tr("Pools"), routing.list_pools, _pools,
         lambda: tr("None yet. Put credentials that stand in for each other together: "
                    "`stationmaster pool create NAME --member CREDENTIAL`"),
         "stationmaster pool list", "GET /api/v1/pools", "/pools"),
    Kind("routes:read", lambda: tr("Routes"), routing.list_routes,
         lambda *_: tr("the first one that names a model takes it; a model that none names is refused"),
         lambda: tr('None yet. Say which models go to which pool: `stationmaster route create --model "gpt-*" --pool POOL`'),
         "stationmaster route list", "GET /api/v1/routes", "/routes"),
    Kind("keys:read", lambda: tr("Virtual keys"), routing.list_keys, _keys,
         lambda: tr("None yet. Make one for each application: `stationmaster key create NAME`"),
         "stationmaster key list", "GET /api/v1/keys", "/keys"),
    Kind("gateways:read", lambda: tr("Gateways"), usage.list_gateways, _gateways,
         lambda: tr("None yet. `stationmaster up` brings one along; another machine's joins with a token: "
                    "`stationmaster gateway-token create NAME`"),
         "stationmaster gateway list", "GET /api/v1/gateways", "/gateways"),
    Kind("workspaces:read", lambda: tr("Workspaces"), workspaces.list_workspaces, _workspaces,
         lambda: tr("None yet. Attach an organisation by its vendor's admin key: "
                    "`stationmaster workspace create NAME --vendor openai`"),
         "stationmaster workspace list", "GET /api/v1/workspaces", "/workspaces"),
    Kind("people:read", lambda: tr("People"), people.list_people, _people,
         lambda: tr("Nobody yet. Import a file: `stationmaster person import people.csv`"),
         "stationmaster person list", "GET /api/v1/people", "/people"),
    Kind("seats:read", lambda: tr("Seats given from here"), seats, _seats,
         lambda: tr("None yet. Assign a group to a workspace, then make a plan: `stationmaster assignment create WORKSPACE "
                    "--group GROUP`"),
         "stationmaster seat list", "GET /api/v1/seats", "/seats"),
    Kind("bills:read", lambda: tr("Bills"), bills.list_bills, _bills,
         lambda: tr("None yet. Reports are read once a day, of each workspace whose vendor tells what was used; or now: "
                    "`stationmaster usage bills read WORKSPACE`"),
         "stationmaster usage bills list", "GET /api/v1/bills", "/bills"),
    Kind("jobs:read", lambda: tr("Jobs"), jobs.list_jobs, _jobs, lambda: tr("None yet."),
         "stationmaster job list", "GET /api/v1/jobs", "/jobs"),
)  # fmt: skip
