"""Django's name for this folder."""

from django.apps import AppConfig


class CredentialsApp(AppConfig):
    """Credentials and their health."""

    name = "stationmaster.credentials"
    label = "credentials"
