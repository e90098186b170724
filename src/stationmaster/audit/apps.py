"""Django's name for this folder; makes the trail the recorder of all changes."""

from django.apps import AppConfig


class AuditApp(AppConfig):
    """The audit trail."""

    name = "stationmaster.audit"
    label = "audit"

    def ready(self) -> None:
        """From now on every change is written down here, or does not happen."""
        from stationmaster.audit import trail
        from stationmaster.store import changes

        changes.record_with(trail.append)
