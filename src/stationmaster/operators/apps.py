"""Django's name for this folder; hooks second factors and log-ins up."""

from django.apps import AppConfig


class OperatorsApp(AppConfig):
    """Who uses the console and the API."""

    name = "stationmaster.operators"
    label = "operators"

    def ready(self) -> None:
        """From now on second factors are stored sealed, sessions outlive a master key, and log-ins are written down."""
        from stationmaster.operators import logins, second_factor, sessions

        second_factor.connect()
        logins.connect()
        sessions.connect()
