"""A workspace's vendor, opened for one run. Owns: the adapter with the run's pace, fence and log; the note that is made in the
moment before a write leaves; what a refusal of everything leaves on the workspace.

May not know what is written.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from stationmaster.errors import NotFound
from stationmaster.jobs.ceasing import Cancelled
from stationmaster.jobs.run import Run
from stationmaster.line.errors import DirectoryManaged, StopRun
from stationmaster.vendors.registry import open_vendor
from stationmaster.workspaces.models import Workspace
from stationmaster.workspaces.reaching import access_to, calls_per_minute


class Note:
    """What is noted before the first write of a block leaves, and whether it was."""

    def __init__(self, make: Callable[[], None]) -> None:
        self._make = make
        self.made = False

    def make(self) -> None:
        """Note it, once."""
        if not self.made:
            self._make()
            self.made = True


_note: ContextVar[Note | None] = ContextVar("note", default=None)


def workspace_of(run: Run) -> Workspace:
    """The run's workspace, as it is now. Raises `NotFound` when it was detached meanwhile."""
    row: Workspace | None = Workspace.objects.filter(id=run.workspace).first()
    if row is None:
        raise NotFound("error.workspace.not_found", "the workspace is not attached any more")
    return row


def opened(run: Run) -> Any:
    """The adapter of the run's workspace, the same one for all its threads. Raises `Conflict` for a workspace out of use,
    `Invalid` for one that cannot be reached."""
    return run.once("adapter", lambda: _open(run))


@contextmanager
def noting(make: Callable[[], None]) -> Iterator[Note]:
    """Have `make` called just before the first write of the block leaves, and not at all when none does."""
    note = Note(make)
    token = _note.set(note)
    try:
        yield note
    finally:
        _note.reset(token)


@contextmanager
def refusals_told(run: Run) -> Iterator[None]:
    """When a vendor refuses everything, the workspace says so from now on."""
    rows = Workspace.objects.filter(id=run.workspace)
    try:
        yield
    except DirectoryManaged:
        with run.recording():
            rows.observe(directory_managed=True)
        raise
    except StopRun as error:
        with run.recording():
            rows.observe(trouble=f"{error.message} — {error.hint}" if error.hint else error.message)
        raise


def _open(run: Run) -> Any:
    row = workspace_of(run)
    access = access_to(
        row, pace=run.pacer(calls_per_minute(row)), before_write=partial(_before_write, run),
        told=partial(run.log, level="debug"), dry_run=run.dry_run,
    )  # fmt: skip
    return open_vendor(access)


def _before_write(run: Run, what: str) -> None:
    """The fence first, and that the workspace is in use still; then the note, which is made under the fence as well and is the
    last thing before the bytes."""
    run.before_write(what)
    if not Workspace.objects.filter(id=run.workspace, disabled=False).exists():
        raise Cancelled      # an admin took it out of use, which ends what is under way there
    note = _note.get()
    if note is not None:
        note.make()
