"""What may be asked about mail: writing to somebody, and trying it out."""

import secrets
from collections.abc import Mapping

from django.utils import timezone

from stationmaster.errors import Invalid
from stationmaster.mail import relay as smtp
from stationmaster.mail.message import checked_address, compose, fill
from stationmaster.mail.policy import policy, relay_of
from stationmaster.mail.relay import MailError
from stationmaster.mail.texts import NONE, PLACES, MailLanguage, Which
from stationmaster.operators.access import require
from stationmaster.store.actor import Actor
from stationmaster.store.changes import change
from stationmaster.store.given import Given, known_only

__all__ = ["MailError", "can_send", "send_test", "write_to"]


def can_send() -> bool:
    """Whether mail goes anywhere from here."""
    now = policy().relay
    return now is not None and bool(now.sender)


def write_to(
    address: str, which: Which, values: Mapping[str, str], message_id: str, language: MailLanguage | None = None
) -> None:
    """Write to one address; `values` for the places of `texts`, `language` where it is not the usual one. Raises `Conflict` where
    no mail is sent from here, `Invalid` for no address, `MailError`."""
    now = policy()
    relay, text = relay_of(now), now.text(which, language)
    places = dict.fromkeys(PLACES, NONE) | dict(values) | {"address": address}
    mail = compose(
        relay.sender, address, fill(text.subject, places), fill(text.text, places), at=timezone.now(), message_id=message_id
    )
    smtp.send(relay, mail)


def send_test(actor: Actor, given: Given) -> Mapping[str, object]:
    """Write a test mail `to` an address; what the relay was. Raises `Forbidden`, `Conflict` where no mail is sent from
    here, `Invalid`, `MailError`."""
    require(actor, "settings:update")
    known_only(given, frozenset({"to"}))
    to = given.get("to")
    if not isinstance(to, str):
        raise Invalid("error.config.bad_value", "to: expected an e-mail address", fields={"to": "expected an e-mail address"})
    relay = relay_of(policy())
    write_to(checked_address(to), "test", {}, f"test-{secrets.token_hex(12)}")
    with change(actor) as edit:
        edit.record("mail:relay:test", None, {"host": relay.host, "port": relay.port, "tls": relay.tls})
    return {"sent": True, "host": relay.host, "port": relay.port, "tls": relay.tls, "sender": relay.sender}
