"""A whole control plane, served in a thread, and callers of every role."""

from api.conftest import callers, control, database

__all__ = ["callers", "control", "database"]
