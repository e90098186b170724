"""The SMTP relay that mail goes to. Owns: the conversation with it, and what its answers mean.

A mail whose last line was sent, and to which no answer came, may have been taken: it is not sent again.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Final, Literal

from stationmaster.errors import StationmasterError
from stationmaster.mail.message import one_line

Tls = Literal["starttls", "tls", "none"]
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Relay:
    """Where mail goes. `tls`: from the first byte, after STARTTLS, or not at all; `sender`: the address that it comes from;
    `timeout` in seconds, for each answer. `user` empty: without logging in."""

    host: str
    port: int = 587
    tls: Tls = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    timeout: float = 20.0


class MailError(StationmasterError):
    """A mail did not go, or nobody knows whether it did (`maybe_sent`)."""

    def __init__(self, code: str, message: str, *, hint: str = "", retryable: bool = False, maybe_sent: bool = False) -> None:
        super().__init__(code, message, hint=hint, retryable=retryable, fault="operator", status=502)
        self.maybe_sent = maybe_sent


def send(relay: Relay, mail: EmailMessage) -> None:
    """Hand one mail to the relay. Raises `MailError`."""
    to = mail["To"].addresses[0].addr_spec
    content = mail.as_bytes()
    _check(relay)
    with _mapped(relay), _talking(relay) as client:
        _accepted(client.mail(relay.sender), "the sender", relay)
        _accepted(client.rcpt(to), "the address", relay)
        with _unsure():
            answer = client.data(content)
        _accepted(answer, "the mail", relay)
        with suppress(OSError, smtplib.SMTPException):      # it has the mail
            client.quit()


@contextmanager
def _talking(relay: Relay) -> Iterator[smtplib.SMTP]:
    """A connection, encrypted and logged in as the relay wants."""
    context = ssl.create_default_context()
    if relay.tls == "tls":
        client: smtplib.SMTP = smtplib.SMTP_SSL(relay.host, relay.port, timeout=relay.timeout, context=context)
    else:
        client = smtplib.SMTP(relay.host, relay.port, timeout=relay.timeout)
    try:
        if relay.tls == "starttls":
            client.starttls(context=context)
        client.ehlo_or_helo_if_needed()
        if relay.user:
            client.login(relay.user, relay.password)
        yield client
    finally:
        client.close()


def _check(relay: Relay) -> None:
    if relay.user and relay.tls == "none" and relay.host not in _LOOPBACK:
        hint = "set mail.tls to starttls or tls"
        raise MailError("error.mail.unencrypted", "a password is not sent without encryption", hint=hint)


@contextmanager
def _mapped(relay: Relay) -> Iterator[None]:
    """What goes wrong, in our words: exceptions of the library may repeat what was sent."""
    try:
        yield
    except MailError:
        raise
    except smtplib.SMTPAuthenticationError as error:
        hint = "check mail.user and mail.password"
        raise MailError("error.mail.login", f"the relay refuses to log us in ({error.smtp_code})", hint=hint) from None
    except smtplib.SMTPNotSupportedError:
        hint = "check mail.tls, and whether the relay wants a login at all"
        raise MailError("error.mail.not_supported", "the relay does not offer what is set", hint=hint) from None
    except ssl.SSLCertVerificationError:
        hint = "its certificate has to name the host, and to come from somebody this machine trusts"
        raise MailError("error.mail.certificate", "the relay's certificate is not trusted", hint=hint) from None
    except (OSError, smtplib.SMTPException) as error:
        what = f"{relay.host}:{relay.port} cannot be talked to ({type(error).__name__})"
        raise MailError("error.mail.unreachable", what, hint="check mail.host, mail.port and mail.tls", retryable=True) from None


@contextmanager
def _unsure() -> Iterator[None]:
    """The mail itself is being handed over: without an answer nobody knows."""
    try:
        yield
    except smtplib.SMTPDataError:
        raise
    except (OSError, smtplib.SMTPException) as error:
        what = f"the relay did not say whether it took the mail ({type(error).__name__})"
        raise MailError("error.mail.unsure", what, maybe_sent=True) from None


def _accepted(answer: tuple[int, bytes], what: str, relay: Relay) -> None:
    code, words = answer
    if 200 <= code < 300:
        return
    said = one_line(words.decode("utf-8", "replace"))
    for secret in filter(None, (relay.password,)):
        said = said.replace(secret, "…")
    raise MailError("error.mail.refused", f"the relay refuses {what}: {code} {said}".rstrip(), retryable=400 <= code < 500)
