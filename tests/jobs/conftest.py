"""These tests run on every database, each with its engine."""

from api.conftest import callers, control
from databases import database

__all__ = ["callers", "control", "database"]
