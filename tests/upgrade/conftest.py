"""Tests of upgrades run on every database."""

from databases import empty_database

__all__ = ["empty_database"]
