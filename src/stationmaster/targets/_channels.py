"""Channels, which one-api and what came of it keep credentials in. Owns: what they have in common. Knows neither of them.

Facts are from one-api's published source (songquanpeng/one-api: controller/channel.go, model/channel.go, middleware/auth.go):
success stands in the body; a create tells no id; its answer, and that of an update, may come after a part of the work was done.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.line.line import Line
from stationmaster.line.meaning import Meaning
from stationmaster.targets._base import Connected, Entry, Group, Health, Reading, Usage, Wanted
from stationmaster.targets.addresses import USUAL
from stationmaster.targets.matching import differences

CHANNELS, GROUPS, STATUS = "/api/channel/", "/api/group/", "/api/status"
ON, OFF, OFF_BY_ITSELF = 1, 2, 3
LOWEST = 101                   # minus ours is theirs: 100 to 1, higher first, and never 0, which an update may pass over
LONGEST_NAME = 191             # characters of an indexed name, by the databases that these run over
LONGEST_GROUPS = 32
USUAL_GROUP = "default"
TYPES = {"openai": 1, "anthropic": 14, "gemini": 24}

_REFUSED = re.compile(
    r"access.?token|new-api-user|无权|未登录|权限|封禁|unauthori[sz]ed|not logged in|privilege|permission", re.IGNORECASE,
)  # fmt: skip
_SENT = {
    "name": ("name",), "base_url": ("base_url", "type"), "models": ("models",), "priority": ("priority",), "groups": ("group",),
}  # fmt: skip
_MISSING = re.compile(r"record not found|不存在|does not exist", re.IGNORECASE)
_CODES: Mapping[str, type[RemoteError]] = {"channel_not_found": NotFound}


def _done(body: Any) -> bool:
    return isinstance(body, Mapping) and body.get("success") is True


MEANING = Meaning(codes=_CODES, phrases=((_REFUSED, StopRun), (_MISSING, NotFound)), done=_done)


class ChannelAdapter(ABC):
    """What the two share. Each reads its own lists, marks its own way, and switches channels its own way."""

    TITLE: ClassVar[str]

    def __init__(self, line: Line) -> None:
        self._line = line

    # What differs.

    @abstractmethod
    def _is_page(self, data: Any) -> bool:
        """Whether a page of channels has this one's shape."""

    @abstractmethod
    def _rows(self, wanted: Wanted | None = None) -> list[Mapping[str, Any]]:
        """The channels that may be ours, or those that one credential was just made as."""

    @abstractmethod
    def _type(self, wanted: Wanted) -> tuple[int, str]:
        """The type of the channel and its address, never empty: an update would pass that over. Raises `Rejected`."""

    @abstractmethod
    def _marks(self, wanted: Wanted) -> dict[str, Any]:
        """The fields that say whose a channel is, and its name."""

    @abstractmethod
    def _named(self, row: Mapping[str, Any]) -> tuple[str, str]:
        """Whose a channel is ("": not ours), and its name."""

    @abstractmethod
    def _body(self, channel: dict[str, Any]) -> dict[str, Any]:
        """What is sent for a new channel."""

    @abstractmethod
    def _switch(self, channel: int, enabled: bool) -> None:
        """Switch a channel on or off, whichever it is."""

    # What a target is asked for.

    def test(self) -> Connected:
        """By the first page of channels, which needs an admin; the version is public."""
        try:
            page = self._line.ask("GET", CHANNELS, params={"p": 0, "page_size": 1})
        except NotFound:
            page = {}
        if not self._is_page(page.get("data")):
            raise StopRun(f"the address answers, and is no {self.TITLE}").about("target")
        with self._line.mapped():
            told = self._line.ask("GET", STATUS)["data"]
            return Connected(str(told.get("version") or ""))

    def expected(self, wanted: Wanted) -> Entry:
        """Models are named one by one: a channel without any serves none."""
        if wanted.vendor not in (*TYPES, "openai_compatible"):
            raise _rejected(f"{self.TITLE} is given nothing of {wanted.vendor} here", "vendor")
        if not wanted.models or any("*" in model or "," in model for model in wanted.models):
            raise _rejected(f"{self.TITLE} serves only models that are named: name those of this credential", "models")
        if "\n" in wanted.secret or "\r" in wanted.secret:
            raise _rejected(f"{self.TITLE} would take a secret of several lines for several secrets", "secret")
        groups = tuple(sorted(set(wanted.groups))) or (USUAL_GROUP,)
        if any("," in group for group in groups) or len(",".join(groups)) > LONGEST_GROUPS:
            raise _rejected(f"{self.TITLE} does not take these groups: together they have at most {LONGEST_GROUPS} characters")
        _, address = self._type(wanted)
        name = self._named(self._marks(wanted))[1]
        return Entry(
            "", wanted.id, name=name, base_url=address, models=tuple(sorted(set(wanted.models))), priority=wanted.priority,
            groups=groups, enabled=wanted.enabled,
        )  # fmt: skip

    def entries(self) -> list[Entry]:
        """All of ours, the oldest first."""
        return [entry for entry, _ in self._ours()]

    def create(self, wanted: Wanted) -> Entry:
        """A create tells no id, and a failed one may have made the channel without what routes to it: the marker is looked for
        either way, and what is found is written whole once more unless all went well."""
        expected = self.expected(wanted)
        self._line.hide(wanted.secret)
        failure = self._attempt(lambda: self._line.ask("POST", CHANNELS, body=self._body(self._channel(wanted))))
        found = self._looked(wanted, failure)
        if not found:
            raise failure or self._unlisted()
        if failure or len(found) > 1:
            return self._written(found[0], wanted, expected, {**self._channel(wanted), "id": int(found[0].id)})
        return self._checked(found[0], expected) if wanted.enabled else self._written(found[0], wanted, expected, {})

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """With a new secret the channel is switched on as well, since its target may have switched the old one off."""
        expected, now = self.expected(wanted), self._read(entry)
        self._line.hide(wanted.secret)
        odd = differences(expected, now)
        channel = self._channel(wanted)
        names = {name for field in odd for name in _SENT.get(field, ())} | ({"key"} if secret else set())
        if not names and "enabled" not in odd:
            return now
        body = {name: channel[name] for name in sorted(names)}
        return self._written(now, wanted, expected, body and body | {"id": int(now.id)}, switch=secret)

    def withdraw(self, entry: Entry) -> None:
        """A delete of nothing succeeds there, so that it is read first whether it is still there, and still ours."""
        self._read(entry)
        self._line.ask("DELETE", f"{CHANNELS}{entry.id}")

    def read_back(self) -> list[Reading]:
        """Quota is told in the target's own unit, and what a dollar of it is."""
        with self._line.mapped():
            unit = float(self._line.ask("GET", STATUS)["data"].get("quota_per_unit") or 0)
        return [Reading(entry, health(row), _usage(row, unit)) for entry, row in self._ours()]

    def groups(self) -> list[Group]:
        """They have no other id than their name."""
        with self._line.mapped():
            return [Group(str(name), str(name)) for name in self._line.ask("GET", GROUPS)["data"]]

    # How.

    def _ours(self, wanted: Wanted | None = None) -> list[tuple[Entry, Mapping[str, Any]]]:
        with self._line.mapped():
            found = [(self._entry(row), row) for row in self._rows(wanted) if self._named(row)[0]]
        return sorted(found, key=lambda each: int(each[0].id))

    def _entry(self, row: Mapping[str, Any]) -> Entry:
        """A channel that the target itself switched off is on as far as people are concerned: that is its health."""
        owner, name = self._named(row)
        status, priority = int(row["status"]), int(row.get("priority") or 0)
        return Entry(
            str(int(row["id"])), owner, name=name, base_url=_tidy(row.get("base_url"), int(row["type"])),
            models=_listed(row.get("models")), priority=LOWEST - priority, groups=_listed(row.get("group")) or (USUAL_GROUP,),
            enabled=None if status == OFF_BY_ITSELF else status == ON,
        )  # fmt: skip

    def _channel(self, wanted: Wanted) -> dict[str, Any]:
        expected, (kind, address) = self.expected(wanted), self._type(wanted)
        return {
            **self._marks(wanted), "type": kind, "key": wanted.secret, "base_url": address, "priority": LOWEST - wanted.priority,
            "models": ",".join(expected.models or ()), "group": ",".join(expected.groups or ()),
        }  # fmt: skip

    def _attempt(self, send: Callable[[], object]) -> RemoteError | None:
        try:
            send()
        except Transient as error:
            if not error.maybe_done:
                raise
            return error
        except Rejected as error:
            return error
        return None

    def _looked(self, wanted: Wanted, failure: RemoteError | None) -> list[Entry]:
        """What carries the marker after a create. When that cannot be told, the create may have been done."""
        try:
            return [entry for entry, _ in self._ours(wanted) if entry.marker == wanted.id]
        except RemoteError as error:
            words = failure.message if failure else error.message
            raise Transient(f"{words}; whether the channel was made could not be read", maybe_done=True).about("target") from None

    def _read(self, entry: Entry) -> Entry:
        """The channel as it is now. Raises `NotFound` when it is gone, or not ours any more."""
        with self._line.mapped():
            row = self._line.ask("GET", f"{CHANNELS}{entry.id}")["data"]
            if self._named(row)[0] != entry.marker:
                raise NotFound("the channel does not carry the credential's marker any more")
            return self._entry(row)

    def _written(self, now: Entry, wanted: Wanted, expected: Entry, body: Mapping[str, Any], *, switch: bool = False) -> Entry:
        if body:
            self._line.ask("PUT", CHANNELS, body=body)
        if switch or now.enabled is (not wanted.enabled):
            self._switch(int(now.id), wanted.enabled)
        return self._checked(self._read(now), expected)

    def _checked(self, found: Entry, expected: Entry) -> Entry:
        """These answer success to what they pass over."""
        odd = differences(expected, found)
        if odd:
            raise _rejected(f"{self.TITLE} answered success and did not take: {', '.join(odd)}")
        return found

    def _unlisted(self) -> Transient:
        return Transient("the target answered success, and lists no such channel", maybe_done=True).about("target")


def health(row: Mapping[str, Any]) -> Health:
    """By the channel's status."""
    status = int(row.get("status") or 0)
    if status == OFF_BY_ITSELF:
        return Health("invalid", "switched off by the target itself")
    if status == OFF:
        return Health("paused")
    return Health("active" if status == ON else "unknown")


def _usage(row: Mapping[str, Any], unit: float) -> Usage | None:
    used = int(row.get("used_quota") or 0)
    return Usage("total", cost_nano=round(used / unit * 1e9)) if unit > 0 else None


def _tidy(address: object, kind: int) -> str:
    """An address, or that of the vendor where a channel leaves it open."""
    plain = str(address or "").strip().rstrip("/")
    return plain or next((usual for vendor, usual in USUAL.items() if kind == TYPES[vendor]), "")


def _listed(text: object) -> tuple[str, ...]:
    return tuple(sorted({each.strip() for each in str(text or "").split(",") if each.strip()}))


def _rejected(words: str, code: str = "") -> Rejected:
    return Rejected(words, remote_code=code).about("target")


