"""The rows as planning takes them. Owns: reading a workspace's desired and observed state into values, a query a table."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from stationmaster.people.matching import logins_of, matches
from stationmaster.people.models import Membership, Person
from stationmaster.vendors.registry import vendor
from stationmaster.workspaces import planning
from stationmaster.workspaces.models import Assignment, PlanStep, Seat, VendorInvite, VendorMember, Workspace
from stationmaster.workspaces.models.observed import RENAMED, SEVERAL, is_live
from stationmaster.workspaces.planning import Invite, Member, Place, Rule, Wanted
from stationmaster.workspaces.planning.values import TAKES
from stationmaster.workspaces.plans.places import place_of

_AT_ONCE = 500
FIRST = "0"      # sorts before every time
_MEMBER = ("vendor_id", "email", "login", "person_id", "role", "projects", "has_seat", "ends_at", "directory_managed",
           "is_service_account", "conflict", "missed")  # fmt: skip
_INVITE = ("vendor_id", "email", "login", "person_id", "role", "status", "expires_at", "conflict", "missed")


@dataclass(frozen=True)
class Loaded:
    """What a workspace's plan is made of, and how many people are in it, invitations among them."""

    place: Place
    wanted: Mapping[str, Wanted]
    people: Mapping[str, planning.Person]
    members: tuple[Member, ...]
    invites: tuple[Invite, ...]
    seats: tuple[planning.Seat, ...]

    @property
    def inside(self) -> int:
        """How many people are in or invited."""
        return sum(each.has_seat for each in self.members) + sum(each.live for each in self.invites)

    def steps(self) -> tuple[planning.Step, ...]:
        """The plan."""
        return planning.plan_workspace(self.place, self.wanted, self.people, self.members, self.invites, self.seats)


@dataclass(frozen=True)
class Supposing:
    """Otherwise than it is: assignments (`rules`) besides, those `without` which (ids), people (ids) who `left`."""

    rules: tuple[Rule, ...] = ()
    without: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


def load(workspaces: Iterable[Workspace], supposing: Supposing | None = None) -> Iterator[Loaded]:
    """What is needed for each of them; `supposing`: with other assignments than there are."""
    company = _Company()
    for row in workspaces:
        yield _loaded(row, company, supposing or Supposing())


class _Company:
    """Groups and persons, read once however many workspaces name them."""

    def __init__(self) -> None:
        self._groups: dict[str, tuple[str, ...]] = {}
        self._persons: dict[str, tuple[str, bool]] = {}
        self._named: dict[str, dict[str, str]] = {}
        self._asked: dict[str, set[str]] = {}

    def members(self, groups: set[str]) -> Mapping[str, tuple[str, ...]]:
        """The members (ids) of those groups (ids), and of those that were asked for before."""
        new = groups - self._groups.keys()
        found: dict[str, list[str]] = {group: [] for group in new}
        for group, person in Membership.objects.filter(group_id__in=new).values_list("group_id", "person_id"):
            found[group].append(person)
        self._groups |= {group: tuple(members) for group, members in found.items()}
        return self._groups

    def people(self, vendor_name: str, ids: set[str]) -> dict[str, planning.Person]:
        """Those persons, with what a vendor knows them by."""
        self._read(sorted(ids - self._persons.keys()))
        asked, named = self._asked.setdefault(vendor_name, set()), self._named.setdefault(vendor_name, {})
        named |= logins_of(vendor_name, ids - asked)
        asked |= ids
        return {id_: planning.Person(id_, named.get(id_, ""), *self._persons[id_]) for id_ in ids if id_ in self._persons}

    def _read(self, ids: list[str]) -> None:
        for at in range(0, len(ids), _AT_ONCE):
            rows = Person.objects.filter(id__in=ids[at : at + _AT_ONCE]).values_list("id", "email_folded", "active")
            self._persons |= {id_: (email.rpartition("@")[2], active) for id_, email, active in rows}


