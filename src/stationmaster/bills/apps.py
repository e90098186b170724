"""Django's name for this folder."""

from django.apps import AppConfig


class BillsApp(AppConfig):
    """What vendors say beside what we counted."""

    name = "stationmaster.bills"
    label = "bills"

    def ready(self) -> None:
        """From now on its jobs can run."""
        from stationmaster.bills.reconciling import register_all

        register_all()
