"""What the conformance suite asks of every vendor, and where: operations as data, and organisations at simulated vendors."""

import importlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from stationmaster.line.errors import NotFound
from stationmaster.sandbox.admin.organisation import Organisation
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import PROTOCOLS, Access, Capability, HasServiceAccounts, Match, Mints
from stationmaster.vendors.registry import VENDORS, Vendor

C = Capability
LOOPBACK = frozenset({"127.0.0.1"})
NEW = "member-900@example.test"

# Vendors whose administration the sandbox simulates; those of which only a credential is probed; and the one without interface.
ADMINISTERED = tuple(name for name, each in VENDORS.items() if each.capabilities - {C.PROBE})
PROBED = tuple(name for name, each in VENDORS.items() if C.PROBE in each.capabilities)

_number = count(1)


@dataclass
class Watch:
    """The hooks of an `Access`, written down in the order in which they were called."""

    events: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def hooks(self) -> dict[str, Any]:
        """For `Place.open(**watch.hooks())`."""
        return {"pace": lambda: self.events.append("pace"), "before_write": self.events.append, "told": self.told.append}

    def writes(self) -> list[str]:
        """What was asked before a write."""
        return [event for event in self.events if event != "pace"]


@dataclass
class Place:
    """An organisation of its own at a simulated vendor."""

    spec: Vendor
    organisation: Organisation
    sandbox: SandboxServer
    memory: dict[str, Any] = field(default_factory=dict)

    def open(self, *, sleep: Callable[[float], None] = lambda _: None, **access: Any) -> Any:
        """A strict adapter that never sleeps."""
        organisation = self.organisation
        opened = Access(self.spec.name, secret=organisation.secret, base_url=organisation.base_url(self.sandbox.url),
                        organisation=organisation.name, allowed=LOOPBACK, timeout=20.0)  # fmt: skip
        return adapter_of(self.spec.name)(replace(opened, **access), strict=True, sleep=sleep)

    def known(self, email: str) -> str:
        """What the vendor knows this person by."""
        return email if self.spec.known_by == "email" else email.partition("@")[0]

    def member(self, number: int = 2) -> str:
        """The id of a member."""
        return self.organisation.members()[number - 1].id

    def other_role(self) -> str:
        """A role that member 2 does not have."""
        now = self.organisation.members()[1].role
        return next(role for role in reversed(self.spec.roles) if role != now)


def adapter_of(name: str) -> Any:
    """The class of a vendor's adapter."""
    return importlib.import_module(f"stationmaster.vendors.{VENDORS[name].module}").Adapter


def place_at(sandbox: SandboxServer, name: str, people: int = 4, **settings: Any) -> Place:
    """A new organisation. Raises `ValueError` when nobody simulates this vendor."""
    return Place(VENDORS[name], sandbox.admin.make(name, f"conformance-{next(_number)}", people, **settings), sandbox)


def offers(adapter: Any) -> frozenset[Capability]:
    """The capabilities that an adapter has the methods of."""
    return frozenset(each for each, protocol in PROTOCOLS.items() if isinstance(adapter, protocol))


@dataclass(frozen=True)
class Operation:
    """One thing to ask. `before` brings the organisation to where it can be asked, over another adapter, and keeps ids in
    `place.memory`; `done`: whether reading shows that it was done. `chosen`: a right of some credentials only, so that 403 is
    about this operation and not about the workspace."""

    name: str
    needs: Capability
    call: Callable[[Place, Any], Any]
    before: Callable[[Place, Any], None] = lambda _place, _adapter: None
    done: Callable[[Place, Any], bool] | None = None
    protocol: type | None = None
    gives_roles: bool = False
    chosen: bool = False

    def __str__(self) -> str:
        return self.name

    def fits(self, name: str) -> bool:
        """Whether this vendor has it."""
        spec = VENDORS[name]
        if self.needs not in spec.capabilities or (self.gives_roles and not spec.gives_roles):
            return False
        return self.protocol is None or issubclass(adapter_of(name), self.protocol)


def _whole(rows: Iterable[Any]) -> list[Any]:
    return list(rows)


