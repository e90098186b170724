"""What a record comes to. Owns: which workspace or person it is, what would be made or filled in, and what makes it a conflict.
Pure.

What is here counts more than what an older setup says: it fills what is empty, and takes nothing away. A seat's state is taken
where nobody else can tell it, in a workspace that is kept by hand; elsewhere the vendor is read.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from stationmaster.folding import fold
from stationmaster.importing.recognising import Fault, Record
from stationmaster.importing.states import Read, published, seat_state

Outcome = Literal["create", "update", "unchanged", "duplicate", "conflict", "error"]
CAUSE: Final = "imported"                     # of a seat's state
_GONE: Final = frozenset({"removed", "expired"})
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_SEATS: Final = 1_000_000


@dataclass(frozen=True)
class Place:
    """A workspace that is there, or that a dry run's file would make: then its id is made up, or empty where not even its record
    is known. `by_hand`: there is no vendor that could be read."""

    id: str
    name: str
    organisation: str = ""
    seats: int = 0
    by_hand: bool = True


@dataclass(frozen=True)
class Somebody:
    """A person who is there."""

    id: str
    active: bool = True


@dataclass
class State:
    """What is there, as far as some records are concerned. `places` by reference, `named` by name, `accounts` by the vendor's
    id; `people` by folded address; `assigned` pairs of person and workspace; `seats` their state and its cause; `origins` what
    came in before, by `key_of`, with the number that it had in this import (0: in another); `targets` names by kind and address;
    `keys` names of credentials; `may`: what whoever imports may do."""

    places: dict[str, Place] = field(default_factory=dict)
    named: dict[str, Place] = field(default_factory=dict)
    accounts: dict[str, Place] = field(default_factory=dict)
    people: dict[str, Somebody] = field(default_factory=dict)
    assigned: set[tuple[str, str]] = field(default_factory=set)
    seats: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    origins: dict[str, tuple[Mapping[str, Any], int]] = field(default_factory=dict)
    targets: dict[tuple[str, str], str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    may: frozenset[str] = frozenset()


    def take(self, record: Record, verdict: "Verdict", person: str, place: Place | None) -> None:
        """Note what a record leaves behind: `person` and `place` are whom and which it was about in the end."""
        if record.kind == "team" and place is not None:
            self.places |= dict.fromkeys(record.refs, place)
            self.named[place.name] = place
            if place.organisation:
                self.accounts[place.organisation] = place
        if record.kind == "member":
            self.people[fold(record.values["email"])] = Somebody(person)
            if "assignment" in verdict.make and place is not None:
                self.assigned.add((person, place.id))
            self.keys |= {str(verdict.make["credential"]["name"])} if "credential" in verdict.make else set()
        if record.kind == "target":
            self.targets[target_at(record.values)] = record.values["id"]
        elif verdict.keep is not None:
            self.origins[key_of(place.id if place else "", person)] = (verdict.keep, record.number)


@dataclass(frozen=True)
class Verdict:
    """What a record comes to. `make`: of what there is to make, the fields, by noun (workspace, person, assignment, credential,
    target); `fill`: fields of a workspace that are empty; `seat`: the state to write; `place`, `person`: those that are there.
    `keep`: the fields to note as its origin. `notes`: remarks, by code."""

    outcome: Outcome
    make: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fill: Mapping[str, Any] = field(default_factory=dict)
    seat: str = ""
    place: Place | None = None
    person: str = ""
    keep: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def decide(record: Record, state: State, vendor: str = "manual") -> Verdict:
    """What becomes of a record. `vendor`: where a team is that is made, of those that take no credential."""
    if record.faults:
        return Verdict("error", faults=record.faults)
    verdict = {"team": _team, "member": _member, "target": _target}[record.kind](record, state, vendor)
    lacking = [noun for noun in verdict.make if f"{_NOUNS[noun]}:create" not in state.may]
    if lacking and verdict.outcome in ("create", "update"):
        why = f"making {' and '.join(_NOUNS[noun] for noun in lacking)} is not for this role"
        return Verdict("error", faults=(Fault("", "access.forbidden", why),))
    return verdict


_NOUNS: Final = {
    "workspace": "workspaces", "person": "people", "assignment": "assignments", "credential": "credentials", "target": "targets",
}  # fmt: skip


def key_of(place: str, person: str) -> str:
    """What an origin is kept under."""
    return f"{place}:{person}"


def _team(record: Record, state: State, vendor: str) -> Verdict:
    values = record.values
    account = values.get("team_account_id") or values.get("account_id") or ""
    seats, faults = _seats(values.get("seat_total", ""))
    name = name_of(title_of(record))
    place = state.accounts.get(account) or next((state.places[ref] for ref in record.refs if ref in state.places), None)
    place = place or state.named.get(name)
    if faults:
        return Verdict("error", faults=faults)
    keep = {field_: value for field_, value in values.items() if field_ != "type"}
    notes = tuple(_publication(values))
    if place is None:
        made = {"name": name, "vendor": vendor, "organisation": account, "seat_limit": seats}
        return Verdict("create", {"workspace": made}, keep=keep, notes=(*notes, "to_be_attached"))
    if account and place.organisation and place.organisation != account:
        why = f"{place.name} has another account at its vendor"
        return Verdict("conflict", faults=(Fault("account_id", "import.other_team", why),))
    fill: dict[str, Any] = {"organisation": account} if account and not place.organisation else {}
    fill |= {"seat_limit": seats} if seats and not place.seats else {}
    known, number = state.origins.get(key_of(place.id, ""), ({}, 0))
    if number and number != record.number and place.id:
        keep = {**known, **keep}
    changed = bool(fill) or (bool(keep.keys() - {"team"}) and known != keep)
    outcome: Outcome = "update" if changed else "unchanged"
    return Verdict(outcome, fill=fill, place=place, keep=keep if changed or not known else known, notes=notes)


def _member(record: Record, state: State, _vendor: str) -> Verdict:
    values = record.values
    place = next((state.places[ref] for ref in record.parents if ref in state.places), None)
    if place is None and any(not ref.startswith("at:") for ref in record.parents):
        why = "no team of the file is called so, or it was refused"
        return Verdict("error", faults=(Fault("parent_id", "import.no_team", why),))
    somebody = state.people.get(fold(values["email"]))
    if somebody is not None and not somebody.active:
        return Verdict("conflict", faults=(Fault("email", "import.left", "they left the company: have them back first"),))
    person = somebody.id if somebody else ""
    there = bool(person) and (place is None or bool(place.id))
    known, number = state.origins.get(key_of(place.id if place else "", person), ({}, 0)) if there else ({}, 0)
    if number and number != record.number:
        return Verdict("duplicate", faults=(Fault("email", "import.duplicate", f"the same person and team as object {number}"),))
    return _came(record, state, place, somebody, known)


def _came(record: Record, state: State, place: Place | None, somebody: Somebody | None, known: Mapping[str, Any]) -> Verdict:
    values, person = record.values, somebody.id if somebody else ""
    read = seat_state(values.get("team_join_status", ""), values.get("invite_status", ""), values.get("invitation_status", ""))
    make: dict[str, Mapping[str, Any]] = {}
    if somebody is None:
        make["person"] = {"email": values["email"], "display_name": values.get("name", "")}
    if place is not None and read.state not in _GONE and (person, place.id) not in state.assigned:
        make["assignment"] = {}
    if record.key and (name := key_name(values["email"])) not in state.keys:
        make["credential"] = {"name": name}
    seat = _seat(read, place, state.seats.get((person, place.id)) if place else None)
    keep = {field_: value for field_, value in values.items() if field_ not in ("email", "type")}
    outcome: Outcome = "create" if make else "update" if seat or dict(known) != keep else "unchanged"
    return Verdict(outcome, make, seat=seat, place=place, person=person, keep=keep, notes=tuple(_notes(read, place, values)))


def _seat(read: Read, place: Place | None, now: tuple[str, str] | None) -> str:
    """The state to write, empty for none: what somebody set here meanwhile stays."""
    if place is None or not place.by_hand or read.state in ("planned", *_GONE):
        return ""
    ours = now is None or now[1] == CAUSE or (now[0] == "planned" and not now[1])
    return read.state if ours and (now is None or now[0] != read.state) else ""


def _notes(read: Read, place: Place | None, values: Mapping[str, str]) -> Iterator[str]:
    if read.unbelieved:
        yield "not_believed"
    if read.unknown:
        yield "unknown_state"
    if place is None:
        yield "no_team"
    elif not place.by_hand and read.state not in ("planned", *_GONE):
        yield "read_back"
    if read.state in _GONE:
        yield "not_assigned"
    if values.get("role"):
        yield "role_kept"
    yield from _publication(values)


def _publication(values: Mapping[str, str]) -> Iterator[str]:
    for name in ("pool_status", "storage_status"):
        if values.get(name):
            yield "publication_kept" if published(values[name]) else "unknown_state"


def _target(record: Record, state: State, _vendor: str) -> Verdict:
    values = record.values
    where = target_at(values)
    if where in state.targets:
        return Verdict("unchanged", notes=("target_there",))
    numbers = {name: int(values[name]) for name in ("concurrency", "priority") if values.get(name)}
    names = (("groups", "group_ids"), ("group_names", "group_names"))
    lists = {ours: values[theirs].split("\n") for ours, theirs in names if values.get(theirs)}
    made = {"name": name_of(values["id"]), "label": values["label"], "kind": where[0], "base_url": where[1], **numbers, **lists}
    made |= {"default": True} if values.get("default") else {}
    made |= {"user": values["user"]} if values.get("user") else {}
    notes = (*(("new_default",) if values.get("default") else ()), "to_be_tested", *(() if record.key else ("no_key",)))
    return Verdict("create", {"target": made}, notes=notes)


def target_at(values: Mapping[str, str]) -> tuple[str, str]:
    """A target's kind and address, by which it is known again."""
    return values["kind"], values["base_url"].rstrip("/")


