"""Engines: what decides when and where a job is run. One for each database, under one suite of tests.

Making a job rings for it here, so nothing here may know who makes jobs: chores that do are handed in."""

from functools import cache

from django.db import connection

from stationmaster.jobs.engine._base import Engine, Report, Ring, Working

__all__ = ["Engine", "Report", "Ring", "Working", "engine"]


def engine() -> Engine:
    """The one for the database that is open."""
    return _named(connection.vendor)


@cache
def _named(vendor: str) -> Engine:
    if vendor == "postgresql":
        from stationmaster.jobs.engine.procrastinate import Procrastinate  # here: nobody else needs its library

        return Procrastinate()
    from stationmaster.jobs.engine.embedded import Embedded

    return Embedded()