def _span() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=3), now


def _federated(place: Place, _: Any) -> None:
    """The credential is one that may see to federation."""
    place.organisation.settings.federated = True


READS = (
    Operation("identify", C.IDENTITY, lambda _, adapter: adapter.identify()),
    Operation("members", C.MEMBERS, lambda _, adapter: _whole(adapter.members())),
    Operation("find_member", C.MEMBERS, lambda place, adapter: adapter.find_member(place.known("member-002@example.test"))),
    Operation("invites", C.INVITES, lambda _, adapter: _whole(adapter.invites())),
    Operation("find_invite", C.INVITES, lambda place, adapter: adapter.find_invite(place.known(NEW))),
    Operation("seats", C.SEATS, lambda _, adapter: adapter.seats()),
    Operation("seat_terms", C.SEATS, lambda _, adapter: adapter.seat_terms()),
    Operation("projects", C.PROJECTS, lambda _, adapter: _whole(adapter.projects())),
    Operation("project_members", C.PROJECTS, lambda place, adapter: _whole(adapter.project_members(_project(place)))),
    Operation("keys", C.KEYS, lambda _, adapter: _whole(adapter.keys())),
    Operation(
        "service_accounts", C.KEYS, lambda _, adapter: _whole(adapter.service_accounts()), protocol=HasServiceAccounts,
        before=_federated,
    ),
    Operation("issuers", C.FEDERATION, lambda _, adapter: _whole(adapter.issuers()), before=_federated),
    Operation("rules", C.FEDERATION, lambda _, adapter: _whole(adapter.rules()), before=_federated),
    Operation("usage", C.USAGE, lambda _, adapter: _whole(adapter.usage(*_span()))),
    Operation("costs", C.USAGE, lambda _, adapter: _whole(adapter.costs(*_span()))),
    Operation("limits", C.LIMITS, lambda _, adapter: _whole(adapter.limits())),
    Operation("spend_limits", C.LIMITS, lambda _, adapter: _whole(adapter.spend_limits())),
)  # fmt: skip


def _project(place: Place) -> str:
    return place.organisation.projects.all()[-1].id


def _invited(place: Place, adapter: Any) -> None:
    place.memory["invite"] = adapter.invite(place.known(NEW), place.spec.roles[0]).id


def _member_role(place: Place) -> str:
    """What the vendor calls the role of a member who was given this one."""
    return place.organisation.traits.joined_role(place.memory["role"])


def _in_project(place: Place, adapter: Any) -> None:
    with suppress(NotFound):
        adapter.remove_from_project(_project(place), place.member())
    place.memory["project"] = _project(place)


def _placed(place: Place, adapter: Any) -> None:
    _in_project(place, adapter)
    adapter.add_to_project(_project(place), place.member(), _project_role(place))


def _project_role(place: Place) -> str:
    return "workspace_user" if place.spec.name == "anthropic" else "member"


def _key(place: Place, adapter: Any) -> None:
    place.memory["key"] = next(iter(adapter.keys()))


def _is_revoked(place: Place, adapter: Any) -> bool:
    gone, listed = place.memory["key"], _whole(adapter.keys())
    return all(key.id != gone.id or key.status != "active" for key in listed)


def _in(place: Place, adapter: Any) -> bool:
    return any(row.member == place.member() for row in adapter.project_members(_project(place)))


def _login(place: Place) -> list[str]:
    return [place.organisation.members()[1].login]


def _licence(place: Place, adapter: Any) -> bool:
    return bool(adapter.find_member(_login(place)[0]).has_seat)


def _ending(place: Place, adapter: Any) -> bool:
    found = adapter.find_member(_login(place)[0])
    return not found.has_seat or found.ends_at is not None


def _unlicensed(place: Place, _: Any) -> None:
    place.organisation.licences.drop(place.member())


def _trusted(place: Place, adapter: Any) -> None:
    """There is an issuer, and a service account that a rule may be for."""
    _federated(place, adapter)
    place.memory["issuer"] = adapter.create_issuer("ci", "https://ci.example.test").id
    place.memory["service"] = adapter.create_service_account("deployer").id


