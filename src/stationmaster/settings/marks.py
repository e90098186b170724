"""What a setting is beside its type: how a value is told apart in words, when it takes effect, what must be hidden.

Owns the declaration of one setting. May not know which settings there are.
"""

import enum
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from stationmaster.gateway.config import is_host
from stationmaster.gateway.config.addresses import private_entry
from stationmaster.gateway.config.tables import ID_PATTERN
from stationmaster.telemetry.config import is_collector


class Takes(enum.StrEnum):
    """When a new value counts, and so who may give it. Only `START` settings cannot be saved by an admin: they are
    needed before what is saved can be read, or name a file on a machine that is not the admin's to write to from afar."""

    START = "start"
    RESTART = "restart"
    NOW = "now"


@dataclass(frozen=True)
class Words:
    """A type in words, to stand behind "expected"."""

    text: str


def setting(
    default: Any, text: str, *, takes: Takes, variable: str = "", ge: float | None = None, le: float | None = None
) -> Any:
    """Declare a setting: its default, what it is in one sentence, when it takes effect, a second environment variable
    that sets it, and the bounds of a number (`ge`, `le`)."""
    extra: dict[str, Any] = {"x-takes-effect": takes.value}
    if variable:
        extra["x-variable"] = variable
    return Field(default, description=text, json_schema_extra=extra, ge=ge, le=le)


def at_home(path: Path) -> Path:
    """`path` with a leading ~ written out, where the home it stands for is known."""
    try:
        return path.expanduser()
    except RuntimeError:  # no such user
        return path


def _must(check: Callable[[str], bool], words: str) -> tuple[AfterValidator, Words]:
    """A check of a text that may be empty, which means: none."""

    def validated(value: str) -> str:
        if value and not check(value):
            raise ValueError(words)
        return value

    return AfterValidator(validated), Words(words)


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        bad_port = parts.port == 0
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    good = parts.scheme in {"http", "https"} and is_host((parts.hostname or "").strip("[]")) and not bad_port
    return plain and good and "@" not in parts.netloc and not parts.query and not parts.fragment


def _domain(text: str) -> str:
    """What stands behind the @ of e-mail addresses."""
    if not is_host(text) or "." not in text:
        raise ValueError(text)
    return text.lower()


def _is_mail_address(text: str) -> bool:
    """One plain address, as it can stand in a header."""
    return len(text) <= 254 and re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", text) is not None


def _is_name(text: str) -> bool:
    return re.fullmatch(ID_PATTERN, text) is not None


def _rising(shares: tuple[int, ...]) -> tuple[int, ...]:
    """Percentages, each more than the one before, of which the last is all."""
    if not shares or shares[0] < 1 or shares[-1] != 100 or any(more <= less for less, more in itertools.pairwise(shares)):
        raise ValueError(shares)
    return shares


def _one_of_schemes(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def validated(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        scheme = text.partition("://")[0] if "://" in text else ""
        if text and (scheme not in schemes or not text.isprintable()):
            raise ValueError
        return value

    return validated


Folder = Annotated[Path, AfterValidator(lambda path: at_home(path).absolute()), Words("a path")]
Host = Annotated[str, *_must(is_host, "an IP address or host name, without a port")]
WebAddress = Annotated[str, *_must(_is_web_address, 'an address like "https://stationmaster.example.com"')]
Collector = Annotated[str, *_must(is_collector, 'an address like "https://collector.example.com:4318"')]
MailAddress = Annotated[str, *_must(_is_mail_address, "an e-mail address like stationmaster@example.com")]
Name = Annotated[str, *_must(_is_name, "a name of up to 128 letters, digits and . _ : @ / -")]
PrivateTargets = Annotated[
    tuple[Annotated[str, AfterValidator(private_entry)], ...],
    Words('a list of private networks like "10.1.0.0/16", private addresses and host names'),
]
Domains = Annotated[
    tuple[Annotated[str, AfterValidator(_domain)], ...], Words('a list of domains like "example.com"')
]
Shares = Annotated[tuple[int, ...], AfterValidator(_rising), Words("a list of rising percentages that ends in 100")]
Secret = Annotated[SecretStr, Words("a secret")]
DatabaseURL = Annotated[
    SecretStr,
    AfterValidator(_one_of_schemes("postgresql", "postgres", "sqlite")),
    Words("a URL that begins with postgresql:// or sqlite:///"),
]
ValkeyURL = Annotated[
    SecretStr,
    AfterValidator(_one_of_schemes("redis", "rediss", "valkey", "valkeys", "unix")),
    Words("a URL that begins with valkey://, valkeys://, redis://, rediss:// or unix://"),
]
Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
Language = Literal["auto", "en", "zh-CN"]
MailLanguage = Literal["en", "zh-CN"]
Tls = Literal["starttls", "tls", "none"]
