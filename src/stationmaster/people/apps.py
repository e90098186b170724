"""Django's name for this folder; says what leaving ends at once."""

from django.apps import AppConfig


class PeopleApp(AppConfig):
    """Persons and groups."""

    name = "stationmaster.people"
    label = "people"

    def ready(self) -> None:
        """From now on a leaver's sessions and API tokens end with them, what is theirs is known by their names too, and
        imports run as jobs."""
        from stationmaster.jobs.kinds import Kind, register
        from stationmaster.people import access_ends, identities
        from stationmaster.people.importing import work

        access_ends.connect()
        identities.connect()
        register(Kind(
            work.KIND, "Import people", work.Importing(), action="people:import", on_end=work.on_end, retries=False,
            instead="an import keeps its file no longer than it runs: upload it again",
        ))  # fmt: skip
