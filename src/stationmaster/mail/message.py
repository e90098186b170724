"""One mail, as a value. Owns: how a text is filled in, what an address may be, that nothing filled in becomes a header.

Texts come from settings, values from people and vendors: neither is code. A text names places as `$name` or `${name}`; there are
a few of them, each is filled in once where it is given, and whatever else stands there stays as it is.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from stationmaster.errors import Invalid
from stationmaster.mail.texts import PLACES

MAX_ADDRESS: Final = 254      # characters (RFC 5321 §4.5.3.1.3)
MAX_VALUE: Final = 300        # characters of one value that is filled in
MAX_SUBJECT: Final = 200
_LOCAL: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*\Z")      # RFC 5321 §4.1.2, without quoted local parts
_NAMES: Final = "|".join(PLACES)
# Letters of other scripts may follow a name without a space.
_PLACE: Final = re.compile(rf"\$(?:({_NAMES})\b|\{{({_NAMES})\}})", re.ASCII)


def is_address(text: str) -> bool:
    """Whether mail can be sent to it as it stands: ASCII, one address, nothing around it."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.match(text) is not None


def checked_address(text: str) -> str:
    """An address. Raises `Invalid`."""
    if not is_address(text):
        why = "is no e-mail address that mail can be sent to"
        raise Invalid("error.mail.bad_address", f"this {why}", hint="plain addresses like name@example.com", fields={"to": why})
    return text


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with the given places filled in. What is filled in is not looked at again."""
    return _PLACE.sub(lambda place: one_line(values.get(place[1] or place[2], place[0])), text)


def one_line(text: str) -> str:
    """`text` without control characters and line ends of any kind, and not too long."""
    kept = "".join(" " if unicodedata.category(letter) in {"Cc", "Cf", "Zl", "Zp", "Cs"} else letter for letter in text)
    return " ".join(kept.split())[:MAX_VALUE]


def compose(
    sender: str, to: str, subject: str, text: str, *, at: datetime, message_id: str
) -> EmailMessage:
    """A mail of plain text, dated `at`. `message_id` without brackets is its own for good: a relay or reader may drop a second
    one. Raises `Invalid` for addresses that are none."""
    made = EmailMessage(policy=SMTP)
    made["From"] = _named("Stationmaster", checked_address(sender))
    made["To"] = _named("", checked_address(to))
    made["Subject"] = one_line(subject)[:MAX_SUBJECT]
    made["Date"] = format_datetime(at)
    made["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"      # RFC 3834 §5: nobody's holiday notice answers it
    made.set_content(text, charset="utf-8", cte="base64")
    return made


def _named(name: str, address: str) -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)
