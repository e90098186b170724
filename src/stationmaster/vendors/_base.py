"""What vendors can be asked for. Owns: one Protocol a capability, and the values that go in and out.

An adapter declares its set by having the methods; `registry` names the same set, and a test holds the two together. May not
know any vendor.

What none of these promises:
- that a list is what was true at one moment: pages shift while they are read, rows may come twice or be missed once. Adapters
  give a row once a reading; that something is gone is for the caller to believe after a second look.
- that what was just written is in the next list: vendors are eventually consistent, for a minute at times.
- that a write which raised `Transient(maybe_done=True)` did not happen.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol, TypeVar, runtime_checkable

from stationmaster.line import access as line

T = TypeVar("T")
InviteStatus = Literal["pending", "accepted", "expired", "deleted"]


class Capability(StrEnum):
    """One thing that some vendors offer an interface for."""

    IDENTITY = "identity"
    MEMBERS = "members"
    INVITES = "invites"
    SEATS = "seats"            # licences that are assigned to people who are there already
    PROJECTS = "projects"
    KEYS = "keys"
    USAGE = "usage"
    LIMITS = "limits"
    FEDERATION = "federation"  # short-lived tokens for who another identity provider vouches for
    PROBE = "probe"


@dataclass(frozen=True)
class Access(line.Access):
    """How a workspace is reached. `organisation`: the vendor's name for it where the address holds one (a GitHub
    organisation's login, a cloud project). The rest by name alone: see `line.access`."""

    vendor: str
    organisation: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Organisation:
    """Who the admin credential belongs to; `id` and `name` are empty where the vendor does not say. `directory_managed`: its
    people come from an identity provider, so that writes are refused (None: the vendor does not say)."""

    id: str
    name: str
    directory_managed: bool | None = None


@dataclass(frozen=True)
class Member:
    """Somebody who is in. `email` as the vendor spells it, empty where it knows logins only; `role` the vendor's word.
    `last_active_at`: None means that no activity was reported, which proves nothing. `ends_at`: the membership is
    cancelled and ends then. `has_seat`: holds a licence, where being in the organisation does not bring one."""

    id: str
    email: str = ""
    login: str = ""
    name: str = ""
    role: str = ""
    added_at: datetime | None = None
    last_active_at: datetime | None = None
    directory_managed: bool = False
    is_service_account: bool = False
    ends_at: datetime | None = None
    has_seat: bool = True


@dataclass(frozen=True)
class Invite:
    """An invitation. `expires_at` None: the vendor does not say."""

    id: str
    email: str
    role: str
    status: InviteStatus
    invited_at: datetime | None = None
    expires_at: datetime | None = None
    accepted_at: datetime | None = None
    projects: tuple[str, ...] = ()
    login: str = ""


@dataclass(frozen=True)
class Project:
    """A part of an organisation: a project at OpenAI, a workspace at Anthropic, a team at GitHub."""

    id: str
    name: str
    archived: bool = False
    default: bool = False


@dataclass(frozen=True)
class ProjectMember:
    """Somebody in a project."""

    member: str
    role: str


@dataclass(frozen=True)
class SeatCount:
    """How many seats there are. `total` None: the vendor sells none, or does not say; `used` counts what stands against the
    total, pending invites among them where the vendor counts those."""

    used: int
    total: int | None = None
    pending: int = 0
    ending: int = 0                                # cancelled, and still paid for


@dataclass(frozen=True)
class SeatTerms:
    """What assigning or taking away a seat means in money. `price_minor`: of one seat a cycle in the smallest unit of
    `currency`; None: the vendor's interface does not say. `words` tells people, in English, what else follows."""

    buys: bool
    price_minor: int | None = None
    currency: str = "USD"
    cycle_ends: date | None = None
    words: str = ""


@dataclass(frozen=True)
class Key:
    """An API key as the vendor lists it; never its secret. `status`: active, inactive, expired or archived."""

    id: str
    name: str
    hint: str = ""
    project: str = ""
    owner: str = ""                                # id of the member or service account
    status: str = "active"
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Minted:
    """A new key and its secret, which the vendor tells once. `service_account`: made for it, if one was."""

    key: Key
    secret: str = field(repr=False)
    service_account: str = ""


@dataclass(frozen=True)
class ServiceAccount:
    """A member that is no person."""

    id: str
    name: str
    project: str = ""
    role: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True)
class Issuer:
    """An identity provider whose tokens the vendor takes. `url` is their `iss` claim, to the letter; `keys` says where its
    signing keys come from: discovery, explicit_url or inline (given by us, nothing is fetched)."""

    id: str
    name: str
    url: str
    keys: str = "discovery"
    created_at: datetime | None = None


@dataclass(frozen=True)
class Match:
    """Whom of an issuer a rule is for: all that is given has to fit. `subject` is the `sub` claim, a prefix of it with `*` at
    the end; `audience` the `aud` claim; `claims` others with their texts; `condition` an expression in CEL over `claims`."""

    subject: str = ""
    audience: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)
    condition: str = ""


