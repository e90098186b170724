"""What an object of a file is. Owns: teams, members and what neither is; which fields come in, and that no secret does. Pure.

A record names its team by any of several references, since setups did: the team's id, its name, its account at the vendor, or
the object that it stands in. Teams have the same references, so that order in a file means nothing.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from stationmaster.folding import fold
from stationmaster.importing.fields import IGNORED, MEMBERS, WRAPPERS, field_of, secretive, told, what_of
from stationmaster.importing.reading import Form, Raw, Scalar

Kind = Literal["team", "member", "target"]
_OWNERS: Final = frozenset({"mother", "owner", "team", "parent", "母号"})
_ONES: Final = frozenset({"", "child", "member", "user", "子号"})
_STATES: Final = ("team_join_status", "invite_status", "invitation_status")
_MAX_REF: Final = 200                # characters of what a team is called by, before it is shortened
_MAX_TEXT: Final = 4096             # characters of a value that comes in


@dataclass(frozen=True)
class Fault:
    """What is wrong with a field of a record; `code` without "error." before it."""

    field: str
    code: str
    message: str


@dataclass(frozen=True)
class Record:
    """What comes in of one object. `number` is the object's; `refs` are what others may call a team by, `parents` what a member
    calls its team by, the surest first; `values` by field, texts all. `key`: an API key that came with it."""

    number: int
    kind: Kind
    refs: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    key: str = field(default="", repr=False)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Found:
    """What an object is: a record, or none; and what of it stays outside, by names of fields alone: `secrets` that are for no
    API, `admin` keys, `unknown` fields."""

    record: Record | None
    secrets: tuple[str, ...] = ()
    admin: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def recognise(raw: Raw, mapping: Mapping[str, str], form: Form = "json") -> Found:
    """What one object is."""
    sorted_ = _Sorted(raw, mapping)
    record = _record(raw, sorted_, form)
    unknown = [*sorted_.unknown, *(sorted_.values if record is None else ())]
    return Found(record, _told(raw, sorted_.secrets), _told(raw, sorted_.admin), _told(raw, unknown))


def _told(raw: Raw, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(told(_under(raw, name)) for name in names)


class _Sorted:
    """An object's fields: those that come in, and names of those that do not."""

    def __init__(self, raw: Raw, mapping: Mapping[str, str]) -> None:
        self.values: dict[str, str] = {}
        self.secrets, self.admin, self.unknown = list[str](), list[str](), list[str]()
        self.key, self.faults = "", list[Fault]()
        for name, value in raw.fields.items():
            self._sort(name, value, field_of(name, mapping), secretive(raw.key))

    def _sort(self, name: str, value: Scalar, known: str, hidden: bool) -> None:
        text = _text(value)
        if not text:
            return
        what, _ = what_of(name, text)
        if what == "secret" or (hidden and what != "key"):
            self.secrets.append(name)
        elif what == "admin":
            self.admin.append(name)
        elif what == "key" and (known == "api_key" or " " not in text):
            self.key = self.key or text
        elif known == "api_key" or what:
            self.secrets.append(name)
        elif known == IGNORED or self.values.get(known, text) != text:
            self.unknown.append(name)
        elif len(text) > _MAX_TEXT or "\0" in text:
            self.faults.append(Fault(known, "import.value", f"more than {_MAX_TEXT} characters, or one that is none"))
        else:
            self.values[known] = text


def _record(raw: Raw, given: _Sorted, form: Form) -> Record | None:
    values = dict(given.values)
    if "email" not in values and _address(_called(raw)) and not raw.listed:
        values["email"] = raw.key
    if form == "csv":
        return _one(raw, given, values) if raw.fields else None
    if raw.holds & MEMBERS or any(_address(name) for name in raw.holds):
        return _team(raw, given, values)
    if secretive(raw.key) or not _is_one(raw, values):
        return None
    return _one(raw, given, values)


