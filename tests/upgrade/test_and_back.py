"""F29: from the old version to the new and back, with jobs under way: each ends, or waits and can be cancelled; none is stranded,
and nothing is done twice. The old version is a worker that does not know the kind of job that the new one brought."""

from collections.abc import Iterator

import pytest
from django.utils import timezone

from chaos import kit
from controlkit import ADMIN
from jobs import deeds  # noqa: F401  registers the kinds
from jobs.harness import ended, start_worker, state, until
from jobs.ledger import Ledger
from jobs.test_engines import deed, submit
from stationmaster.jobs import services as jobs
from stationmaster.jobs.kinds import forget, kind_of, register
from stationmaster.jobs.models import Job

OLD, NEW, DEEDS = ("upgrade.oldside",), ("jobs.deeds",), 6


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """A vendor."""
    with Ledger() as running:
        yield running


@pytest.fixture
def as_old() -> Iterator[None]:
    """This process is of the old version too."""
    kind = kind_of("test_deeds")
    forget(kind.name)
    yield
    register(kind)


def waits(job: str) -> bool:
    """Whether nobody has it."""
    return state(job) == "queued"


def test_old_new_and_old_again(database: str, ledger: Ledger) -> None:
    """A job of a new kind waits with the old version, which goes on with its own; the new one takes it up and is killed amid it;
    the old one, back again, lets it wait and does its own; the new one ends it, each deed done once."""
    done = f"a job of a new kind: old worker, new one killed amid it, old one, new one; jobs of an old kind meanwhile; {database}"
    with kit.figure("F29", done, "0 stranded, 0 done twice") as tell:
        job = deed(ledger, DEEDS)
        with start_worker(OLD):
            own = submit()
            until(lambda: ended(own), "the old version's own job")
            assert waits(job)
        ledger.hold()
        with start_worker(NEW) as new:
            until(lambda: ledger.waiting > 0, "an answer that is held")
            new.kill()
        ledger.release()
        with start_worker(OLD):
            other = submit()
            until(lambda: ended(other), "the old version's own job")
            until(lambda: waits(job), "the new kind's job to be handed back")
            assert sum(ledger.writes.values()) == 1
        with start_worker(NEW):
            until(lambda: ended(job), "its end")
        twice = sum(number - 1 for number in ledger.writes.values())
        stranded = Job.objects.exclude(state="succeeded").count()
        tell(f"{stranded} stranded, {twice} done twice", not stranded and not twice)
        assert (len(ledger.writes), twice, stranded) == (DEEDS, 0, 0)


def test_what_waits_is_told_and_can_be_cancelled(database: str, ledger: Ledger, as_old: None) -> None:
    """The old version lists it, as of a kind that it does not know, and cancels it."""
    now = timezone.now()
    args = {"url": ledger.url, "count": 1}
    job = Job.objects.create(kind="test_deeds", state="queued", run_after=now, created_at=now, args=args)
    shown = jobs.get(ADMIN, job.id)
    assert (shown["state"], shown["known"], shown["title"]) == ("queued", False, "test_deeds")
    assert jobs.cancel(ADMIN, job.id)["state"] == "cancelled"
    assert ledger.writes.total() == 0
