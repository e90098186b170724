"""One message leaves. Owns: what a webhook's request is, what its answer means, and mail in the reader's language.

Goes where `outbound` lets it, to addresses that were looked at a moment before; follows nothing, repeats nothing of an answer.
"""

import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stationmaster import __version__
from stationmaster.alerts import kinds
from stationmaster.alerts.looking import language_of
from stationmaster.alerts.models import Alert, Delivery
from stationmaster.alerts.signing import headers_of
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.line.meaning import retry_after
from stationmaster.line.wire import Answer, Call, Unanswered, Wire
from stationmaster.mail.services import MailError, write_to
from stationmaster.outbound import fault_in_url
from stationmaster.workspaces.addresses import entries

TIMEOUT: Final = 20.0      # seconds; the specification asks for 15 to 30
GONE: Final = 410
_USE: Final = "sign"


@dataclass(frozen=True)
class Sent:
    """What became of one try. `answer`: the HTTP status, 0: none; `code` and `words`: what went wrong, for programs and for
    people; `retry`: it may work later, in `wait` seconds at least; `gone`: whoever is there wants no more."""

    ok: bool
    answer: int = 0
    code: str = ""
    words: str = ""
    retry: bool = False
    wait: float = 0.0
    gone: bool = False


def send(alert: Alert, row: Delivery, now: datetime) -> Sent:
    """Try once. Raises nothing that a receiver can cause."""
    return _posted(alert, row, now) if alert.channel == kinds.WEBHOOK else _mailed(alert, row)


def keys_of(alert: Alert, now: datetime) -> list[str]:
    """The secrets that sign, the newest first. Raises `SealBroken`, `UnknownKey`."""
    older = alert.previous_until is not None and now < alert.previous_until
    return [held.reveal(_USE) for held in (alert.secret, *((alert.previous,) if older else ())) if held]


def _posted(alert: Alert, row: Delivery, now: datetime) -> Sent:
    allowed = entries()
    fault = fault_in_url(alert.url, allowed, allow_insecure_http=alert.allow_insecure_http)
    if fault:      # what was allowed when it was stored need not be now
        return Sent(False, code="error.alert.bad_address", words=f"the address is {fault[0]}")
    body = row.body.encode("utf-8")
    headers = {
        **headers_of(keys_of(alert, now), row.id, int(time.time()), body), "content-type": "application/json",
        "user-agent": f"stationmaster/{__version__}", "accept-encoding": "identity",
    }
    return _exchanged(Call("POST", alert.url, headers, body), allowed)


def _exchanged(call: Call, allowed: Collection[str]) -> Sent:
    wire = Wire(allowed, TIMEOUT)
    try:
        return _meaning(wire.exchange(call))
    except Unanswered as error:
        return Sent(False, code="error.alert.unanswered", words=error.why, retry=True)
    except StationmasterError as error:      # the guard, or nobody by that name
        return Sent(False, code=error.code, words=error.message, retry=error.retryable)
    finally:
        wire.close()


def _meaning(answer: Answer) -> Sent:
    if 200 <= answer.status < 300:
        return Sent(True, answer.status)
    words = f"the receiver answers {answer.status}"
    wait = retry_after(answer.headers, time.time())
    gone = answer.status == GONE
    return Sent(False, answer.status, "error.alert.refused", words, retry=not gone, wait=wait, gone=gone)


def _mailed(alert: Alert, row: Delivery) -> Sent:
    values: Mapping[str, Any] = json.loads(row.body)["data"]
    places = {"alert": alert.name, "what": values["text"], "link": values.get("link") or ""}
    try:
        write_to(row.to, "alert", places, f"alert.{row.id}", language_of(alert))
    except MailError as error:
        return Sent(False, code=error.code, words=error.message, retry=error.retryable and not error.maybe_sent)
    except Conflict as error:      # nobody has set a relay
        return Sent(False, code=error.code, words=error.message, retry=True)
    return Sent(True)
