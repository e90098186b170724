"""Django's name for this folder."""

from django.apps import AppConfig


class UsageApp(AppConfig):
    """Usage, and the gateways that report it."""

    name = "stationmaster.usage"
    label = "usage"

    def ready(self) -> None:
        """From now on others know which gateways go by a change."""
        from stationmaster.credentials import acknowledging
        from stationmaster.usage import gateways

        acknowledging.answered_by(gateways.behind)