def _loaded(row: Workspace, company: _Company, supposing: Supposing) -> Loaded:
    now = timezone.now()
    columns = ("id", "group_id", "person_id", "role", "projects")
    found = Assignment.objects.filter(workspace=row).values_list(*columns)
    rules = [Rule(id_, group or "", person or "", role, tuple(projects)) for id_, group, person, role, projects in found]
    rules = [*(rule for rule in rules if rule.id not in supposing.without), *supposing.rules]
    wanted = planning.wanted(rules, company.members({rule.group for rule in rules if rule.group}), vendor(row.vendor).roles)
    members, invites, seats = tuple(_members(row)), tuple(_invites(row, now)), tuple(_seats(row, now))
    inside = (*(each.person for each in members), *(each.person for each in invites), *(each.person for each in seats))
    named = {*wanted, *inside} - {""}
    place = place_of(row, members, invites, seats)
    people = company.people(row.vendor, named)
    people |= {id_: people[id_]._replace(active=False) for id_ in supposing.left & people.keys()}
    return Loaded(place, wanted, people, members, invites, seats)


def _members(row: Workspace) -> Iterator[Member]:
    found = list(VendorMember.objects.filter(workspace=row).values_list(*_MEMBER))
    who = _who(row, ((email, login, person, service) for _, email, login, person, *_, service, _, _ in found))
    offered = vendor(row.vendor)
    for id_, email, login, person, role, projects, has_seat, ends, directory, service, conflict, missed in found:
        name = offered.name_of(email, login)
        could_be = (person,) if person else who.get(name, ())
        held = None if projects is None else frozenset(project for project, _ in projects)
        yield Member(
            id_, name, could_be[0] if len(could_be) == 1 else "", role, held, has_seat, ends is not None, directory, service,
            len(could_be) > 1 or (conflict == SEVERAL and not could_be), missed, bool(person) and conflict == RENAMED,
        )  # fmt: skip


def _invites(row: Workspace, now: datetime) -> Iterator[Invite]:
    found = list(VendorInvite.objects.filter(workspace=row, status__in=("pending", "expired")).values_list(*_INVITE))
    who = _who(row, ((email, login, person, False) for _, email, login, person, *_ in found))
    offered = vendor(row.vendor)
    for id_, email, login, person, role, status, expires, conflict, missed in found:
        name = offered.name_of(email, login)
        could_be = (person,) if person else who.get(name, ())
        live = is_live(status, expires, now)
        yield Invite(
            id_, name, could_be[0] if len(could_be) == 1 else "", role, live,
            len(could_be) > 1 or (conflict == SEVERAL and not could_be), missed, bool(person) and conflict == RENAMED,
        )  # fmt: skip


def _who(row: Workspace, listed: Iterable[tuple[str, str, str | None, bool]]) -> Mapping[str, tuple[str, ...]]:
    """Whom those could be that nobody was known for when they were read: somebody may have been added, or linked, since."""
    offered = vendor(row.vendor)
    names = {offered.name_of(email, login) for email, login, person, service in listed
             if not person and not service}  # fmt: skip
    return matches(row.vendor, names - {""}) if names - {""} else {}


def _promised(row: Workspace) -> frozenset[str]:
    """Who has a seat coming by a plan that is being applied: those who wait since then do not overtake them."""
    steps = PlanStep.objects.filter(workspace=row, plan__state="applying", outcome="", kind__in=TAKES, person__isnull=False)
    return frozenset(steps.values_list("person_id", flat=True))


def _seats(row: Workspace, now: datetime) -> Iterator[planning.Seat]:
    columns = ("person_id", "state", "role", "intent", "removal", "grace_until", "since", "cause")
    promised = _promised(row)
    for person, state, role, intent, removal, grace, since, cause in Seat.objects.filter(workspace=row).values_list(*columns):
        leaves = removal == "notified" and grace is not None and grace <= now
        waits = since.isoformat() if state == "planned" and cause == "no_seat" else FIRST if person in promised else ""
        yield planning.Seat(person, state, role, bool(intent), removal == "skipped", leaves, waits, cause)
