"""Webhooks are signed as Standard Webhooks says, and what was changed on the way is not taken."""

import base64
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stationmaster.alerts.signing import TOLERANCE, headers_of, is_signed, new_secret

# From the tests of the specification's own libraries (standard-webhooks/standard-webhooks).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_specifications_example_comes_out_the_same() -> None:
    """What we send is what every library of Standard Webhooks checks."""
    made = headers_of([SECRET], ID, AT, BODY)
    assert made == {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE}


def test_the_specifications_own_library_takes_it() -> None:
    """A receiver that uses it, with a secret that was made here, gets the body; another one's secret gets nothing."""
    secret, now, body = new_secret(), int(datetime.now(UTC).timestamp()), b'{"type":"alert.test","data":{"text":"\xe4\xbd\xa0"}}'
    sent = dict(headers_of([secret], "msg_1", now, body))
    assert Webhook(secret).verify(body, sent) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, sent)


def test_while_a_secret_is_changed_either_one_is_enough() -> None:
    """A receiver may know the old secret or the new one; a third opens nothing."""
    old, new, other = new_secret(), new_secret(), new_secret()
    sent = headers_of([new, old], ID, AT, BODY)
    assert [is_signed([each], sent, BODY, AT) for each in (old, new, other)] == [True, True, False]


@pytest.mark.parametrize("changed", [
    {"webhook-id": "msg_another"}, {"webhook-id": ""}, {"webhook-timestamp": str(AT + 1)}, {"webhook-timestamp": "now"},
    {"webhook-timestamp": "²"}, {"webhook-timestamp": "9" * 5000}, {"webhook-signature": ""}, {"webhook-signature": "v1,é"},
    {"webhook-signature": SIGNATURE.replace("v1,", "v2,")},
])  # fmt: skip
def test_a_header_that_was_changed_is_not_taken(changed: dict[str, str]) -> None:
    """Id and time are signed with the body, and nothing that a header may hold raises."""
    assert not is_signed([SECRET], {**headers_of([SECRET], ID, AT, BODY), **changed}, BODY, AT)


def test_another_body_or_an_old_message_is_not_taken() -> None:
    """The body is signed, and a message is good for a few minutes on either side."""
    sent = headers_of([SECRET], ID, AT, BODY)
    assert not is_signed([SECRET], sent, BODY + b" ", AT)
    assert [is_signed([SECRET], sent, BODY, AT + off) for off in (-TOLERANCE, TOLERANCE)] == [True, True]
    assert [is_signed([SECRET], sent, BODY, AT + off) for off in (-TOLERANCE - 1, TOLERANCE + 1)] == [False, False]


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_é", "whsec_" + base64.b64encode(b"x" * 23).decode(),
                                    "whsec_" + base64.b64encode(b"x" * 65).decode()])
def test_what_is_no_secret_does_not_sign(secret: str) -> None:
    """A secret that is too short, too long or not base64 is refused, and not repeated in the refusal."""
    with pytest.raises(ValueError, match="24 to 64 bytes") as raised:
        headers_of([secret], ID, AT, BODY)
    assert len(secret) < 7 or secret not in str(raised.value)
