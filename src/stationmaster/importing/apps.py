"""Django's name for this folder; what it does with those who are erased."""

from django.apps import AppConfig


class ImportingApp(AppConfig):
    """Coming from older setups."""

    name = "stationmaster.importing"
    label = "importing"

    def ready(self) -> None:
        """From now on imports run as jobs, and whoever is erased is forgotten here too."""
        from stationmaster.importing import keeping, work
        from stationmaster.jobs.kinds import Kind, register
        from stationmaster.people.leaving import on_erasing

        on_erasing(keeping.forget_person)
        register(Kind(
            work.KIND, "Import an older setup", work.Importing(), action="rosters:import", on_end=work.on_end, retries=False,
            instead="an import keeps its file no longer than it runs: upload it again",
        ))  # fmt: skip
