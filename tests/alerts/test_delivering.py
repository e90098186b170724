"""Messages arrive signed, again until they are taken, never where they may not go, and never with a secret in them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts.kit import Receiver, a_webhook, deliveries, hook_to
from alerts.test_looking import a_key, ended, health, spend
from controlkit import ADMIN, ADMIN_SECRET, SECRET, a_credential, a_pool, a_workspace
from credentials.kit import run, run_all, run_once
from stationmaster import outbound
from stationmaster.alerts import policy
from stationmaster.alerts import services as alerts
from stationmaster.alerts.delivering import PAUSES, pause_after
from stationmaster.alerts.models import Alert, Delivery
from stationmaster.alerts.policy import AlertPolicy
from stationmaster.credentials import services as credentials
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.jobs import services as jobs
from stationmaster.jobs.models import Job, JobItem, JobLog
from stationmaster.routing import services as routing
from stationmaster.store.changes import change
from stationmaster.store.listing import Query
from stationmaster.workspaces import services as workspaces
from work.kit import Mailbox


def a_crossing() -> str:
    """Something crosses a line; the job that tells it."""
    a_key(total=1)
    spend(2)
    alerts.look()
    return str(Job.objects.get(kind="deliver-alerts").id)


def test_a_message_arrives_signed(receiver: Receiver) -> None:
    """The specification's own library takes it with the secret that was shown, and with no other; it is said as it was stored."""
    secret = hook_to(receiver).secret
    done = run(a_crossing())
    assert (done["state"], len(receiver.got)) == ("succeeded", 1)
    got, row = receiver.got[0], deliveries()[0]
    found = Webhook(secret).verify(got.body, dict(got.headers))
    assert (found["type"], found["data"]["line"], found["data"]["facts"]["percent"]) == ("budget.raised", 100, 200)
    with pytest.raises(WebhookVerificationError):
        Webhook(a_webhook(name="other").secret).verify(got.body, dict(got.headers))
    assert (row["id"], row["body"]) == (got.headers["webhook-id"], got.body.decode())
    assert (row["state"], row["answer"], row["tries"], row["to"]) == ("sent", 204, 1, f"127.0.0.1:{receiver.port}")
    assert got.headers["content-type"] == "application/json"


