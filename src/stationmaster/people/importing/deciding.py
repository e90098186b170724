"""What a row comes to. Owns: whose row it is, what it would change, and what makes it a conflict. Pure.

A row is its `id`'s, else its user name's, else its e-mail address's. Where those lead to different persons, or to one whom
something else looks after, the row is a conflict for a person to settle.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stationmaster.folding import fold
from stationmaster.people.importing.wanted import Fault, Login, Wanted

Outcome = Literal["create", "update", "unchanged", "duplicate", "conflict", "error"]


@dataclass(frozen=True)
class Known:
    """A person who is there. `values` are those of the columns; `groups` are names, folded; `ours`: whoever imports may
    have them leave and return."""

    id: str
    values: Mapping[str, str]
    source: str = "csv"
    active: bool = True
    erased: bool = False
    further: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    logins: frozenset[Login] = frozenset()
    ours: bool = True


@dataclass(frozen=True)
class Verdict:
    """What a row comes to. `changes` are columns of the person; None in the others: nothing changes there."""

    outcome: Outcome
    person: str = ""                     # who it is; empty for a new one and where that is not known
    changes: Mapping[str, Any] = field(default_factory=dict)
    active: bool | None = None
    further: tuple[str, ...] | None = None
    join: tuple[str, ...] = ()           # groups, as the row spells them
    leave: tuple[str, ...] = ()          # groups, folded
    link: tuple[Login, ...] = ()
    unlink: tuple[Login, ...] = ()
    faults: tuple[Fault, ...] = ()


class State:
    """Who is there, as far as some rows are concerned. Rows change it as they are decided, so that each is decided upon what
    those before it leave behind. `groups` are the sources of groups by their folded names."""

    def __init__(self, persons: list[Known], groups: Mapping[str, str], held: Mapping[Login, str]) -> None:
        self.groups, self.held = dict(groups), dict(held)
        self.by_id = {known.id: known for known in persons}
        self.by_user_name = {fold(known.values["user_name"]): known.id for known in persons}
        self.active = {fold(known.values["email"]): known.id for known in persons if known.active and known.values["email"]}
        self.leavers: dict[str, list[str]] = {}
        for known in persons:
            if not known.active and known.values["email"]:
                self.leavers.setdefault(fold(known.values["email"]), []).append(known.id)

    def take(self, verdict: Verdict, person: str) -> None:
        """Note what a row leaves behind; `person` is who it made or changed."""
        values = verdict.changes
        if "user_name" in values:
            self.by_user_name[fold(values["user_name"])] = person
        if values.get("email"):
            self.active[fold(values["email"])] = person
        for name in verdict.join:
            self.groups.setdefault(fold(name), "csv")
        for vendor, login in verdict.link:
            self.held[vendor, fold(login)] = person


def decide(wanted: Wanted | list[Fault], state: State) -> Verdict:
    """What becomes of a row."""
    if isinstance(wanted, list):
        return Verdict("error", faults=tuple(wanted))
    whose = _whose(wanted, state)
    if isinstance(whose, Fault):
        return Verdict("conflict" if whose.code != "import.value" else "error", faults=(whose,))
    verdict = _created(wanted) if whose is None else _changed(wanted, whose, state)
    faults = tuple(_against(wanted, whose, verdict, state))
    if faults:
        return Verdict("conflict", whose.id if whose else "", faults=faults)
    return verdict


def _whose(wanted: Wanted, state: State) -> Known | Fault | None:
    """Who it is; None for somebody new."""
    if wanted.id:
        return state.by_id.get(wanted.id) or Fault("id", "import.value", "there is no such person")
    user_name, email = fold(wanted.values.get("user_name", "")), fold(wanted.values.get("email", ""))
    if not user_name and not email:
        return Fault("", "import.value", "the row says neither user name nor e-mail address")
    if user_name:
        return state.by_id.get(state.by_user_name.get(user_name, ""))
    return _by_address(email, state)


def _by_address(email: str, state: State) -> Known | Fault | None:
    if email in state.active:
        return state.by_id.get(state.active[email])
    left = state.leavers.get(email, [])
    if len(left) > 1:
        return Fault("email", "import.several", "several persons who left had this address")
    if left:
        return state.by_id[left[0]]
    named = state.by_id.get(state.by_user_name.get(email, ""))
    if named is not None and named.values["email"]:
        return Fault("email", "import.several", "this is the user name of a person with another address")
    return named


def _created(wanted: Wanted) -> Verdict:
    values = dict(wanted.values)
    values["user_name"] = values.get("user_name") or values["email"]
    links = tuple(sorted((wanted.logins or frozenset()) | set(wanted.at.items())))
    further = _further(wanted, values.get("email", ""))
    return Verdict("create", "", values, wanted.active, further, wanted.groups or (), link=links)


def _changed(wanted: Wanted, known: Known, state: State) -> Verdict:
    changes = {name: value for name, value in wanted.values.items() if value != known.values[name]}
    if not changes.get("user_name", "-"):
        changes.pop("user_name")           # an empty cell takes nobody's name away
    active = None if wanted.active in (None, known.active) else wanted.active
    further = _further(wanted, changes.get("email", known.values["email"]))
    further = None if further == known.further else further
    join, leave = _memberships(wanted, known, state)
    link, unlink = _log_ins(wanted, known)
    same = not changes and active is None and further is None and not (join or leave or link or unlink)
    return Verdict("unchanged" if same else "update", known.id, changes, active, further, join, leave, link, unlink)


def _further(wanted: Wanted, email: str) -> tuple[str, ...] | None:
    """Each once, the first address not among them, as they are stored."""
    if wanted.further is None:
        return None
    return tuple({fold(each): each for each in wanted.further if fold(each) != fold(email)}.values())


def _memberships(wanted: Wanted, known: Known, state: State) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Groups to join and to leave. Only groups that came from files are left for not being named: the others are filled
    by somebody else."""
    if wanted.groups is None:
        return (), ()
    named = {fold(name): name for name in wanted.groups}
    leave = sorted(name for name in known.groups - named.keys() if state.groups.get(name) == "csv")
    return tuple(name for folded, name in named.items() if folded not in known.groups), tuple(leave)