@dataclass(frozen=True)
class FederationRule:
    """Who of an issuer (by id) gets a token, and as which service account (by id). `scope`: what the token may do; `lifetime`:
    of a token at most, in seconds. `projects`: where it is good; None: in all there are and will be."""

    id: str
    name: str
    issuer: str
    service_account: str
    match: Match
    scope: str
    lifetime: int
    projects: tuple[str, ...] | None = None
    created_at: datetime | None = None


@dataclass(frozen=True)
class Limit:
    """A rate limit; None: not limited, or not said."""

    id: str
    project: str
    model: str
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


@dataclass(frozen=True)
class SpendLimit:
    """What may be spent in an `interval`, in the smallest unit of `currency`."""

    project: str
    amount_minor: int
    currency: str
    interval: str
    enforced: bool


@dataclass(frozen=True)
class UsageRow:
    """What was used in [start, end) by one (project, key, member, model); empty: the vendor did not break it down so.
    `input_tokens` counts the `cached_tokens` too."""

    start: datetime
    end: datetime
    model: str = ""
    project: str = ""
    key: str = ""
    member: str = ""
    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class CostRow:
    """What was billed in [start, end): nanodollars (10⁻⁹) of `currency`, so that vendors' decimal cents lose nothing."""

    start: datetime
    end: datetime
    amount_nano: int
    currency: str = "USD"
    project: str = ""
    key: str = ""
    member: str = ""
    item: str = ""


@dataclass(frozen=True)
class Probe:
    """What asking whether a credential works showed. `ok`: it is valid (rate-limited is); `code`: the vendor's word."""

    ok: bool
    code: str = ""
    organisation: str = ""
    words: str = ""


@runtime_checkable
class Identifies(Protocol):
    """Capability IDENTITY. Not promised: that an id or a name is told, that the credential may do more than say who it is, and
    that a directory is noticed before it refuses a write."""

    def identify(self) -> Organisation:
        """Who the admin credential belongs to. Raises `StopRun` when it is refused."""


@runtime_checkable
class HasMembers(Protocol):
    """Capability MEMBERS. Not promised: that a role which is listed can be set."""

    def members(self) -> Iterator[Member]:
        """All of them, each once, in no order."""

    def find_member(self, known_as: str) -> Member | None:
        """The member with this e-mail address or login, asked for by name where the vendor can, else looked for in the list;
        None is no proof while a write is young."""

    def set_role(self, member: str, role: str) -> None:
        """Give a member (by id) a role. Raises `Rejected` for roles that the vendor sets by hand only."""

    def remove_member(self, member: str) -> None:
        """Take a member (by id) out. Raises `NotFound` when there is none, which is success."""


@runtime_checkable
class HasInvites(Protocol):
    """Capability INVITES. Not promised: that two invitations of one address are refused."""

    def invites(self) -> Iterator[Invite]:
        """All that the vendor still lists, each once, in no order."""

    def find_invite(self, email: str) -> Invite | None:
        """The newest pending invitation of this address; None is no proof while a write is young."""

    def invite(self, email: str, role: str, projects: Sequence[str] = ()) -> Invite:
        """Invite somebody. Raises `AlreadyExists` for members and pending invitations, `Rejected` with the reason."""

    def withdraw(self, invite: str) -> None:
        """Take a pending invitation (by id) back. Raises `NotFound` when there is none, `Rejected` when it was accepted."""


@runtime_checkable
class HasSeats(Protocol):
    """Capability SEATS. Not promised: that a seat taken away is free at once."""

    def seats(self) -> SeatCount:
        """How many there are and are used."""

    def seat_terms(self) -> SeatTerms:
        """What assigning costs."""

    def assign_seats(self, logins: Sequence[str]) -> int:
        """Assign seats to people of the organisation; how many are new. Raises `Rejected`."""

    def unassign_seats(self, logins: Sequence[str]) -> int:
        """Take seats away; how many end, now or with the cycle."""


@runtime_checkable
class HasProjects(Protocol):
    """Capability PROJECTS. Not promised: that a project which is listed can be written to (the default one, one that is being
    archived), that who is in everywhere by role is listed, or that leaving a project takes keys away."""

    def projects(self) -> Iterator[Project]:
        """All that are not archived."""

    def project_members(self, project: str) -> Iterator[ProjectMember]:
        """Who is in one."""

    def add_to_project(self, project: str, member: str, role: str) -> None:
        """Put a member in. Raises `AlreadyExists`."""

    def remove_from_project(self, project: str, member: str) -> None:
        """Take a member out. Raises `NotFound`, which is success."""


@runtime_checkable
class HasKeys(Protocol):
    """Capability KEYS. Not promised: minting (`Mints`)."""

    def keys(self) -> Iterator[Key]:
        """All of the organisation."""

    def revoke_key(self, key: Key) -> None:
        """Make it useless for good, or for as long as the vendor can (its docstring says which). Raises `NotFound`."""


