"""A field's value in an audit event. Owns: that a secret shows as a keyed hash only, and that all is JSON.

What is personal is hashed with a random salt of its row: once the row is gone, nobody can tell any more what it was.
"""

from datetime import datetime
from typing import Any

from django.db import models

from stationmaster.store import keyholder
from stationmaster.store.jsontext import JsonText
from stationmaster.store.sealed import SealedField


def value(row: Any, field: "models.Field[Any, Any]") -> Any:
    """What an event says of `field` of `row`."""
    held = getattr(row, field.attname)
    if isinstance(field, SealedField):
        return held.fingerprint()
    if field.name in row.HIDDEN:
        return keyholder.digests().fingerprint(str(held)) if held else ""
    if field.name in row.PERSONAL:
        return keyholder.digests().fingerprint(f"{row.salt}:{held}") if held else ""
    if isinstance(field, JsonText) and isinstance(held, dict):
        return [list(pair) for pair in held.items()]     # whose order is part of it
    return held.isoformat() if isinstance(held, datetime) else held