def _log_ins(wanted: Wanted, known: Known) -> tuple[tuple[Login, ...], tuple[Login, ...]]:
    keep = set(known.logins if wanted.logins is None else wanted.logins)
    for vendor, login in wanted.at.items():
        keep = {each for each in keep if each[0] != vendor} | {(vendor, login)}
    return tuple(sorted(keep - known.logins)), tuple(sorted(known.logins - keep))


def _against(wanted: Wanted, whose: Known | None, verdict: Verdict, state: State) -> Iterator[Fault]:
    """Everything that stands against it."""
    own = whose.id if whose else ""
    if whose is not None:
        yield from _about(wanted, whose, verdict)
    user_name = fold(verdict.changes.get("user_name", ""))
    if user_name and state.by_user_name.get(user_name, own) != own:
        yield Fault("user_name", "import.taken", "somebody has this user name")
    email = fold(verdict.changes.get("email", "") or (whose.values["email"] if whose and verdict.active else ""))
    stays = verdict.active if verdict.active is not None else whose is None or whose.active
    if email and stays and state.active.get(email, own) != own:
        yield Fault("email", "import.taken", "another active person has this address")
    for name in verdict.join:
        if state.groups.get(fold(name)) == "scim":
            yield Fault("groups", "import.managed", "a group that comes by SCIM gets its members there")
    for vendor, login in verdict.link:
        if state.held.get((vendor, fold(login)), own) != own:
            yield Fault("logins", "import.taken", f"{vendor} knows somebody else by this")


def _about(wanted: Wanted, whose: Known, verdict: Verdict) -> Iterator[Fault]:
    if whose.erased:
        yield Fault("", "import.erased", "this person was erased")
    elif whose.source == "scim" and verdict.outcome == "update":
        yield Fault("", "import.managed", "this person comes by SCIM, and is changed there")
    elif not whose.active and wanted.active is None:
        yield Fault("", "import.left", "this person left; an `active` column can say that they are back")
    elif not whose.ours and verdict.outcome == "update":
        yield Fault("", "import.rights", "this person is an operator who may more than whoever imports")