@runtime_checkable
class HasServiceAccounts(Protocol):
    """Part of capability KEYS. Not promised: that the credential which sees keys may see these."""

    def service_accounts(self) -> Iterator[ServiceAccount]:
        """All of the organisation. Raises `Rejected` when this credential may not see them, which says nothing of the rest."""


@runtime_checkable
class Mints(HasServiceAccounts, Protocol):
    """Part of capability KEYS that few vendors have. Not promised: that a call without a good answer made nothing (a key may
    be left that nobody knows the secret of: `service_accounts` shows it), or that a policy of the vendor's allows this expiry."""

    def mint_key(self, project: str, name: str, *, expires_in: int = 0, scopes: Sequence[str] = ()) -> Minted:
        """Make a service account with a key; `expires_in` seconds (0: never, if the vendor allows). The secret comes once."""

    def minted_as(self, project: str, name: str) -> list[ServiceAccount]:
        """The service accounts of a project with exactly this name: what became of a `mint_key` whose answer was lost. None is no
        proof while the write is young."""

    def unmint(self, project: str, service_account: str) -> None:
        """Delete a service account of a project with all its keys, for good. Raises `NotFound`, which is success."""


@runtime_checkable
class Federates(HasServiceAccounts, Protocol):
    """Capability FEDERATION: what has to be set up so that a workload of ours gets short-lived tokens for an identity that it
    has already. Not promised: that the credential which does the rest may do this (`Rejected` says which may, and the rest goes
    on), that a rule may be as wide as one made in the vendor's console, or that an issuer's keys can be fetched."""

    def issuers(self) -> Iterator[Issuer]:
        """All that are not archived."""

    def create_issuer(self, name: str, url: str, keys: Sequence[Mapping[str, object]] = ()) -> Issuer:
        """Trust one. `keys`: its signing keys (JWKs, RFC 7517), else it is asked for them. Raises `AlreadyExists` for a name
        that is taken, `Rejected`."""

    def archive_issuer(self, issuer: str) -> None:
        """Trust one (by id) no more, for good: its rules give no tokens. Raises `NotFound`, which is success."""

    def create_service_account(self, name: str) -> ServiceAccount:
        """Make an identity that rules may give tokens of. Raises `AlreadyExists` for a name that is taken, `Rejected`."""

    def rules(self) -> Iterator[FederationRule]:
        """All that are not archived."""

    def create_rule(
        self, name: str, issuer: str, service_account: str, match: Match, *, project: str = "",
        scope: str = "workspace:inference", lifetime: int = 3600,
    ) -> FederationRule:  # fmt: skip
        """Make one; without a `project` it is good in all. Raises `AlreadyExists` for a name that is taken, `Rejected`."""

    def archive_rule(self, rule: str) -> None:
        """Give no more tokens by one (by id), for good; those that are out live on. Raises `NotFound`, which is success."""


@runtime_checkable
class ReportsUsage(Protocol):
    """Capability USAGE. Not promised: that the last hours are whole."""

    def usage(self, since: datetime, until: datetime) -> Iterator[UsageRow]:
        """By day, as finely broken down as the vendor does."""

    def costs(self, since: datetime, until: datetime) -> Iterator[CostRow]:
        """By day."""


@runtime_checkable
class HasLimits(Protocol):
    """Capability LIMITS. Not promised: that an id is unique beyond a project, that what a project inherits is listed in it, or
    that a limit just set is the one that is enforced."""

    def limits(self) -> Iterator[Limit]:
        """Rate limits, of all projects."""

    def spend_limits(self) -> Iterator[SpendLimit]:
        """What may be spent; empty project: the whole organisation."""


@runtime_checkable
class Probes(Protocol):
    """Capability PROBE: of a credential for inference, without a completion. Not promised: that a valid credential may use any
    one model or has money left, or that a refused one is refused tomorrow."""

    def probe(self) -> Probe:
        """Whether it works. Raises nothing that is about the credential; `Transient` when nobody answered."""


PROTOCOLS: Mapping[Capability, type] = {
    Capability.IDENTITY: Identifies, Capability.MEMBERS: HasMembers, Capability.INVITES: HasInvites,
    Capability.SEATS: HasSeats, Capability.PROJECTS: HasProjects, Capability.KEYS: HasKeys,
    Capability.USAGE: ReportsUsage, Capability.LIMITS: HasLimits, Capability.FEDERATION: Federates, Capability.PROBE: Probes,
}  # fmt: skip


def each_once(rows: Iterable[T], key: Callable[[T], str]) -> Iterator[T]:
    """Rows without those that came before, by `key`: pages that shift give some twice."""
    seen: set[str] = set()
    for row in rows:
        if key(row) not in seen:
            seen.add(key(row))
            yield row
