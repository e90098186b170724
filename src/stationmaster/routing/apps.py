"""Django's name for this folder; ends what a leaver holds of it."""

from django.apps import AppConfig


class RoutingApp(AppConfig):
    """Pools, routes, virtual keys."""

    name = "stationmaster.routing"
    label = "routing"

    def ready(self) -> None:
        """From now on a leaver's virtual keys are out of use."""
        from stationmaster.people.leaving import on_leaving
        from stationmaster.routing import owners

        on_leaving(owners.disable_keys)
