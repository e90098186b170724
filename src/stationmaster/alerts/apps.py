"""Django's name for this folder."""

from django.apps import AppConfig


class AlertsApp(AppConfig):
    """What is told to whom, and when."""

    name = "stationmaster.alerts"
    label = "alerts"

    def ready(self) -> None:
        """From now on its jobs can run."""
        from stationmaster.alerts.delivering import register_all

        register_all()
