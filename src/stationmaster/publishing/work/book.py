"""A target, opened for one run. Owns: the adapter with the run's pace, fence and log; what is known to be there, read once and
kept in line with what the run writes; what a refusal of everything leaves on the target.

One job runs at a time at a target, in one thread: the job's lock is what keeps two from writing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from stationmaster.errors import Conflict, NotFound
from stationmaster.jobs.ceasing import Cancelled
from stationmaster.jobs.run import Run
from stationmaster.jobs.verdicts import sentence_of
from stationmaster.line.errors import StopRun
from stationmaster.publishing.choosing import by_marker, first_known
from stationmaster.publishing.models import Publication, Target
from stationmaster.publishing.reaching import access_to, calls_per_minute, require_ready
from stationmaster.targets._base import Entry
from stationmaster.targets.registry import open_target

BURST = 5


class Book:
    """The adapter, and the entries that carry our marker, by credential."""

    def __init__(self, run: Run, target: Target, *, withdrawing: bool) -> None:
        self.run, self.target, self.withdrawing = run, target, withdrawing
        self.given_up: set[str] = set()       # publications that this run tried to take away first, and could not
        self._entries: dict[str, list[Entry]] | None = None
        self._writing = ""
        self.adapter: Any = open_target(access_to(
            target, pace=run.pacer(calls_per_minute(target), BURST), before_write=self._before_write,
            told=partial(run.log, level="debug"), dry_run=run.dry_run,
        ))  # fmt: skip

    def of(self, credential: str, known: str = "") -> list[Entry]:
        """Its entries, the one with the id `known` first. Reads the target, if nothing of it is known for sure."""
        if self._entries is None:
            self._entries = by_marker(self.adapter.entries())
        return first_known(self._entries.get(credential, []), known)

    def every(self) -> dict[str, list[Entry]]:
        """All of them, read now."""
        self.forget()
        self.of("")
        return dict(self._entries or {})

    def put(self, credential: str, entries: Sequence[Entry]) -> None:
        """This is what is there of it now."""
        if self._entries is not None:
            self._entries[credential] = list(entries)

    def forget(self) -> None:
        """Something may have happened there that we do not know: it is read again before the next write."""
        self._entries = None

    @contextmanager
    def publishing(self, row: Publication | None) -> Iterator[None]:
        """What is written in the block is for `row`: it does not leave once nobody wants that any more."""
        self._writing = row.id if row is not None else ""
        try:
            yield
        finally:
            self._writing = ""

    def _before_write(self, what: str) -> None:
        """The fence first, and that the target is in use still; then that the copy is wanted still."""
        self.run.before_write(what)
        if not self.withdrawing and not Target.objects.filter(id=self.target.id, disabled=False).exists():
            raise Cancelled      # an admin took it out of use, which ends what is under way there
        if self._writing and not Publication.objects.filter(id=self._writing, wanted=True).exists():
            raise Conflict("error.publication.withdrawn", "nobody wants it there any more")


def opened(run: Run, *, withdrawing: bool = False) -> Book:
    """The book of the run's target, the same one until the run ends. Raises `Conflict` for a target that may not be reached."""
    return run.once("book", lambda: _open(run, withdrawing))


def target_of(run: Run) -> Target:
    """The run's target, as it is now. Raises `NotFound` when it was detached meanwhile."""
    row: Target | None = Target.objects.filter(id=run.workspace).first()
    if row is None:
        raise NotFound("error.target.not_found", "the target is not attached any more")
    return row


@contextmanager
def refusals_told(run: Run) -> Iterator[None]:
    """When a target refuses everything, it says so from now on, and nothing is sent there until somebody tested it again: some
    ban an address after a few refusals."""
    try:
        yield
    except StopRun as error:
        with run.recording():
            Target.objects.filter(id=run.workspace).observe(trouble=sentence_of(error), tested_ok=False)
        raise


def _open(run: Run, withdrawing: bool) -> Book:
    row = target_of(run)
    require_ready(row, withdrawing=withdrawing)
    return Book(run, row, withdrawing=withdrawing)
