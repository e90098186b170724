"""Tests of upgrades run on every database."""

from databases import database, empty_database

__all__ = ["database", "empty_database"]