def _seats(text: str) -> tuple[int, tuple[Fault, ...]]:
    if not text:
        return 0, ()
    if text.isascii() and text.isdecimal() and len(text) < 8 and int(text) <= _MAX_SEATS:
        return int(text), ()
    return 0, (Fault("seat_total", "import.value", f"expected a whole number from 0 to {_MAX_SEATS}"),)


def key_name(email: str) -> str:
    """What a credential that came with somebody is called: not by their name, which may have to be forgotten."""
    return f"imported-{hashlib.blake2b(fold(email).encode(errors='surrogatepass'), digest_size=6).hexdigest()}"


def title_of(record: Record) -> str:
    """What people call a team: its name, else its owner's address, its account, its id."""
    values = record.values
    named = (values.get(name) for name in ("team", "name", "email", "team_account_id", "account_id"))
    return next(filter(None, named), f"team {values.get('id') or record.number}")


def name_of(title: str) -> str:
    """A name as workspaces, credentials and targets have it, the same one each time; two titles have two names."""
    plain = _NO_NAME.sub("-", title).strip("-._")[:80]
    if plain == title:
        return plain
    mark = hashlib.blake2b(fold(title).encode(errors="surrogatepass"), digest_size=3).hexdigest()
    return f"{plain}-{mark}" if plain else f"team-{mark}"
