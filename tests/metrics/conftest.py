"""A whole control plane, on every database, and callers of every role."""

from api.conftest import callers, control
from databases import database

__all__ = ["callers", "control", "database"]