def test_a_changed_secret_signs_beside_the_old_one_until_it_ends(receiver: Receiver) -> None:
    """A receiver that knows either takes the message; afterwards the new one alone."""
    old = hook_to(receiver).secret
    new = alerts.rotate_alert(ADMIN, "ops").secret
    alerts.test_alert(ADMIN, "ops", {})
    for each in (old, new):
        Webhook(each).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    row = Alert.objects.get()
    with change(ADMIN) as edit, edit.updating(row):
        row.previous_until = timezone.now() - timedelta(seconds=1)
    alerts.test_alert(ADMIN, "ops", {})
    Webhook(new).verify(receiver.got[1].body, dict(receiver.got[1].headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(receiver.got[1].body, dict(receiver.got[1].headers))


def test_a_receiver_that_fails_is_tried_again(receiver: Receiver) -> None:
    """Under the same id, with the time and the signature of each try, until it takes the message; what was wrong is seen."""
    secret = hook_to(receiver).secret
    receiver.answers = [500, 404, 302]
    job = a_crossing()
    run_once(job)
    waiting = deliveries()[0]
    assert (waiting["state"], waiting["answer"], waiting["words"]) == ("queued", 500, "the receiver answers 500")
    assert run(job)["state"] == "succeeded"
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    for got in receiver.got:
        Webhook(secret).verify(got.body, dict(got.headers))
    row = deliveries()[0]
    assert (row["state"], row["tries"], row["words"]) == ("sent", 4, "")


def test_a_receiver_that_never_takes_it_fails(receiver: Receiver) -> None:
    """After the last try, hours later, the message has failed, the alert says so, and the message can be sent again."""
    hook_to(receiver)
    receiver.answers = [503] * (len(PAUSES) + 1)
    job = a_crossing()
    assert run(job)["state"] == "failed"
    row = deliveries()[0]
    assert (row["state"], row["tries"], row["answer"]) == ("failed", len(PAUSES) + 1, 503)
    assert alerts.get_alert(ADMIN, "ops")["state"] == "failing"
    assert alerts.resend(ADMIN, row["id"], {})["state"] == "queued"
    with pytest.raises(Conflict):
        alerts.resend(ADMIN, row["id"], {})
    run_all()
    assert deliveries()[0]["state"] == "sent"
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert alerts.get_alert(ADMIN, "ops")["state"] == "raised"


def test_pauses_grow_and_a_receiver_may_ask_for_longer_ones() -> None:
    """By the list; `Retry-After` counts where it is longer, up to some hours."""
    assert [pause_after(tries, 0.0, 0.0) for tries in range(1, 8)] == [*PAUSES, PAUSES[-1]]
    assert pause_after(1, 90.0, 0.0) == 90.0
    assert pause_after(1, 1e9, 0.0) == 21_600
    assert 30.0 <= pause_after(1, 0.0, 0.7) <= 36.0


def test_retry_after_is_obeyed(receiver: Receiver) -> None:
    """A receiver that names a time is left alone until then."""
    hook_to(receiver)
    receiver.answers, receiver.headers = [429], {"retry-after": "600"}
    job = a_crossing()
    run_once(job)
    again = JobItem.objects.get(job=job).run_after
    assert again is not None
    assert again - timezone.now() > timedelta(seconds=500)


def test_a_receiver_that_is_gone_is_left_alone(receiver: Receiver) -> None:
    """Who answers 410 wants nothing more: it is not tried again, and the alert is disabled with why."""
    hook_to(receiver)
    receiver.answers = [410]
    assert run(a_crossing())["state"] == "failed"
    row = alerts.get_alert(ADMIN, "ops")
    assert (row["state"], row["disabled_reason"]) == ("disabled", "the receiver answered 410: it wants no more messages")
    with pytest.raises(Conflict):
        alerts.resend(ADMIN, deliveries()[0]["id"], {})
    assert len(receiver.got) == 1


def test_what_a_worker_that_died_had_sent_comes_again_under_its_id(receiver: Receiver) -> None:
    """Nobody knows whether it arrived: it is sent again, and who has it already knows it by its id."""
    hook_to(receiver)
    job = a_crossing()

    def die(_: Any) -> None:
        Job.objects.filter(id=job).update(fence=99)      # another worker has taken the job over meanwhile
        connections.close_all()

    receiver.on_got = die
    run_once(job)
    receiver.on_got = lambda _: None
    assert deliveries()[0]["state"] == "queued"
    Job.objects.filter(id=job).update(state="queued")
    JobItem.objects.filter(job=job).update(state="pending")
    assert run(job)["state"] == "succeeded"
    assert len(receiver.got) == 2
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1


def test_a_name_that_leads_inside_is_not_connected_to(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A public name that resolves to a private address reaches nobody, when a test is sent and when an alert is; and an address
    whose entry was taken away is not reached any more."""
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ())
    resolved = [(2, 1, 6, "", ("127.0.0.1", receiver.port))]
    real = outbound.resolve_and_check
    monkeypatch.setattr("stationmaster.line.wire.resolve_and_check",
                        lambda host, port, allowed: real(host, port, allowed, resolve=lambda *_, **__: resolved))
    a_webhook(f"https://hooks.example.com:{receiver.port}/in")
    found = alerts.test_alert(ADMIN, "ops", {})
    assert (found["ok"], found["code"]) == (False, "error.outbound.private")
    assert run(a_crossing())["state"] == "failed"
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ("127.0.0.1",))
    hook_to(receiver, "inside")
    monkeypatch.setattr(settings, "STATIONMASTER_ALLOWED", ())
    assert alerts.test_alert(ADMIN, "inside", {})["code"] == "error.alert.bad_address"
    assert receiver.got == []


def test_a_test_message_is_sent_at_once(receiver: Receiver) -> None:
    """Whatever it is about, whoever watches: it is signed, is in the list, and says what went wrong when it did not arrive."""
    secret = hook_to(receiver, disabled=True).secret
    receiver.answers = [204, 500]
    good, bad = (alerts.test_alert(ADMIN, "ops", {}) for _ in range(2))
    assert (good["ok"], good["answer"], good["sent"]) == (True, 204, 1)
    assert (bad["ok"], bad["answer"], bad["words"], bad["sent"]) == (False, 500, "the receiver answers 500", 0)
    found = Webhook(secret).verify(receiver.got[0].body, dict(receiver.got[0].headers))
    assert (found["type"], found["data"]["alert"]) == ("alert.test", "ops")
    assert [row["state"] for row in deliveries()] == ["sent", "failed"]


def test_tests_are_not_sent_on_and_on(receiver: Receiver) -> None:
    """After a few in a minute it is said to wait: each goes to people who did not ask. Another minute is another matter."""
    hook_to(receiver)
    for _ in range(6):
        alerts.test_alert(ADMIN, "ops", {})
    with pytest.raises(StationmasterError) as refused:
        alerts.test_alert(ADMIN, "ops", {})
    assert (refused.value.code, refused.value.status, len(receiver.got)) == ("error.alert.too_many", 429, 6)
    Delivery.objects.update(at=timezone.now() - timedelta(minutes=2))
    assert alerts.test_alert(ADMIN, "ops", {})["ok"]


def test_a_test_of_many_places_ends(mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first place took all the time that there is, those behind it are not tried."""
    everybody = [f"person{number}@example.com" for number in range(5)]
    alerts.create_alert(ADMIN, {"name": "many", "channel": "mail", "addresses": everybody, "kinds": ["budget"]})
    monkeypatch.setattr("stationmaster.alerts.alerts.TIMEOUT", -1.0)
    assert alerts.test_alert(ADMIN, "many", {})["sent"] == 1
    monkeypatch.setattr("stationmaster.alerts.alerts.TIMEOUT", 20.0)
    assert alerts.test_alert(ADMIN, "many", {})["sent"] == len(everybody)


@pytest.fixture
def mailbox(database: str) -> Iterator[Mailbox]:
    """A relay that mail goes to."""
    with Mailbox() as made:
        made.use()
        yield made


def test_mail_is_in_the_recipients_language(mailbox: Mailbox) -> None:
    """To every address one, in the language of the alert; a link leads to the page, where the console's address is set."""
    policy.use(lambda: AlertPolicy("https://station.example.com"))
    for name, language in (("one", "en"), ("two", "zh-CN")):
        alerts.create_alert(ADMIN, {"name": name, "channel": "mail", "addresses": [f"{name}@example.com", "all@example.com"],
                                    "language": language, "kinds": ["budget"]})  # fmt: skip
    a_key(total=1)
    spend(2)
    alerts.look()
    run_all()
    policy.use(AlertPolicy)
    said = {(mail.to, mail.content.partition("\n")[0]) for mail in map(Letter, mailbox.taken)}
    assert {to for to, _ in said} == {"one@example.com", "two@example.com", "all@example.com"}
    assert len(mailbox.taken) == 4
    first = next(letter for letter in map(Letter, mailbox.taken) if letter.to == "one@example.com")
    assert first.subject == "Stationmaster: The virtual key team-a has used 200 % of its budget (in all): 2.00 of 1.00 USD."
    assert "https://station.example.com/keys/vk_" in first.content
    second = next(letter for letter in map(Letter, mailbox.taken) if letter.to == "two@example.com")
    assert "此邮件由告警 two 发出" in second.content


class Letter:
    """A mail, read."""

    def __init__(self, taken: Any) -> None:
        mail = message_from_bytes(taken.raw)
        self.to, self.subject = str(mail["To"]), str(make_header(decode_header(mail["Subject"]))).replace("\r\n", "")
        self.content = mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


def test_mail_without_a_relay_and_mail_that_is_refused(mailbox: Mailbox) -> None:
    """Nobody set a relay: it is tried again until somebody does. An address that is refused for good fails at once."""
    alerts.create_alert(ADMIN, {"name": "ops", "channel": "mail", "addresses": ["ops@example.com"]})
    mailbox.refuse = "550 nobody here"
    assert alerts.test_alert(ADMIN, "ops", {})["code"] == "error.mail.refused"
    assert run(a_crossing())["state"] == "failed"
    assert mailbox.taken == []


def test_a_name_writes_no_header(mailbox: Mailbox) -> None:
    """What a person calls a thing stays in one line of one text."""
    credentials.create_credential(ADMIN, a_credential("openai-a"))
    health("openai-a", "disabled", "x\nBcc: all@example.com")
    alerts.create_alert(ADMIN, {"name": "ops", "channel": "mail", "addresses": ["ops@example.com"]})
    alerts.look()
    run_all()
    mail = message_from_bytes(mailbox.taken[0].raw)
    assert mail["Bcc"] is None
    assert len(mailbox.taken) == 1


def test_a_job_that_is_cancelled_leaves_nothing_on_its_way(receiver: Receiver) -> None:
    """What it did not send has failed, and can be sent again."""
    hook_to(receiver)
    jobs.cancel(ADMIN, a_crossing())
    row = deliveries()[0]
    assert (row["state"], row["words"]) == ("failed", "the job ended before it was sent")
    alerts.resend(ADMIN, row["id"], {})
    run_all()
    assert len(receiver.got) == 1


def test_an_alert_that_is_removed_or_disabled_meanwhile_tells_nothing(receiver: Receiver) -> None:
    """Its messages go nowhere."""
    hook_to(receiver, "gone")
    hook_to(receiver, "off")
    a_key(total=1)
    spend(2)
    alerts.look()
    alerts.delete_alert(ADMIN, "gone")
    alerts.update_alert(ADMIN, "off", {"disabled": True})
    run_all()
    assert receiver.got == []
    assert [row["state"] for row in deliveries()] == ["failed"]


def test_no_secret_is_in_any_message(receiver: Receiver, mailbox: Mailbox) -> None:
    """With everything crossing its line at once: neither credentials' secrets, nor keys, nor the alerts' own are in what is sent,
    stored, logged or said of jobs."""
    workspaces.create_workspace(ADMIN, a_workspace())
    Job.objects.all().delete()      # its onboarding, which would ask the vendor
    credentials.create_credential(ADMIN, a_credential("openai-a"))
    routing.create_pool(ADMIN, a_pool("main", "openai-a"))
    key = routing.create_key(ADMIN, {"name": "team-a", "budget": {"total_usd": 1}})
    secrets = [SECRET, ADMIN_SECRET, str(getattr(key, "secret", "") or SECRET), hook_to(receiver).secret]
    alerts.create_alert(ADMIN, {"name": "post", "channel": "mail", "addresses": ["ops@example.com"]})
    health("openai-a", "disabled", "billing")
    ended("failed")
    spend(2)
    alerts.look()
    run_all()
    assert len(receiver.got) == len(mailbox.taken) == 4
    said = b"".join(got.body + repr(got.headers).encode() for got in receiver.got) + b"".join(mail.raw for mail in mailbox.taken)
    stored = json.dumps([list(Delivery.objects.values()), list(JobLog.objects.values()), list(JobItem.objects.values()),
                         list(Job.objects.values()), alerts.list_deliveries(ADMIN, Query()).items], default=str)  # fmt: skip
    for secret in secrets:
        for part in (secret, secret.removeprefix("whsec_")):
            assert part not in stored
            assert part.encode() not in said
