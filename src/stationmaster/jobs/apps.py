"""Django's name for this folder."""

from django.apps import AppConfig


class JobsApp(AppConfig):
    """Durable jobs."""

    name = "stationmaster.jobs"
    label = "jobs"
