"""These tests run on every database."""

from databases import database

__all__ = ["database"]
