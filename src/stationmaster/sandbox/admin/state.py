"""What is true in one simulated organisation: its rows, settings, ledger and faults. Knows no rule of a vendor's and no wire."""

import hashlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from stationmaster.sandbox.admin.faults import Faults
from stationmaster.sandbox.admin.rows import Invitation, Issuer, Key, Licence, Person, Place, Project, Rule, Service, Table
from stationmaster.sandbox.admin.vendors import TRAITS, Traits
from stationmaster.sandbox.admin.writes import Writes

DAY = 86_400.0


MINTED = "sk-svcacct-sandbox-"      # how keys begin that were made here


def digest_of(secret: str) -> str:
    """What is kept of a key's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Refused(Exception):
    """A call that the organisation does not carry out. `reason` is one word for the vendor's file to spell out."""

    def __init__(self, reason: str, told: str = "") -> None:
        super().__init__(told or reason)
        self.reason = reason


@dataclass
class Settings:
    """How an organisation is set up; may be changed while it is asked. Times are seconds.

    `seats`: members and pending invitations together (GitHub: licences); None: as many as like. `listed_after`: lists show how
    things stood so long ago. `shifting`: "repeat" or "miss" a row where two pages meet (missed in every other reading).
    `duplicate_rows`: the first row of a page comes twice. `accept_after`: people accept by themselves. `refuses_duplicates`:
    whether a second invitation of one address is refused. `calls_per_minute`: of the whole interface. `federated`: the
    credential is a token of scope org:admin, which may see to service accounts and federation (Anthropic). `copilot`: a plan
    was bought (GitHub); it ends with the last licence. `consumption`: reports of use are "made_up", or tell what was "called"
    here with the organisation's keys.
    """

    seats: int | None = None
    listed_after: float = 0.0
    shifting: str = ""
    duplicate_rows: bool = False
    accept_after: float | None = None
    invite_lifetime: float = 7 * DAY
    allowed_domains: set[str] = field(default_factory=set)
    directory_managed: bool = False
    refuses_duplicates: bool = True
    calls_per_minute: int | None = None
    refuses_service_keys: bool = False
    federated: bool = False
    copilot: bool = True
    spend_limit_minor: int | None = 100_000
    cycle_ends_in: float = 10 * DAY
    consumption: str = "made_up"


def number_of(login: str) -> int:
    """GitHub's number of an account: the same wherever its name is asked for."""
    return int(hashlib.sha256(login.casefold().encode()).hexdigest()[:7], 16)


class State:
    """The rows of an organisation at a simulated vendor, and what is asked of them. `lock` is held around every use."""

    def __init__(self, vendor: str, name: str, clock: Callable[[], float], random: Random, settings: Settings) -> None:
        self.vendor, self.name, self.clock, self.random, self.settings = vendor, name, clock, random, settings
        self.traits: Traits = TRAITS[vendor]
        self.secret = f"{self.traits.secret}{name}"
        self.id = self.traits.organisation_id(name)
        self.faults = Faults(random)
        self.lock = threading.RLock()
        self.people: Table[Person] = Table(clock)
        self.invitations_table: Table[Invitation] = Table(clock)
        self.projects: Table[Project] = Table(clock)
        self.places: Table[Place] = Table(clock)
        self.keys: Table[Key] = Table(clock)
        self.services: Table[Service] = Table(clock)
        self.licences: Table[Licence] = Table(clock)
        self.issuers: Table[Issuer] = Table(clock)
        self.rules: Table[Rule] = Table(clock)
        self.spend_limits: dict[str, int] = {}
        self.gone: list[Person] = []
        self.secrets: dict[str, str] = {}      # digest of a key's secret → the key's id
        self.called: dict[tuple[int, str, str, str, str], list[int]] = {}      # see `consumption`
        self.logins: dict[int, str] = {}
        self.requests = 0
        self.ledger = Writes()
        self._calls: deque[float] = deque()
        self._made = 0

    def base_url(self, url: str) -> str:
        """What a client of this vendor takes, given the sandbox's own URL."""
        return url + self.traits.path

    def overrun(self) -> float:
        """Count a call; how many seconds to wait when that is one too many, else 0."""
        self.requests += 1
        limit, now = self.settings.calls_per_minute, self.clock()
        if limit is None:
            return 0.0
        while self._calls and self._calls[0] <= now - 60:
            self._calls.popleft()
        if len(self._calls) >= limit:
            return max(1.0, self._calls[0] + 60 - now)
        self._calls.append(now)
        return 0.0

    def new_id(self, prefix: str) -> str:
        """An id that no other row has, the same in every run."""
        self._made += 1
        return prefix + hashlib.sha256(f"{self.vendor}/{self.name}/{self._made}".encode()).hexdigest()[:20]

    def new_number(self) -> int:
        """The same as a number."""
        self._made += 1
        return int(hashlib.sha256(f"{self.vendor}/{self.name}".encode()).hexdigest()[:6], 16) * 100_000 + self._made

    def person(self, member: str) -> Person:
        """The member with this id. Raises `Refused`."""
        found = self.people.get(member)
        if found is None:
            raise Refused("not_found", f"No member {member}.")
        return found

    def pending(self) -> list[Invitation]:
        """Invitations that wait."""
        return [each for each in self.invitations_table.all() if each.status == "pending"]

    def find(self, known_as: str) -> Person | None:
        """The member with this address, login or id."""
        wanted = known_as.casefold()
        return next((p for p in self.people.all() if wanted in (p.email.casefold(), p.login.casefold(), p.id.casefold())), None)

    def waiting(self, whom: str) -> list[Invitation]:
        """Pending invitations of an address or login."""
        wanted = whom.casefold()
        return [each for each in self.pending() if wanted in (each.email.casefold(), each.login.casefold())]

    def owners(self) -> int:
        """How many own the organisation."""
        return sum(person.role in self.traits.owner_roles for person in self.people.all())
