"""Plain columns. Owns: texts that sort alike on every database.

May not know rows, nor who keeps the keys: the store's own tables are made of these.
"""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:      # at run time fields take no parameters
    _Base = models.CharField[Any, Any]
else:
    _Base = models.CharField


class AsciiField(_Base):
    """A short text that sorts and compares by its bytes on every database."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """SQLite compares bytes already; PostgreSQL is told to."""
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}
