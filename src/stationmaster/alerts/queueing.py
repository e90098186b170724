"""Messages on their way. Owns: a row for each place that a message goes to, and the job that sends them, in one transaction."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from django.utils import timezone

from stationmaster.alerts import kinds
from stationmaster.alerts.models import Alert, Delivery
from stationmaster.alerts.wording import Message
from stationmaster.jobs import services as jobs
from stationmaster.store.actor import Actor

AT_ONCE: Final = 4      # messages of one job that are sent at the same time


def places(alert: Alert) -> list[str]:
    """Where its messages go: a host, or addresses."""
    if alert.channel == kinds.WEBHOOK:
        return [urlsplit(alert.url).netloc]
    return [str(address) for address in alert.addresses]


def new_delivery(alert: Alert, message: Message, place: str, job: str = "") -> Delivery:
    """The row of one message to one place, not saved."""
    at = timezone.now()
    search = f"{alert.name}\n{message.type}\n{place}".casefold()
    return Delivery(alert=alert, type=message.type, to=place, body=message.body, at=at, job=job, search_text=search)


def queue(actor: Actor, alert: Alert, messages: Iterable[Message]) -> None:
    """Have messages sent, in the change that is open."""
    job = submit(actor, alert)
    for message in messages:
        for place in places(alert):
            new_delivery(alert, message, place, job).save(force_insert=True)


def submit(actor: Actor, alert: Alert) -> str:
    """Queue a job that sends what bears its id; that id."""
    made = jobs.submit(actor, kinds.DELIVER, args={"alert": alert.id}, concurrency=AT_ONCE)
    return str(made["id"])
