"""Django's name for this folder."""

from django.apps import AppConfig


class WorkspacesApp(AppConfig):
    """Workspaces and allowed addresses."""

    name = "stationmaster.workspaces"
    label = "workspaces"
