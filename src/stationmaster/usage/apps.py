"""Django's name for this folder."""

from django.apps import AppConfig


class UsageApp(AppConfig):
    """Usage, and the gateways that report it."""

    name = "stationmaster.usage"
    label = "usage"
