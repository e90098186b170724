"""Django's name for this folder; says which jobs there are."""

from django.apps import AppConfig


class PublishingApp(AppConfig):
    """Targets and publications."""

    name = "stationmaster.publishing"
    label = "publishing"

    def ready(self) -> None:
        """From now on their jobs can run, and rotations and revocations are listened to."""
        from stationmaster.publishing.work.registering import register_all

        register_all()
