"""Which entries are ours, and what differs. Owns: the marker, the comparison, priorities' directions, groups by name. Pure."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields

from stationmaster.errors import Invalid
from stationmaster.targets._base import USUAL_PRIORITY, Entry, Group

MARKER = "stationmaster:"

_STARS = "***"
_END = 4        # characters of an end that are compared
_MARKED = re.compile(re.escape(MARKER) + r"([a-z0-9_]{1,64})(?![A-Za-z0-9_])")
_COMPARED = tuple(each.name for each in fields(Entry) if each.name not in {"id", "marker", "place", "digest", "mask"})


def marker(credential: str) -> str:
    """The text that makes an entry ours."""
    return f"{MARKER}{credential}"


def owner_in(text: object) -> str:
    """The credential's id in a text that carries our marker, or ""; a text with two is nobody's."""
    found = set(_MARKED.findall(text)) if isinstance(text, str) else set()
    return found.pop() if len(found) == 1 else ""


def digest_of(secret: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def higher_first(priority: int) -> int:
    """Our priority for a target that prefers higher numbers and takes 0 for usual; `higher_first` of that is ours again."""
    return USUAL_PRIORITY - priority


def differences(expected: Entry, found: Entry) -> tuple[str, ...]:
    """The fields in which an entry is not as expected; what either does not tell is not compared. "secret": the target shows
    another one."""
    pairs = ((name, getattr(expected, name), getattr(found, name)) for name in _COMPARED)
    odd = tuple(name for name, ours, theirs in pairs if ours is not None and theirs is not None and ours != theirs)
    return (*odd, "secret") if _is_another(expected, found) else odd


def mask_of(secret: str) -> str:
    """As much of a secret as any mask of it shows: to hold a target's own against, by `differences`. Empty for a short one."""
    return f"{secret[:_END]}{_STARS}{secret[-_END:]}" if len(secret) > 4 * _END else ""


def _is_another(expected: Entry, found: Entry) -> bool:
    """Whether a target surely holds another secret. Masks of targets differ in how much they show: what both show is compared."""
    if expected.digest and found.digest:
        return expected.digest != found.digest
    if not expected.mask or _STARS not in found.mask:
        return False
    head, _, rest = found.mask.partition(_STARS)
    tail = rest.lstrip("*")
    ours, _, last = expected.mask.partition(_STARS)
    heads, tails = min(len(head), len(ours)), min(len(tail), len(last))
    return head[:heads] != ours[:heads] or tail[len(tail) - tails :] != last[len(last) - tails :]


def surplus(entries: Iterable[Entry]) -> list[Entry]:
    """Entries beyond the first of each credential: to be withdrawn."""
    seen: set[str] = set()
    extra = []
    for entry in entries:
        if entry.marker in seen:
            extra.append(entry)
        seen.add(entry.marker)
    return extra


def named_groups(names: Sequence[str], groups: Sequence[Group], vendor: str) -> tuple[str, ...]:
    """The ids of groups by name, among those that take this vendor's entries. Raises `Invalid` for a name that no group has, or
    more than one."""
    found = {name: [g.id for g in groups if g.name == name and (not g.vendors or vendor in g.vendors)] for name in names}
    odd = {name: f"{'several groups are' if ids else 'no group is'} called so" for name, ids in found.items() if len(ids) != 1}
    if odd:
        told = "; ".join(f"{name}: {why}" for name, why in odd.items())
        raise Invalid("error.target.group", told, hint="name groups by their ids", fields={"groups": told})
    return tuple(ids[0] for ids in found.values())
