"""Django's name for this folder."""

from django.apps import AppConfig


class RoutingApp(AppConfig):
    """Pools, routes and virtual keys."""

    name = "stationmaster.routing"
    label = "routing"