def _rule(place: Place, adapter: Any) -> Any:
    match = Match(subject="repo:acme/*", claims={"environment": "production"})
    return adapter.create_rule("deploys", place.memory["issuer"], place.memory["service"], match, project=_project(place))


def _ruled(place: Place, adapter: Any) -> None:
    _trusted(place, adapter)
    place.memory["rule"] = _rule(place, adapter).id


def _called(rows: Iterable[Any]) -> set[str]:
    return {row.name for row in rows}


WRITES = (
    Operation(
        "set_role", C.MEMBERS, lambda place, adapter: adapter.set_role(place.member(), place.memory["role"]),
        before=lambda place, _: place.memory.update(role=place.other_role()),
        done=lambda place, adapter: adapter.find_member(place.known("member-002@example.test")).role == _member_role(place),
        gives_roles=True,
    ),
    Operation(
        "remove_member", C.MEMBERS, lambda place, adapter: adapter.remove_member(place.memory["member"]),
        before=lambda place, _: place.memory.update(member=place.member()),
        done=lambda place, adapter: adapter.find_member(place.known("member-002@example.test")) is None,
    ),
    Operation(
        "invite", C.INVITES, lambda place, adapter: adapter.invite(place.known(NEW), place.spec.roles[0]),
        done=lambda place, adapter: adapter.find_invite(place.known(NEW)) is not None,
    ),
    Operation(
        "withdraw", C.INVITES, lambda place, adapter: adapter.withdraw(place.memory["invite"]), before=_invited,
        done=lambda place, adapter: adapter.find_invite(place.known(NEW)) is None,
    ),
    Operation(
        "assign_seats", C.SEATS, lambda place, adapter: adapter.assign_seats(_login(place)), before=_unlicensed, done=_licence,
    ),
    Operation("unassign_seats", C.SEATS, lambda place, adapter: adapter.unassign_seats(_login(place)), done=_ending),
    Operation(
        "add_to_project", C.PROJECTS, before=_in_project, done=_in,
        call=lambda place, adapter: adapter.add_to_project(_project(place), place.member(), _project_role(place)),
    ),
    Operation(
        "remove_from_project", C.PROJECTS, before=_placed, done=lambda place, adapter: not _in(place, adapter),
        call=lambda place, adapter: adapter.remove_from_project(_project(place), place.member()),
    ),
    Operation(
        "revoke_key", C.KEYS, lambda place, adapter: adapter.revoke_key(place.memory["key"]), before=_key, done=_is_revoked,
    ),
    Operation(
        "mint_key", C.KEYS, lambda place, adapter: adapter.mint_key(_project(place), "nightly"), protocol=Mints,
        done=lambda _, adapter: any(row.name == "nightly" for row in adapter.service_accounts()),
    ),
    Operation(
        "create_issuer", C.FEDERATION, lambda _, adapter: adapter.create_issuer("ci", "https://ci.example.test"),
        before=_federated, done=lambda _, adapter: _called(adapter.issuers()) == {"ci"}, chosen=True,
    ),
    Operation(
        "archive_issuer", C.FEDERATION, lambda place, adapter: adapter.archive_issuer(place.memory["issuer"]),
        before=_trusted, done=lambda _, adapter: not _called(adapter.issuers()), chosen=True,
    ),
    Operation(
        "create_service_account", C.FEDERATION, lambda _, adapter: adapter.create_service_account("deployer"),
        before=_federated, done=lambda _, adapter: "deployer" in _called(adapter.service_accounts()), chosen=True,
    ),
    Operation(
        "create_rule", C.FEDERATION, _rule, before=_trusted, done=lambda _, adapter: _called(adapter.rules()) == {"deploys"},
        chosen=True,
    ),
    Operation(
        "archive_rule", C.FEDERATION, lambda place, adapter: adapter.archive_rule(place.memory["rule"]), before=_ruled,
        done=lambda _, adapter: not _called(adapter.rules()), chosen=True,
    ),
)  # fmt: skip
