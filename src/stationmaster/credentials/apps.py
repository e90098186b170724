"""Django's name for this folder."""

from django.apps import AppConfig


class CredentialsApp(AppConfig):
    """Credentials, their secrets and health."""

    name = "stationmaster.credentials"
    label = "credentials"

    def ready(self) -> None:
        """From now on their jobs can run."""
        from stationmaster.credentials.work.registering import register_all

        register_all()
        from stationmaster.credentials import hooks
        from stationmaster.credentials.sources import asking

        hooks.on_refused(asking.refused)
