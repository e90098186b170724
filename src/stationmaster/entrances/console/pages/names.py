"""Names in place of ids. Owns: looking up, for all rows of a page at once, what people call the things that they name.

Asks services as whoever looks: where they may not see a thing, its kind is said in its place.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from stationmaster.credentials import services as credentials
from stationmaster.entrances.console.pages.lists import by_id
from stationmaster.entrances.console.pages.parts import NOTHING, Cell, Row, text
from stationmaster.i18n import tr
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.phrases import said
from stationmaster.phrases.naming import named, people_in
from stationmaster.publishing import services as publishing
from stationmaster.store.actor import Actor
from stationmaster.store.listing import MAX_LIMIT, Page, Query
from stationmaster.workspaces import services as workspaces

Names = Mapping[str, str]


def of_operators(actor: Actor, ids: Iterable[str]) -> Names:
    """Operators' names, or their addresses."""
    rows = _seen(actor, "operators:read", operators.list_operators, ids)
    return {which: str(row["display_name"] or row["email"]) for which, row in rows.items()}


def of_people(actor: Actor, ids: Iterable[str]) -> Names:
    """Persons' names."""
    return {which: called(row) for which, row in _seen(actor, "people:read", people.list_people, ids).items()}


def of_workspaces(actor: Actor, ids: Iterable[str]) -> Names:
    """Workspaces' names."""
    rows = _seen(actor, "workspaces:read", workspaces.list_workspaces, ids)
    return {which: str(row["name"]) for which, row in rows.items()}


def of_targets(actor: Actor, ids: Iterable[str]) -> Names:
    """Targets' names."""
    return {which: str(row["name"]) for which, row in _seen(actor, "targets:read", publishing.list_targets, ids).items()}


def of_credentials(actor: Actor, ids: Iterable[str]) -> Names:
    """Credentials' names."""
    rows = _seen(actor, "credentials:read", credentials.list_credentials, ids)
    return {which: str(row["name"]) for which, row in rows.items()}


def credentials_of(actor: Actor, args: Iterable[Mapping[str, object]]) -> Callable[[Mapping[str, object]], Cell | None]:
    """Of jobs' arguments the credential that a job is about, with the way to its page; None: it is about none."""
    asked = list(args)
    later = [str(each["generation"]) for each in asked if each.get("generation")]
    known = operators.allowed(actor, "credentials:read")
    holders = credentials.holders(actor, later) if later and known else {}
    ids = [str(each["credential"]) for each in asked if each.get("credential")]
    names = of_credentials(actor, [*ids, *holders.values()])

    def cell(given: Mapping[str, object]) -> Cell | None:
        which = str(given.get("credential") or holders.get(str(given.get("generation") or ""), ""))
        return text(names[which], f"/credentials/{which}") if which in names else None

    return cell


def of_seats(actor: Actor, ids: Iterable[str]) -> Names:
    """Whose seats they are."""
    return {which: str(row["name"]) for which, row in _seen(actor, "seats:read", workspaces.list_seats, ids).items()}


def operators_known(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Operators' ids with what they are called, to choose from."""
    rows = _some(actor, "operators:read", operators.list_operators, "email")
    return tuple((str(row["id"]), _of_operator(row)) for row in rows)


def places_known(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Ids of workspaces and targets with their names, to choose from."""
    rows = (*_some(actor, "workspaces:read", workspaces.list_workspaces, "name"),
            *_some(actor, "targets:read", publishing.list_targets, "name"))  # fmt: skip
    return tuple((str(row["id"]), str(row["name"])) for row in rows)


def _of_operator(row: Row) -> str:
    return f"{row['display_name']} ({row['email']})" if row["display_name"] else str(row["email"])


def _some(actor: Actor, action: str, page: Callable[[Actor, Query], Page], sort: str) -> Sequence[Row]:
    """The first of what may be seen, as many as a page has at most."""
    allowed = operators.allowed(actor, action)
    return page(actor, Query(limit=MAX_LIMIT, counted=False, sort=sort)).items if allowed else ()


def called(person: Row) -> str:
    """What a person is called; somebody who was forgotten has no name but their id."""
    known = (person["display_name"], person["email"], person["user_name"])
    return next((str(each) for each in known if each and each != person["id"]), "") or tr("somebody who was forgotten")


def person(row: Row, names: Names) -> Cell:
    """The person that a row names, with the way to their page."""
    which = str(row["person"])
    return text(names.get(which) or tr("a person"), f"/people/{which}") if which else NOTHING


def actor_cell(kind: str, which: str, names: Names) -> Cell:
    """Who did something."""
    if which in names:
        return Cell(names[which])
    words = {
        "operator": tr("an operator"),
        "token": tr("a token"),
        "cli": tr("the command line"),
        "system": tr("by itself"),
        "gateway": tr("a gateway"),
    }
    return Cell(words.get(kind, which), title=which)


def readable(actor: Actor, texts: Iterable[str]) -> Callable[[str], str]:
    """What shows sentences that were stored: in the reader's language, with the names of the people in `texts`, which are
    looked up at once."""
    ids = people_in(texts)
    names = {which: tr("a person") for which in ids} | dict(of_people(actor, ids))
    return lambda text: named(said(text), names)


def kind_of(which: str) -> str:
    """Which kind of actor an id belongs to."""
    kinds = {"op_": "operator", "tok_": "token", "system": "system", "demo": "system"}
    return next((kind for start, kind in kinds.items() if which.startswith(start)), "cli")


def _seen(actor: Actor, action: str, page: Callable[[Actor, Query], Page], ids: Iterable[str]) -> Mapping[str, Row]:
    wanted: Sequence[str] = [each for each in ids if each]
    if not wanted or not operators.allowed(actor, action):
        return {}
    return by_id(lambda query: page(actor, query), wanted)
