"""JSON as text. Owns: a column that gives back what was put in, with its keys in their order.

PostgreSQL's own JSON type sorts keys, and the order of prices and aliases means something.
"""

import json
from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:      # at run time fields take no parameters
    _Base = models.TextField[Any, Any]
else:
    _Base = models.TextField

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def written(value: Any) -> str:
    """Plain values as this column stores them, always in one spelling."""
    return _ENCODER.encode(value)


class JsonText(_Base):
    """A list or table of plain values."""

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        """Read what was stored; nothing for the row that an outer join did not find."""
        return None if value is None else json.loads(value)

    def get_prep_value(self, value: Any) -> str:
        """Write it."""
        return written(value)

    def get_lookup(self, lookup_name: str) -> None:  # noqa: ARG002  Django's signature
        """None: rows are not looked up by it."""
        return

    def value_to_string(self, obj: models.Model) -> str:
        """For serialisers."""
        return self.get_prep_value(self.value_from_object(obj))
