"""Django's name for this folder: it keeps one table, of answers that may have to be given again."""

from django.apps import AppConfig


class ApiApp(AppConfig):
    """REST."""

    name = "stationmaster.entrances.api"
    label = "api"
