"""Django's name for this folder; says which jobs there are."""

from django.apps import AppConfig


class WorkspacesApp(AppConfig):
    """Workspaces and allowed addresses."""

    name = "stationmaster.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        """From now on their jobs can run, and leavers are listened to."""
        from stationmaster.workspaces.work.registering import register_all

        register_all()
