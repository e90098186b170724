"""What a vendor has, read part by part. Owns: which calls make which part of a `Reading`, and writing it down in a run.

A part that this vendor offers no interface for is None. Every call goes through the run's pace.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.utils import timezone

from stationmaster.jobs.kinds import Done, Failed, Outcome, Skipped
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import sentence_of
from stationmaster.line.errors import DirectoryManaged, RateLimited, RemoteError, StopRun, Transient
from stationmaster.store.changes import Change
from stationmaster.vendors._base import HasInvites, HasKeys, HasLimits, HasMembers, HasProjects, HasSeats, Identifies, Probes
from stationmaster.workspaces import observing
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.observing import Reading
from stationmaster.workspaces.policy import policy
from stationmaster.workspaces.work import fresh
from stationmaster.workspaces.work.opening import opened, refusals_told

Part = Callable[[Any], "dict[str, Any] | None"]


def _identity(adapter: Any) -> dict[str, Any] | None:
    return {"organisation": adapter.identify()} if isinstance(adapter, Identifies) else None


def _people(adapter: Any) -> dict[str, Any] | None:
    """Members, and invitations where there are any: one without the other would move nobody. Invitations come first: who
    accepts in between is a member then, and in neither list otherwise."""
    if not isinstance(adapter, HasMembers):
        return None
    found: dict[str, Any] = {"invites": list(adapter.invites())} if isinstance(adapter, HasInvites) else {}
    return {**found, "members": list(adapter.members())}


def _seats(adapter: Any) -> dict[str, Any] | None:
    return {"seats": adapter.seats(), "terms": adapter.seat_terms()} if isinstance(adapter, HasSeats) else None


def _projects(adapter: Any) -> dict[str, Any] | None:
    return {"projects": list(adapter.projects())} if isinstance(adapter, HasProjects) else None


def _places(adapter: Any) -> dict[str, Any] | None:
    """Who is in which project, of those whom `people` lists: a second list of them here would be no second look."""
    if not isinstance(adapter, HasProjects) or not isinstance(adapter, HasMembers):
        return None
    return {"project_members": {project.id: list(adapter.project_members(project.id)) for project in adapter.projects()}}


def _keys(adapter: Any) -> dict[str, Any] | None:
    return {"keys": list(adapter.keys())} if isinstance(adapter, HasKeys) else None


def _limits(adapter: Any) -> dict[str, Any] | None:
    return {"limits": list(adapter.limits())} if isinstance(adapter, HasLimits) else None


# In their order: who it is comes first, since a refused credential ends everything there.
PARTS: Final[Mapping[str, Part]] = {
    "identity": _identity, "people": _people, "seats": _seats, "projects": _projects, "places": _places, "keys": _keys,
    "limits": _limits,
}  # fmt: skip
PROBE: Final = "probe"
_NEEDED: Final = frozenset({"identity", "people", PROBE})      # a credential that may not see these is of no use


def read(run: Run, part: str) -> Outcome:
    """Read one part and write it down with the item's outcome. What cannot be read is told with the workspace, and keeps
    nothing else from being read: a credential may lack the right to one thing. Raises what stops the whole run, and what is
    tried again later."""
    started = timezone.now()
    try:
        found = _found(run, part)
    except (DirectoryManaged, RateLimited):
        raise
    except RemoteError as error:
        if isinstance(error, StopRun) and part in _NEEDED:
            raise
        why = sentence_of(error)
        return Failed(error.code, why, retry=isinstance(error, Transient), record=lambda _: _unread(run, part, why))
    if found is None:
        return Skipped("workspace.not_offered", "this vendor offers no interface for it")
    reading = reading_of(run, started, part, found)
    counts = {name: len(value) for name, value in found.items() if isinstance(value, list | dict)}
    return Done(counts, record=lambda edit: _record(edit, run, part, reading))


def read_people(run: Run) -> observing.Told | None:
    """Read members and invitations, and write them down at once: for whoever is about to compare. None: there is no interface
    for them. Raises `RemoteError`."""
    started, began = timezone.now(), time.monotonic()
    with refusals_told(run):
        found = _people(opened(run))
        if found is not None and isinstance(opened(run), HasSeats):
            found |= _seats(opened(run)) or {}
    if found is None:
        return None
    fresh.keep(run, began, found)
    reading = reading_of(run, started, "people", found)
    with run.recording():
        return observing.record(run.workspace, reading, run.actor)


def reading_of(run: Run, started: Any, part: str, found: Mapping[str, Any]) -> Reading:
    """What was found, as a reading that began at `started`; what could not be read of other parts stays known."""
    named = {name: value for name, value in found.items() if name != PROBE}
    return Reading(
        started, unread=_others_unread(run, part), listed_after=policy().listed_after.total_seconds(), **named
    )


def _found(run: Run, part: str) -> dict[str, Any] | None:
    adapter = opened(run)
    if part not in _NEEDED:
        return PARTS[part](adapter)
    with refusals_told(run):
        return _probe(adapter) if part == PROBE else PARTS[part](adapter)


def _probe(adapter: Any) -> dict[str, Any] | None:
    """Where nothing else can be asked: whether the credential works at all."""
    if isinstance(adapter, Identifies | HasMembers) or not isinstance(adapter, Probes):
        return None
    seen = adapter.probe()
    if not seen.ok:
        raise StopRun(seen.words or f"the vendor refuses the credential ({seen.code})")
    return {PROBE: seen}


def _others_unread(run: Run, part: str) -> dict[str, str]:
    known = Workspace.objects.values_list("unread", flat=True).get(id=run.workspace)
    return {name: why for name, why in known.items() if name != part}


def _record(edit: Change, run: Run, part: str, reading: Reading) -> None:
    if part == PROBE:
        Workspace.objects.filter(id=run.workspace).observe(verified_at=timezone.now(), trouble="")
        return
    observing.record(run.workspace, reading, edit.actor)


def _unread(run: Run, part: str, why: str) -> None:
    Workspace.objects.filter(id=run.workspace).observe(unread={**_others_unread(run, part), part: why})
