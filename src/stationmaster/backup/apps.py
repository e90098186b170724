"""Django's name for this folder."""

from django.apps import AppConfig


class BackupApp(AppConfig):
    """Backups that are made by themselves."""

    name = "stationmaster.backup"
    label = "backup"

    def ready(self) -> None:
        """From now on its jobs can run."""
        from stationmaster.backup.scheduled import register_all

        register_all()
