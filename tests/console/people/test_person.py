"""A person's page: seats, keys, what happened, and what cannot be taken back."""

from console import kit
from console.kit import Stage
from controlkit import ADMIN
from stationmaster.people import services as people
from stationmaster.routing import services as routing


def test_what_belongs_to_somebody(stage: Stage) -> None:
    """Their keys, the way to what they used, what happened to them, and the danger zone stand on their page."""
    routing.create_key(ADMIN, {"name": "theirs", "owner": "member-001@example.test"})
    people.update_person(ADMIN, stage.people[0], {"title": "Analyst"})
    text = kit.page(kit.signed_in(), f"/people/{stage.people[0]}")
    for each in ("theirs", "What happened", "/usage?filter=owner", "Danger zone", "/assignments/new?person"):
        assert each in text, each


def test_only_who_may_reads_what_happened(stage: Stage) -> None:
    """The trail is for those who may read it, and forgetting for those who may forget."""
    text = kit.page(kit.signed_in("operator"), f"/people/{stage.people[0]}")
    assert "Danger zone" not in text
    assert "/assignments/new?person" in text
