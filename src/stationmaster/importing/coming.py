"""What a dry run has come to so far. Owns: remembering, from one batch to the next, what an import would have made by then, so
that a dry run decides upon what the import will find.

Nothing that would come is there, so that it stands under a made-up id, which tells it from what is. Kept with the names of teams,
and forgotten with them; people's addresses only as digests.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from stationmaster.folding import fold
from stationmaster.importing.deciding import Place, Somebody, State, Verdict, key_name, key_of, name_of, target_at, title_of
from stationmaster.importing.models import Ref, Roster
from stationmaster.importing.recognising import Record

_MARK: Final = "object "
_Made = Callable[[str, str], Place]          # a place by its made-up id and its name


def made_up(record: Record) -> str:
    """The id of what a record would make."""
    return f"{_MARK}{record.number}"


def is_there(which: str) -> bool:
    """Whether this is the id of something that there is."""
    return bool(which) and not which.startswith(_MARK)


def note(of: Roster, record: Record, verdict: Verdict, person: str, place: Place | None) -> None:
    """Remember what a record would leave behind: the same as `State.take`, for the batches to come. Only inside a change."""
    found = dict(_left(record, verdict, person, place))
    rows = [Ref(of=of, ref=ref, number=record.number, workspace=which) for ref, which in found.items()]
    Ref.objects.bulk_create(rows, ignore_conflicts=True)


def recall(of: Roster, state: State, records: Iterable[Record], place_of: _Made) -> None:
    """Add to a state what earlier batches would have made of what these records are about."""
    some = list(records)
    noted = _noted(of, {ref for each in some for ref in _about(each)})
    for each in some:
        if each.kind == "team" and (which := noted.get(_name(each), ("", 0))[0]):
            name = name_of(title_of(each))
            state.named.setdefault(name, place_of(which, name))
        if each.kind == "target" and _target(each) in noted:
            state.targets.setdefault(target_at(each.values), each.values["id"])
        if email := each.values.get("email", "") if each.kind == "member" else "":
            if which := noted.get(_person(email), ("", 0))[0]:
                state.people.setdefault(fold(email), Somebody(which))
            state.keys |= {key_name(email)} if _key(email) in noted else set()
    _recall_origins(of, state, some)


def _recall_origins(of: Roster, state: State, records: Iterable[Record]) -> None:
    keys = set[str]()
    for each in records:
        somebody = state.people.get(fold(each.values.get("email", ""))) if each.kind == "member" else None
        place = next((state.places[ref] for ref in each.parents if ref in state.places), None)
        keys |= {key_of(place.id if place else "", somebody.id)} if somebody else set()
    noted = _noted(of, {_origin(key) for key in keys})
    for key in keys:
        if (number := noted.get(_origin(key), ("", 0))[1]):
            state.origins[key] = (state.origins.get(key, ({}, 0))[0], number)


def _noted(of: Roster, refs: set[str]) -> Mapping[str, tuple[str, int]]:
    rows = Ref.objects.filter(of=of, ref__in=refs).values_list("ref", "workspace", "number")
    return {ref: (workspace, number) for ref, workspace, number in rows}


def _about(record: Record) -> Iterator[str]:
    if record.kind == "team":
        yield _name(record)
    elif record.kind == "target":
        yield _target(record)
    elif record.values.get("email"):
        yield from (_person(record.values["email"]), _key(record.values["email"]))


def _left(record: Record, verdict: Verdict, person: str, place: Place | None) -> Iterator[tuple[str, str]]:
    if record.kind == "team" and place is not None:
        yield _name(record), place.id
    elif record.kind == "target":
        yield _target(record), ""
    elif record.kind == "member":
        if not is_there(person):
            yield _person(record.values["email"]), person
        if "credential" in verdict.make:
            yield _key(record.values["email"]), ""
        yield _origin(key_of(place.id if place else "", person)), ""


def _name(record: Record) -> str:
    return f"would:name:{name_of(title_of(record))}"


def _person(email: str) -> str:
    return f"would:person:{_digest(fold(email))}"


def _key(email: str) -> str:
    return f"would:key:{key_name(email)}"


def _target(record: Record) -> str:
    return f"would:target:{_digest(' '.join(target_at(record.values)))}"


def _origin(key: str) -> str:
    return f"would:origin:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()
