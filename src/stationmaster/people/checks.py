"""What may be stored of a person or group. Owns: the fields there are, and what is wrong with a value. Knows no database.

Names are shown on screens, written into files and sent to vendors, so what has no business in one is refused: control
characters, half surrogates, and marks that show nothing or turn the direction of what stands behind them (Unicode's
bidirectional controls, UAX #9), by which one name can be made to look like another.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.folding import fold
from stationmaster.people.models import MAX_FOLDED, MAX_NAME

FIELDS: Final = (
    "user_name", "display_name", "given_name", "family_name", "email", "further_emails", "department", "title", "manager",
    "employee_number", "external_id", "active",
)
MAX_ADDRESSES = 20          # of one person
MAX_EXTRA = 65_536          # characters of what SCIM says besides
_JOINERS = "\u200c\u200d"   # which Persian, Hindi and others write with
_ADDRESS = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@[^\s@\"(),:;<>\[\]\\.]+(\.[^\s@\"(),:;<>\[\]\\.]+)*")
_FORBIDDEN = frozenset({"Cc", "Cs", "Cf", "Zl", "Zp"})


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are stored; `given` has names of `FIELDS`, and from SCIM `email_kind` and `scim`. Raises
    `Invalid` with every field that is wrong."""
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, value in given.items():
        try:
            values[name] = _CHECKS.get(name, _unknown)(value)
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        said = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        raise Invalid("error.person.bad_value", said, fields=wrong)
    return values


def name_of_group(value: Any) -> str:
    """A group's name. Raises `Invalid`."""
    try:
        return _needed(value)
    except ValueError as error:
        raise Invalid("error.group.bad_value", f"name: {error}", fields={"name": str(error)}) from None


def login(value: Any) -> str:
    """What a vendor knows somebody by. Raises `Invalid`."""
    try:
        return _exact(_needed(value))
    except ValueError as error:
        raise Invalid("error.person.bad_value", f"login: {error}", fields={"login": str(error)}) from None


def text(value: Any, length: int = MAX_NAME) -> str:
    """A text for people. Raises ValueError, which says why not."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("expected a text")  # noqa: TRY004  one kind of error for all that is wrong
    found = value.strip()
    if len(found) > length or len(fold(found)) > max(length, MAX_FOLDED):
        raise ValueError(f"expected at most {length} characters")
    for mark in _odd(value):
        raise ValueError(f"holds a character that does not belong there (U+{ord(mark):04X})")
    return found


def _odd(value: str) -> Iterator[str]:
    return (mark for mark in value if unicodedata.category(mark) in _FORBIDDEN and mark not in _JOINERS)


def _exact(value: str) -> str:
    if any(mark in _JOINERS for mark in value):
        raise ValueError("holds a character that shows nothing")
    return value


def _needed(value: Any) -> str:
    found = text(value)
    if not fold(found):
        raise ValueError("is needed")
    return found


def _user_name(value: Any) -> str:
    return _exact(_needed(value))


def _email(value: Any) -> str:
    """An address in Unicode's NFKC form, as vendors are told it. What a mailbox may be called is for its own server to say
    (RFC 5321 section 4.1.2): only what could be no address at all is refused."""
    found = unicodedata.normalize("NFKC", _exact(text(value)))
    if found and (len(found) > MAX_NAME or not _ADDRESS.fullmatch(found)):
        raise ValueError("expected an e-mail address")
    return found


def _emails(value: Any) -> list[tuple[str, str]]:
    """Addresses, each with its kind; given as texts or as pairs."""
    if not isinstance(value, list | tuple) or len(value) > MAX_ADDRESSES:
        raise ValueError(f"expected a list of up to {MAX_ADDRESSES} e-mail addresses")
    pairs = [(each, "") if isinstance(each, str) else each for each in value]
    if not all(isinstance(each, list | tuple) and len(each) == 2 and each[0] for each in pairs):
        raise ValueError("expected a list of e-mail addresses")
    return [(_email(address), text(kind, 20)) for address, kind in pairs]


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError("expected true or false")
    return value


def _kind(value: Any) -> str:
    return text(value, 20)


def _extra(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or len(str(value)) > MAX_EXTRA:
        raise ValueError(f"expected an object of up to {MAX_EXTRA} characters")
    return value


def _unknown(value: Any) -> Any:  # noqa: ARG001  whatever it is
    raise ValueError(f"unknown field; the fields are {', '.join(FIELDS)}")


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "user_name": _user_name, "email": _email, "further_emails": _emails, "active": _flag, "email_kind": _kind, "scim": _extra,
    **dict.fromkeys(("display_name", "given_name", "family_name", "department", "title", "manager", "employee_number",
                     "external_id"), text),
}  # fmt: skip
