"""What gateways are told that no row holds: settings of flags, environment and file, and the prices that come with a version.

Owns: that a change of these is a revision of the configuration too, so that gateways hear of it. The audit trail has what
was in effect last.
"""

import json
from typing import Any, Final

import msgspec

from stationmaster import __version__
from stationmaster.audit.models import AuditEvent
from stationmaster.settings import Settings
from stationmaster.store.actor import SYSTEM
from stationmaster.store.changes import change

_WHAT: Final = {"source": "settings", "subject": "gateways", "action": "take_effect"}


def note(settings: Settings) -> None:
    """Write down that these are in effect from now on, unless they were the last time."""
    now = {
        "version": __version__, "allowed_private": list(settings.outbound.allowed_private),
        **msgspec.to_builtins(settings.gateway.for_snapshot()),
    }  # fmt: skip
    before = _last()
    if now != before:
        with change(SYSTEM) as edit:
            edit.record(":".join(_WHAT.values()), before, now)


def _last() -> dict[str, Any] | None:
    event = AuditEvent.objects.filter(**_WHAT).order_by("-seq").first()
    return json.loads(event.after) if event is not None else None