def _is_one(raw: Raw, values: Mapping[str, str]) -> bool:
    """Whether this is a record: what the file is a list of, or has by names; not a part of another record, such as somebody's
    subscription or devices."""
    typed = fold(values.get("type", "")) in _OWNERS | (_ONES - {""})
    if raw.depth == 0 or (raw.listed and raw.key in MEMBERS | WRAPPERS):
        return typed or bool({"email", "team", "name", "team_account_id", *_STATES} & values.keys())
    if raw.in_list:
        return False
    if raw.listed or _address(raw.key):
        return "email" in values
    return (raw.depth == 1 or raw.above in WRAPPERS) and (typed or "email" in values)


def _one(raw: Raw, given: _Sorted, values: dict[str, str]) -> Record:
    said = fold(values.get("type", ""))
    if said in _OWNERS:
        return _team(raw, given, values)
    faults = list(given.faults)
    if said not in _ONES:
        faults.append(Fault("type", "import.value", "expected mother or child"))
    if not values.get("email"):
        faults.append(Fault("email", "import.value", "the record has no e-mail address"))
    return Record(raw.number, "member", (), _parents(raw, values), values, given.key, tuple(faults))


def _team(raw: Raw, given: _Sorted, values: dict[str, str]) -> Record:
    """A team; what it stands under is its name, when it has no other, or its id where ids are what things stand under."""
    named = not raw.listed and bool(_called(raw)) and raw.key not in WRAPPERS | MEMBERS and raw.depth > 0
    if named and not values.get("id"):
        values["id"] = raw.key
    if named and not (values.get("team") or values.get("name") or values.get("email")):
        values["team"] = raw.key
    return Record(raw.number, "team", tuple(refs_of(values, raw.number)), (), values, given.key, tuple(given.faults))


def refs_of(values: Mapping[str, str], number: int) -> Iterator[str]:
    """What a team may be called by."""
    yield f"at:{number}"
    for name, kind in (("id", "id"), ("team_account_id", "account"), ("account_id", "account")):
        if values.get(name):
            yield _ref(kind, values[name])
    for name in ("team", "name"):
        if values.get(name):
            yield _ref("team", values[name])


def _parents(raw: Raw, values: Mapping[str, str]) -> tuple[str, ...]:
    found = [
        _ref(kind, values[name])
        for name, kind in (("parent_id", "id"), ("team", "team"), ("team_account_id", "account")) if values.get(name)
    ]
    if raw.key in MEMBERS or (_address(raw.key) and not raw.listed):
        found.append(f"at:{raw.parent}")
    elif raw.listed and raw.key not in WRAPPERS and _called(raw) and raw.depth - (raw.above in WRAPPERS) <= 1:
        found.append(_ref("team", raw.key))
    return tuple(found)


def team_of(record: Record, raw: Raw) -> Record | None:
    """The team that a member names and that no object of the file may be: by its name, as columns and lists of members do."""
    named = next((ref for ref in record.parents if ref.startswith("team:")), "") if record.kind == "member" else ""
    if not named:
        return None
    name = record.values.get("team") or _called(raw)
    return Record(raw.number, "team", (named,), (), {"team": name})


def _called(raw: Raw) -> str:
    """What it stands under, unless that is a secret, as where sessions are what others are listed by."""
    return "" if what_of("", raw.key)[0] else raw.key


def _ref(kind: str, value: str) -> str:
    folded = fold(value)
    if len(folded) > _MAX_REF:
        folded = hashlib.blake2b(folded.encode(errors="surrogatepass"), digest_size=16).hexdigest()
    return f"{kind}:{folded}"


def _under(raw: Raw, name: str) -> str:
    """A field's name, behind that of the part of a record that it stands in."""
    part = raw.depth > 0 and not raw.listed and raw.key not in WRAPPERS and not _address(raw.key)
    return f"{raw.key}.{name}" if part else name


def _address(text: str) -> bool:
    name, at, place = text.partition("@")
    return bool(name and at and "." in place)


def _text(value: Scalar) -> str:
    if value is None or value is False:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "true" if value is True else str(value).strip()
