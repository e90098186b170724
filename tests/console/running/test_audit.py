"""The audit trail on pages: deeds in words, what was different, names, and whether it is whole."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console import kit
from controlkit import ADMIN
from stationmaster.audit.models import AuditEvent
from stationmaster.people import services as people
from stationmaster.routing import services as routing

ODD = "<script>alert(1)</script>"


def test_deeds_are_told_in_words(database: str) -> None:
    """Who made a pool, changed a key and deleted it is told with names, what was different, and links to what there is."""
    people.create_group(ADMIN, {"name": "fast"})
    row = routing.create_key(ADMIN, {"name": "app", "owner": "ada@example.test"}).row
    routing.update_key(ADMIN, "app", {"rpm": 5})
    browser = kit.signed_in()
    text = kit.said(kit.page(browser, "/audit"))
    assert "group fast" in text, text
    assert "rpm: 0 → 5" in text
    assert f"/keys/{row['id']}" in kit.page(browser, "/audit")
    routing.delete_key(ADMIN, "app")
    text = kit.page(browser, "/audit?filter=action:eq:delete")
    assert "virtual key app" in text
    assert f'href="/keys/{row["id"]}"' not in text


def test_one_event_is_told_whole(database: str) -> None:
    """An event's page holds each value before and after, and the request that it came with; one that there is not is 404."""
    routing.create_key(ADMIN, {"name": "app", "owner": "ada@example.test"})
    routing.update_key(ADMIN, "app", {"rpm": 5, "tpm": 7, "tenant": ODD})
    seq = AuditEvent.objects.filter(action="update").latest("seq").seq
    browser = kit.signed_in()
    text = kit.page(browser, f"/audit/{seq}")
    assert "tpm" in text
    assert ODD not in text
    for wrong in ("999999", "x", "-1", "9" * 40):
        kit.page(browser, f"/audit/{wrong}", 404)


def test_a_person_is_named_and_forgotten(database: str) -> None:
    """Events hold no name of a person: the page looks it up, and knows none once the person is forgotten."""
    who = people.create_person(ADMIN, {"user_name": "ada", "display_name": "Ada"})["id"]
    browser = kit.signed_in()
    assert "person Ada" in kit.said(kit.page(browser, "/audit?filter=source:eq:people"))
    people.deactivate_person(ADMIN, who)
    people.erase_person(ADMIN, who)
    assert "Ada" not in kit.said(kit.page(browser, "/audit?filter=source:eq:people"))


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_trail_is_verified(database: str, language: str) -> None:
    """The button says that all is there, or where it is not."""
    routing.create_key(ADMIN, {"name": "fast", "owner": "ada"})
    browser = kit.signed_in(language=language)
    kit.do(browser, "/audit", "verify")
    assert {"en": "The trail is whole", "zh-CN": "完整"}[language] in kit.said(kit.page(browser, "/audit"))
    AuditEvent.objects.filter(action="create", source="routing").update(after=json.dumps({"name": "slow"}))
    kit.do(browser, "/audit", "verify")
    told = kit.said(kit.page(browser, "/audit"))
    assert {"en": "fault", "zh-CN": "处"}[language] in told


@pytest.mark.parametrize("role", ["viewer", "operator", "member"])
def test_who_may_not_read_it(database: str, role: str) -> None:
    """The trail is for admins and auditors."""
    kit.page(kit.signed_in(role), "/audit", 403)


def test_more_events_cost_no_more_questions(database: str) -> None:
    """The page asks as often for eighty events as for eight."""
    browser, counts = kit.signed_in("auditor"), []
    for number in (4, 40):
        for each in range(number):
            routing.create_key(ADMIN, {"name": f"k-{number}-{each}", "owner": ODD})
            people.create_person(ADMIN, {"user_name": f"p-{number}-{each}", "display_name": ODD})
        with CaptureQueriesContext(connection) as asked:
            assert ODD not in kit.page(browser, "/audit")
        counts.append(len(asked))
    assert counts[0] == counts[1]
