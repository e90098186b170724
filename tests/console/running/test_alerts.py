"""Pages of alerts: from making one, tried at once, over what it tells, to another secret, off, on and away."""

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from alerts.kit import Receiver
from console import kit
from controlkit import ADMIN, a_credential
from credentials.kit import run
from operators.browser import Browser
from stationmaster.alerts import services as alerts
from stationmaster.alerts.models import Alert, Delivery
from stationmaster.credentials import services as credentials
from stationmaster.workspaces import addresses


@pytest.fixture
def receiver(database: str) -> Iterator[Receiver]:
    """Where webhooks arrive, on this machine, which may be reached."""
    addresses.allow_address(ADMIN, {"name": "127.0.0.1", "reason": "the receiver is there"})
    with Receiver() as found:
        yield found


def fields(receiver: Receiver, **more: str) -> dict[str, str]:
    """A form of a new webhook, as it is filled in."""
    url = f"http://127.0.0.1:{receiver.port}/hook"
    return {"name": "on-call", "channel": "webhook", "url": url, "allow_insecure_http": "on", "watches": "", "language": "",
            "budget_percent": "50, 80, 100", "expiry_days": "30, 7, 1", "pool_minimum": "1", **more}  # fmt: skip


def secret_in(answer: Any) -> str:
    """The secret that an answer shows."""
    text = html.unescape(b"".join(answer).decode())
    (found,) = set(re.findall(r"whsec_[A-Za-z0-9+/=]+", text))
    return str(found)


def made(browser: Browser, receiver: Receiver, **more: str) -> tuple[str, str]:
    """An alert made by its form: its page and its secret."""
    answer = kit.do(browser, "/alerts/new", "create", fields(receiver, **more), 200)
    return f"/alerts/{alerts.get_alert(ADMIN, 'on-call')['id']}", secret_in(answer)


def test_there_is_none_yet(database: str) -> None:
    """An empty list says what an alert is for, and leads to the first."""
    text = kit.page(kit.signed_in(), "/alerts")
    assert "None yet" in kit.said(text)
    assert 'href="/alerts/new"' in text


def test_made_and_tried(receiver: Receiver) -> None:
    """The answer shows a webhook's secret, that once; a test message is signed with it, and the page says that it arrived, or why
    it did not, and keeps it among the messages."""
    browser = kit.signed_in()
    page, secret = made(browser, receiver, **{"kind-budget": "on", "watches": "team-*, night shift"})
    assert secret not in kit.page(browser, page) + kit.page(browser, "/alerts") + kit.page(browser, "/audit")
    assert Alert.objects.get().kinds == ["budget"]
    assert Alert.objects.get().watches == ["team-*", "night shift"]
    text = kit.said(b"".join(kit.do(browser, page, "test", {}, 200)).decode())
    assert "The test message arrived at 1 place. The answer was 204." in text
    assert Webhook(secret).verify(receiver.got[-1].body, dict(receiver.got[-1].headers))
    receiver.answers = [503]
    assert "did not arrive" in kit.said(b"".join(kit.do(browser, page, "test", {}, 200)).decode())
    assert "does not arrive" in kit.said(kit.page(browser, "/alerts"))
    message = Delivery.objects.filter(state="failed").get()
    shown = kit.page(browser, f"/alerts/messages/{message.id}")
    assert "This is a test of the alert on-call." in kit.said(shown)


def test_what_is_wrong_stays_in_the_form(receiver: Receiver) -> None:
    """A field that is not taken says so; what was typed and ticked stays; nothing is made."""
    browser = kit.signed_in()
    given = fields(receiver, **{"budget_percent": "a lot", "kind-job_failed": "on", "watches": "night-*"})
    text = b"".join(kit.do(browser, "/alerts/new", "create", given, 422)).decode()
    assert "Per cents of a budget:" in kit.said(text)
    assert 'value="a lot"' in text
    assert 'value="night-*"' in text
    assert re.search(r'name="kind-job_failed"[^>]*checked', text)
    assert not Alert.objects.exists()


def test_mail(database: str) -> None:
    """Mail has addresses and no secret: one goes on to its page, which offers none."""
    browser = kit.signed_in()
    listed = "one@example.com, two@example.com\nthree@example.com"
    given = {"name": "owners", "channel": "mail", "addresses": listed, "language": "zh-CN",
             "budget_percent": "", "expiry_days": "", "pool_minimum": ""}  # fmt: skip
    answer = kit.do(browser, "/alerts/new", "create", given)
    row = Alert.objects.get()
    assert answer["Location"] == f"/alerts/{row.id}"
    assert (len(row.addresses), row.budget_percent, row.pool_minimum) == (3, [50, 80, 100], 1)
    text = kit.page(browser, f"/alerts/{row.id}")
    assert "Send a test message" in text
    assert "Another secret" not in text


def test_what_crossed_and_what_was_sent(receiver: Receiver) -> None:
    """What is open leads to its page, in words; a message is there with its text, and is sent again under its id."""
    browser = kit.signed_in()
    page, _ = made(browser, receiver)
    soon = (timezone.now() + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    credentials.create_credential(ADMIN, {**a_credential("main"), "expires_at": soon})
    alerts.look()
    run(Delivery.objects.get().job)
    text = kit.page(browser, page)
    assert "7 days before its end" in kit.said(text)
    assert 'href="/credentials/main"' in text
    kit.page(browser, "/credentials/main")
    message = Delivery.objects.get()
    assert message.id in kit.page(browser, "/alerts/messages")
    answer = kit.do(browser, f"/alerts/messages/{message.id}", "send", {"message": message.id})
    run(answer["Location"].removeprefix("/jobs/"))
    assert [got.headers["webhook-id"] for got in receiver.got] == [message.id] * 2


def test_changed_and_signed_anew(receiver: Receiver) -> None:
    """What is saved holds; another secret is shown once, and for the time that was chosen both sign; off says why, on again it
    tells; deleted it is gone."""
    browser = kit.signed_in()
    page, first = made(browser, receiver)
    revision = str(Alert.objects.get().revision)
    kit.do(browser, page, "save", fields(receiver, revision=revision, budget_percent="90", **{"kind-pool_unhealthy": "on"}))
    assert (Alert.objects.get().budget_percent, Alert.objects.get().kinds) == ([90], ["pool_unhealthy"])
    assert kit.do(browser, page, "save", fields(receiver, revision=revision), 412)
    second = secret_in(kit.do(browser, page, "rotate", {"overlap": "24"}, 200))
    kit.do(browser, page, "test", {}, 200)
    for each in (first, second):
        assert Webhook(each).verify(receiver.got[-1].body, dict(receiver.got[-1].headers))
    kit.do(browser, page, "disable", {"reason": "moving house"})
    assert "moving house" in kit.said(kit.page(browser, page))
    kit.do(browser, page, "enable")
    assert not Alert.objects.get().disabled
    kit.do(browser, page, "delete", {"sure": "on"})
    assert not Alert.objects.exists()


def test_who_may_only_look(receiver: Receiver) -> None:
    """An auditor sees alerts without a button that would be refused; a viewer does not see them at all."""
    made(kit.signed_in(), receiver)
    text = kit.page(kit.signed_in("auditor"), "/alerts/on-call")
    assert "Send a test message" not in text
    assert "Delete it" not in text
    assert kit.page(kit.signed_in("viewer"), "/alerts", 403)
