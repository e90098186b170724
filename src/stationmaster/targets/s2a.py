"""Sub2API (https://github.com/Wei-Shaw/sub2api): one account a credential, by the instance's admin key.

The marker is `extra.stationmaster_id`, which is never sent again: older releases replace objects whole. For the same reason
`credentials` are always sent whole, and only ever made from what is wanted: newer releases show a mask in the place of the key.
Shapes by the sources of December 2025 and of later releases; both are taken.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from stationmaster.line.errors import NotFound, Rejected, RemoteError, StopRun, Transient
from stationmaster.line.line import Line, fit
from stationmaster.line.meaning import Meaning, Said
from stationmaster.targets._base import Access, Connected, Entry, Group, Health, Reading, Wanted
from stationmaster.targets.addresses import bare, root
from stationmaster.targets.making import made
from stationmaster.targets.matching import differences, marker, owner_in

T = TypeVar("T")

ACCOUNTS, GROUPS, PUBLIC = "/api/v1/admin/accounts", "/api/v1/admin/groups/all", "/api/v1/settings/public"
PAGE, MOST_PAGES, READINGS = 100, 1_000, 3
LONGEST_NAME = 100             # characters, in older releases

_MARK = "stationmaster_id"
_PLATFORMS = {"openai": "openai", "openai_compatible": "openai", "anthropic": "anthropic", "gemini": "gemini"}
_GROUPED = {"openai": frozenset({"openai", "openai_compatible"}), "anthropic": frozenset({"anthropic"}),
            "gemini": frozenset({"gemini"})}  # fmt: skip
_CODES: Mapping[str, type[RemoteError]] = dict.fromkeys(
    ("INVALID_ADMIN_KEY", "UNAUTHORIZED", "TOKEN_EXPIRED", "INVALID_TOKEN", "USER_INACTIVE", "FORBIDDEN", "401", "403"), StopRun
) | {"mixed_channel_warning": Rejected, "404": NotFound}


def read(body: Any) -> Said:
    """`code` is a text in what is about the credential and a number elsewhere; a third shape has its code in `error`."""
    told = body if isinstance(body, Mapping) else {}
    codes = tuple(str(told[name]) for name in ("reason", "error", "code") if told.get(name))
    return Said(codes, str(told.get("message") or told.get("error") or ""))


def _done(body: Any) -> bool:
    return isinstance(body, Mapping) and body.get("code") == 0


class Adapter:
    """One instance. Raises `Invalid` for a key that cannot stand in a header, and an address that leads nowhere allowed."""

    def __init__(
        self, access: Access, *, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        meaning = Meaning(codes=_CODES, read=read, done=_done)
        key = {"x-api-key": fit(access.secret, "target")}
        self._line = Line(access, base_url="", authorise=key, meaning=meaning, sleep=sleep)

    def test(self) -> Connected:
        """Over a list of ours, which is short. The route for the version may go and look for updates; the public one not."""
        try:
            self._ask("GET", ACCOUNTS, _count, params={"page": 1, "page_size": 1, "search": "stationmaster"})
        except NotFound as error:
            raise StopRun(f"no Sub2API answers at this address: {error.message}").about("target") from None
        return Connected(self._version())

    def expected(self, wanted: Wanted) -> Entry:
        """Names are cut; a limit of 0 is the target's own."""
        if wanted.vendor not in _PLATFORMS:
            raise Rejected(f"Sub2API takes no key of {wanted.vendor} from us", remote_code="vendor").about("target")
        return Entry(
            id="", marker=wanted.id, place=_PLATFORMS[wanted.vendor], name=_name(wanted), base_url=root(wanted),
            models=tuple(sorted(set(wanted.models))), priority=wanted.priority, concurrency=wanted.concurrency or None,
            groups=tuple(sorted(set(wanted.groups))), enabled=wanted.enabled,
        )  # fmt: skip

    def entries(self) -> list[Entry]:
        """Oldest first. All pages are read, not what a search by name finds: people rename accounts."""
        return [entry_of(row) for row in self._ours()]

    def groups(self) -> list[Group]:
        """Ids are numbers there."""
        return self._ask("GET", GROUPS, lambda data: [_group(row) for row in data])

    def create(self, wanted: Wanted) -> Entry:
        """Raises `Rejected` for groups that do not exist: older releases would make the account and then fail."""
        self._line.hide(wanted.secret)
        expected = self.expected(wanted)
        self._know_groups(wanted)
        body = {
            "name": expected.name, "platform": expected.place, "type": "apikey", "credentials": _credentials(wanted),
            "extra": {_MARK: wanted.id}, "priority": wanted.priority, "group_ids": _numbers(wanted.groups),
        }  # fmt: skip
        body |= {"concurrency": wanted.concurrency} if wanted.concurrency else {}
        entry, _ = made(lambda: self._ask("POST", ACCOUNTS, entry_of, body), lambda: self._found(wanted.id))
        return self.update(entry, wanted) if differences(expected, entry) else entry

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """Changed fields alone; `credentials` whole, with the secret. A new secret clears the error and limit of the old one;
        that switches the account on, so that the flags are set after it."""
        self._line.hide(wanted.secret)
        expected = self.expected(wanted)
        if entry.place != expected.place:
            raise Rejected("it is kept as another platform's account: withdraw it first").about("target")
        changed = set(differences(expected, entry)) | ({"secret"} if secret else set())
        if "groups" in changed:
            self._know_groups(wanted)
        body = _changes(wanted, expected, changed)
        if body:
            self._ask("PUT", f"{ACCOUNTS}/{entry.id}", entry_of, body)
        if "secret" in changed:
            self._ask("POST", f"{ACCOUNTS}/{entry.id}/clear-error", _nothing)
            self._ask("POST", f"{ACCOUNTS}/{entry.id}/clear-rate-limit", _nothing)
        if changed & {"secret", "enabled"}:
            self._switch(entry.id, wanted.enabled)
        return replace(expected, id=entry.id)

    def withdraw(self, entry: Entry) -> None:
        """Older releases say that they deleted what never was."""
        self._ask("DELETE", f"{ACCOUNTS}/{entry.id}", _nothing)

    def read_back(self) -> list[Reading]:
        """From the rows: the counts of an account would cost a call each, and one of those routes fails for keys."""
        now = self._clock()
        return [Reading(entry_of(row), _health(row, now, self._line.say)) for row in self._ours()]

    # Inside.

    def _ask(
        self, method: str, path: str, read: Callable[[Any], T], body: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> T:  # fmt: skip
        answer = self._line.ask(method, path, body=body, params=params)
        return self._line.understood(answer, lambda answer: read(answer.get("data")), wrote=method != "GET")

    def _ours(self) -> list[Mapping[str, Any]]:
        """Read again when rows came or went meanwhile: a page that shifted would hide one, and it would be made twice."""
        for _ in range(READINGS):
            rows = self._listed()
            if rows is not None:
                ours = [row for row in rows if _id_of(row)]
                self._line.hide(*map(_shown_secret, ours))
                return sorted(ours, key=lambda row: int(row["id"]))
        raise Transient("the target's list changes while it is read").about("target")

    def _listed(self) -> list[Mapping[str, Any]] | None:
        found: dict[int, Mapping[str, Any]] = {}
        totals: set[int] = set()
        for page in range(1, MOST_PAGES + 1):
            asked: dict[str, str | int] = {"page": page, "page_size": PAGE, "type": "apikey"}
            total, rows = self._ask("GET", ACCOUNTS, _page, params=asked)
            totals.add(total)
            found |= {int(row["id"]): row for row in rows}
            if len(totals) > 1 or not rows or len(found) >= total:
                return list(found.values()) if totals == {len(found)} else None
        raise Transient("the target's list does not end").about("target")

    def _found(self, credential: str) -> Entry | None:
        return next((entry for entry in self.entries() if entry.marker == credential), None)

    def _know_groups(self, wanted: Wanted) -> None:
        _numbers(wanted.groups)
        missing = set(wanted.groups) - {group.id for group in self.groups()} if wanted.groups else set()
        if missing:
            raise Rejected(f"the target has no group {', '.join(sorted(missing))}", remote_code="group").about("target")

    def _switch(self, account: str, enabled: bool) -> None:
        self._ask("PUT", f"{ACCOUNTS}/{account}", _nothing, {"status": "active" if enabled else "inactive"})
        self._ask("POST", f"{ACCOUNTS}/{account}/schedulable", _nothing, {"schedulable": enabled})

    def _version(self) -> str:
        try:
            return self._line.say(self._ask("GET", PUBLIC, lambda data: str(data.get("version") or "")))
        except RemoteError:                        # it is good for words alone
            return ""


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An account in our words."""
    credentials = row.get("credentials") or {}
    status = row.get("status")
    on = None if status == "error" else status == "active" and row.get("schedulable") is True
    groups = tuple(sorted(str(each) for each in row.get("group_ids") or ()))
    hidden = "credentials_status" in row and "base_url" not in credentials
    return Entry(
        id=str(int(row["id"])), marker=_id_of(row), place=str(row["platform"]), name=str(row["name"]),
        base_url=None if hidden else bare(str(credentials.get("base_url") or "")),
        models=tuple(sorted(credentials.get("model_mapping") or {})), priority=int(row["priority"]),
        concurrency=int(row["concurrency"]), groups=groups, enabled=on,
    )  # fmt: skip


def _health(row: Mapping[str, Any], now: float, say: Callable[[str], str]) -> Health:
    status, told = str(row.get("status")), say(str(row.get("error_message") or ""))
    if status == "error":
        return Health("invalid", told)
    if status in ("inactive", "disabled") or row.get("schedulable") is not True:
        return Health("paused", told)
    named = (row.get(name) for name in ("rate_limit_reset_at", "overload_until", "temp_unschedulable_until"))
    later = [moment for moment in map(_moment, named) if moment is not None and moment.timestamp() > now]
    if later:
        return Health("limited", told or say(str(row.get("temp_unschedulable_reason") or "")), max(later))
    return Health("active", told) if status == "active" else Health("unknown", told or say(status))


def _changes(wanted: Wanted, expected: Entry, changed: set[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"credentials": _credentials(wanted)} if changed & {"base_url", "models", "secret"} else {}
    sent: dict[str, dict[str, Any]] = {
        "name": {"name": expected.name}, "priority": {"priority": wanted.priority},
        "concurrency": {"concurrency": wanted.concurrency}, "groups": {"group_ids": _numbers(wanted.groups)},
    }  # fmt: skip
    return body | {key: value for name, part in sent.items() if name in changed for key, value in part.items()}


def _credentials(wanted: Wanted) -> dict[str, Any]:
    """Whole, with an empty list of models for all: where objects are merged, a missing one would leave the old."""
    models = {model: model for model in sorted(set(wanted.models))}
    return {"api_key": wanted.secret, "base_url": root(wanted), "model_mapping": models}


def _name(wanted: Wanted) -> str:
    return (wanted.name or marker(wanted.id))[:LONGEST_NAME]


def _numbers(groups: tuple[str, ...]) -> list[int]:
    if not all(each.isdecimal() and each.isascii() for each in groups):
        raise Rejected("groups of Sub2API are named by their numbers", remote_code="group").about("target")
    return sorted({int(each) for each in groups})


def _id_of(row: Mapping[str, Any]) -> str:
    extra = row.get("extra")
    return owner_in(marker(str(extra.get(_MARK, "")))) if isinstance(extra, Mapping) else ""


def _shown_secret(row: Mapping[str, Any]) -> str:
    credentials = row.get("credentials")
    return str(credentials.get("api_key") or "") if isinstance(credentials, Mapping) else ""


def _page(data: Any) -> tuple[int, list[Mapping[str, Any]]]:
    rows = [] if data["items"] is None else data["items"]
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and int(row["id"]) for row in rows):
        raise TypeError("no list of accounts")
    return int(data["total"]), rows


def _count(data: Any) -> int:
    return int(data["total"])


def _group(row: Mapping[str, Any]) -> Group:
    return Group(str(int(row["id"])), str(row["name"]), _GROUPED.get(str(row.get("platform")), frozenset({"none"})))


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None


def _nothing(_: Any) -> None:
    """The answer says that it was done, and no more is needed."""
