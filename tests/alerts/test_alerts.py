"""Alerts are made, changed and shown by the rules, and their secrets are seen once."""

import json
from datetime import timedelta
from typing import Any

import pytest

from alerts.kit import a_webhook
from controlkit import ADMIN, AUDITOR, MEMBER, OPERATOR, VIEWER
from stationmaster.alerts import services as alerts
from stationmaster.alerts.models import Alert
from stationmaster.audit.models import AuditEvent
from stationmaster.errors import Conflict, Forbidden, Invalid, Stale
from stationmaster.store.listing import Filter, Query
from store.test_outbound import PRIVATE

HOOK = {"name": "ops", "channel": "webhook", "url": "https://hooks.example.com/in"}
MAIL = {"name": "ops", "channel": "mail", "addresses": ["ops@example.com"]}


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(database: str) -> None:
    """The usual lines hold where none are given, and no list, row or event has anything of the secret."""
    made = a_webhook()
    assert made.secret.startswith("whsec_")
    row = alerts.get_alert(ADMIN, "ops")
    assert (row["budget_percent"], row["expiry_days"], row["pool_minimum"]) == ([50, 80, 100], [30, 7, 1], 1)
    assert (row["state"], row["crossed"], row["open"], row["kinds"]) == ("quiet", 0, [], [])
    told = [event.after for event in AuditEvent.objects.all()]
    shown = json.dumps([row, made.row, alerts.list_alerts(ADMIN, Query()).items], default=str)
    assert made.secret[6:] not in shown + "".join(told) + "".join(alerts.export_alerts(ADMIN, Query(), "csv"))
    assert Alert.objects.get().secret.holds(made.secret)


def test_mail_has_no_secret(database: str) -> None:
    """Nor can one be made for it."""
    assert alerts.create_alert(ADMIN, MAIL).secret == ""
    with pytest.raises(Conflict, match="not signed"):
        alerts.rotate_alert(ADMIN, "ops")


@pytest.mark.parametrize(("given", "field"), [
    ({**HOOK, "channel": "pigeon"}, "channel"), ({"name": "ops", "channel": "webhook"}, "url"),
    ({**HOOK, "addresses": ["a@b.c"]}, "addresses"),
    ({"name": "ops", "channel": "mail"}, "addresses"), ({**MAIL, "url": "https://example.com"}, "url"),
    ({**MAIL, "addresses": ["no address"]}, "addresses"),
    ({**MAIL, "addresses": ["a@example.com\nBcc: b@example.com"]}, "addresses"),
    ({**MAIL, "addresses": [f"a{n}@example.com" for n in range(21)]}, "addresses"), ({**HOOK, "kinds": ["budgets"]}, "kinds"),
    ({**HOOK, "language": "fr"}, "language"), ({**HOOK, "budget_percent": [0]}, "budget_percent[0]"),
    ({**HOOK, "expiry_days": [400]}, "expiry_days[0]"), ({**HOOK, "pool_minimum": 0}, "pool_minimum"),
    ({**HOOK, "secret": "x"}, "secret"), ({**HOOK, "watches": ["x"] * 101}, "watches"),
    ({**HOOK, "url": "https://hooks.example.com/in?token=x"}, "url"), ({**HOOK, "url": "http://hooks.example.com/in"}, "url"),
    ({**HOOK, "name": "no name"}, "name"), ({**HOOK, "pool_minimum": "two"}, "pool_minimum"),
    ({**HOOK, "disabled_reason": "\x07"}, "disabled_reason"),
])  # fmt: skip
def test_what_cannot_be_is_refused_under_its_field(database: str, given: dict[str, Any], field: str) -> None:
    """With what is wrong, and nothing is stored."""
    with pytest.raises(Invalid) as raised:
        alerts.create_alert(ADMIN, given)
    assert list(raised.value.fields) == [field]
    assert not Alert.objects.exists()


def test_no_webhook_leads_inside(database: str) -> None:
    """Every spelling of an address that is not the public internet's is refused when it is stored, and when it is changed."""
    a_webhook()
    for number, url in enumerate(each for each in PRIVATE if each):
        with pytest.raises(Invalid):
            alerts.create_alert(ADMIN, {**HOOK, "name": f"n{number}", "url": url})
        with pytest.raises(Invalid):
            alerts.update_alert(ADMIN, "ops", {"url": url})
    assert Alert.objects.get().url == HOOK["url"]


def test_an_alert_is_changed(database: str) -> None:
    """What is given replaces what was there; name and channel stay; an older version is refused."""
    first = a_webhook().row
    row = alerts.update_alert(ADMIN, "ops", {"kinds": ["budget"], "budget_percent": [90, 70, 70], "watches": ["team-*"]})
    assert (row["budget_percent"], row["kinds"], row["watches"]) == ([70, 90], ["budget"], ["team-*"])
    assert alerts.update_alert(ADMIN, "ops", {"disabled": True, "disabled_reason": "quiet week"})["state"] == "disabled"
    assert alerts.update_alert(ADMIN, "ops", {"disabled": False})["disabled_reason"] == ""
    for wrong in ({"channel": "mail"}, {"name": "other"}):
        with pytest.raises(Invalid):
            alerts.update_alert(ADMIN, "ops", wrong)
    with pytest.raises(Stale):
        alerts.update_alert(ADMIN, "ops", {"disabled": True}, first["revision"])


def test_a_secret_is_changed_with_an_overlap(database: str) -> None:
    """Both are held until it is over; of the one before the last nothing is left."""
    secrets = [a_webhook().secret, *(alerts.rotate_alert(ADMIN, "ops").secret for _ in range(2))]
    row = Alert.objects.get()
    assert [row.secret.holds(each) for each in secrets] == [False, False, True]
    assert [row.previous.holds(each) for each in secrets] == [False, True, False]
    assert alerts.get_alert(ADMIN, "ops")["previous_until"] is not None
    with pytest.raises(Invalid):
        alerts.rotate_alert(ADMIN, "ops", timedelta(days=31))


def test_names_are_taken_once_and_removed_alerts_are_gone(database: str) -> None:
    """A second one of a name is a conflict; after it is removed the name is free."""
    a_webhook()
    with pytest.raises(Conflict):
        a_webhook()
    alerts.delete_alert(ADMIN, "ops")
    a_webhook()


def test_lists_are_searched_and_filtered(database: str) -> None:
    """By name and address, channel, and whether it is disabled."""
    a_webhook(name="one")
    alerts.create_alert(ADMIN, {**MAIL, "name": "two", "disabled": True})
    names = [row["name"] for row in alerts.list_alerts(OPERATOR, Query(search="hooks.example")).items]
    assert names == ["one"]
    filters = (Filter("channel", "eq", "mail"), Filter("disabled", "eq", "true"))
    assert [row["name"] for row in alerts.list_alerts(AUDITOR, Query(filters=filters)).items] == ["two"]


def test_who_may(database: str) -> None:
    """Operators keep alerts, auditors read them, viewers and members see none."""
    a_webhook()
    alerts.update_alert(OPERATOR, "ops", {"pool_minimum": 2})
    alerts.get_alert(AUDITOR, "ops")
    for actor in (VIEWER, MEMBER):
        for call in (alerts.list_alerts, alerts.list_deliveries):
            with pytest.raises(Forbidden):
                call(actor, Query())
    for change in (alerts.test_alert, alerts.update_alert):
        with pytest.raises(Forbidden):
            change(AUDITOR, "ops", {})
