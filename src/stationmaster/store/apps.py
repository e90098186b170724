"""Django's name for this folder."""

from django.apps import AppConfig


class StoreApp(AppConfig):
    """The rows that belong to no app of their own: heads, dropped rows, stored settings."""

    name = "stationmaster.store"
    label = "store"
