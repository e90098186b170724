"""Imported by workers that stand for the version before: they know `test_odd`, and not `test_deeds`, which came later."""

from jobs import deeds  # noqa: F401  registers the kinds
from stationmaster.jobs.engine import procrastinate
from stationmaster.jobs.kinds import forget

forget("test_deeds")
procrastinate.HELD = 0.3  # type: ignore[misc]  # seconds until it looks again; for everybody else it is final
