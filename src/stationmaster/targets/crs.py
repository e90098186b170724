"""Claude Relay Service (https://github.com/Wei-Shaw/claude-relay-service), as release 1.1.314 was seen to answer.

One account a credential, in a collection by vendor; the marker stands in its `description`. There is no admin key: user and
password open a session. What it says is believed with care: a row's numbers may be texts, a pause stands beside the rows, and a
create that fails may have made the account.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from stationmaster.line.errors import NotFound, Rejected, StopRun, Transient
from stationmaster.line.line import Line, fit
from stationmaster.line.meaning import Meaning
from stationmaster.line.wire import Call
from stationmaster.targets._base import Access, Connected, Entry, Group, Reading, Wanted
from stationmaster.targets._crs import (
    COLLECTIONS,
    SERVICE,
    Collection,
    bypassed,
    collection_of,
    content,
    entry_of,
    group_of,
    health_of,
    id_of,
    pauses_of,
    reading_of,
    shaped,
    token_of,
)
from stationmaster.targets.making import made
from stationmaster.targets.matching import differences

T = TypeVar("T")

LOGIN, HEALTH, GROUPS, PAUSES = "/web/auth/login", "/health", "/admin/account-groups", "/admin/temp-unavailable"

_BYPASS = "releases up to 1.1.248 let anybody administer them: update the target"


def _done(body: Any) -> bool:
    """Every good answer says so, but that of `/health`, which names the service."""
    return isinstance(body, Mapping) and (body.get("success") is True or "service" in body)


class Adapter:
    """One instance. Raises `Invalid` for an address that leads nowhere allowed."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._user, self._password, self._token = access.user, access.secret, ""
        self._line = Line(
            access, base_url="", authorise=self._authority, meaning=Meaning(done=_done), reads=frozenset({LOGIN}), sleep=sleep
        )

    def test(self) -> Connected:
        """Whether it is healthy, takes the log-in, and lets it administer. The list of groups is asked for, since the route for
        one's own user answers sessions that nothing else takes."""
        try:
            health = self._line.ask("GET", HEALTH)
        except NotFound as error:
            raise _elsewhere(error.message) from None
        service, version, redis = self._line.understood(health, health_of)
        if service != SERVICE:
            raise _elsewhere(self._line.say(service))
        if redis != "healthy":
            raise Transient("the target's Redis is down").about("target")
        self._ask("GET", GROUPS)
        return Connected(self._line.say(version), (_BYPASS,) if bypassed(version) else ())

    def expected(self, wanted: Wanted) -> Entry:
        """Its collection decides what is kept: models not for OpenAI, a limit of requests at once for Anthropic alone."""
        return shaped(wanted)

    def entries(self) -> list[Entry]:
        """Of all collections, oldest first; each is listed whole and in no order."""
        return [entry_of(collection, row) for collection, row in self._ours()]

    def groups(self) -> list[Group]:
        """Names are not unique there."""
        return self._read("GET", GROUPS, lambda answer: [group_of(row) for row in answer["data"]])

    def create(self, wanted: Wanted) -> Entry:
        """Raises `Rejected` for groups that do not exist: the target would make the account and then fail."""
        self._line.hide(wanted.secret)
        collection, expected = collection_of(wanted), self.expected(wanted)
        self._know_groups(wanted)
        entry, _ = made(lambda: self._posted(collection, wanted), lambda: self._found(collection, wanted.id))
        return self.update(entry, wanted) if differences(expected, entry) else entry

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """Changed fields alone, and the secret itself or nothing: a mask that is sent back would be stored as the key. The answer
        shows no row; the entry is given as it should be now."""
        self._line.hide(wanted.secret)
        collection, expected = collection_of(wanted), replace(self.expected(wanted), id=entry.id)
        if entry.place != collection.path:
            raise Rejected("it is kept among another vendor's accounts: withdraw it there first").about("target")
        changed = differences(expected, entry)
        if "groups" in changed:
            self._know_groups(wanted)
        body = content(collection, wanted, changed) | ({"apiKey": wanted.secret} if secret else {})
        if body:
            self._ask("PUT", f"/admin/{collection.path}/{entry.id}", body)
        if secret:
            self._lift(collection, entry, wanted)
        return expected

    def withdraw(self, entry: Entry) -> None:
        """A delete that fails is believed when the account is gone: one collection answers 500 for an unknown id."""
        collection = COLLECTIONS[entry.place]
        try:
            self._ask("DELETE", f"/admin/{collection.path}/{entry.id}")
        except Transient as error:
            if any(row["id"] == entry.id for each, row in self._ours() if each is collection):
                raise
            raise NotFound(error.message).about("target") from None

    def read_back(self) -> list[Reading]:
        """The row, and the pauses beside it: a refused credential shows there alone."""
        rows = self._ours()
        paused = self._paused()
        return [reading_of(collection, row, paused.get(row["id"]), self._line.say) for collection, row in rows]

    # Inside.

    def _posted(self, collection: Collection, wanted: Wanted) -> Entry:
        body = content(collection, wanted, None) | {"apiKey": wanted.secret}
        account = self._read("POST", f"/admin/{collection.path}", id_of, body)
        if not wanted.enabled:                     # one collection does not hear it on creation
            self._ask("PUT", f"/admin/{collection.path}/{account}", {"isActive": False, "schedulable": False})
        return replace(self.expected(wanted), id=account)

    def _lift(self, collection: Collection, entry: Entry, wanted: Wanted) -> None:
        """End the pause that the old key earned; that switches the account on, so that the flags are set once more."""
        self._ask("POST", f"/admin/{collection.path}/{entry.id}/reset-status")
        flags = {"isActive": wanted.enabled, "schedulable": wanted.enabled}
        self._ask("PUT", f"/admin/{collection.path}/{entry.id}", flags)

    def _ours(self) -> list[tuple[Collection, Mapping[str, Any]]]:
        found = []
        for collection in COLLECTIONS.values():
            rows = self._read("GET", f"/admin/{collection.path}", collection.ours)
            found += [(collection, row) for row in rows]
        return found

    def _found(self, collection: Collection, credential: str) -> Entry | None:
        rows = self._read("GET", f"/admin/{collection.path}", collection.ours)
        return next((entry for entry in (entry_of(collection, row) for row in rows) if entry.marker == credential), None)

    def _paused(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            return self._read("GET", PAUSES, pauses_of)
        except NotFound:                           # older releases keep none
            return {}

    def _know_groups(self, wanted: Wanted) -> None:
        missing = set(wanted.groups) - {group.id for group in self.groups()} if wanted.groups else set()
        if missing:
            raise Rejected(f"the target has no group {', '.join(sorted(missing))}", remote_code="group").about("target")

    def _read(self, method: str, path: str, read: Callable[[Any], T], body: Mapping[str, Any] | None = None) -> T:
        return self._line.understood(self._ask(method, path, body), read, wrote=method != "GET")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One call in a session. A session that idled out is opened anew, once: what it refused was not done."""
        fresh = not self._token
        if fresh:
            self._log_in()
        try:
            return self._line.ask(method, path, body=body)
        except StopRun as error:
            if error.answered != 401 or fresh:
                raise
        self._log_in()
        return self._line.ask(method, path, body=body)

    def _log_in(self) -> None:
        self._token = ""
        try:
            answer = self._line.ask("POST", LOGIN, body={"username": self._user, "password": self._password})
        except Rejected as error:
            raise StopRun(error.message, hint="give user and password of the target's admin").about("target") from None
        token = self._line.understood(answer, token_of)
        self._line.hide(token)
        self._token = fit(token, "target")

    def _authority(self, _: Call) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._token}"} if self._token else {}


def _elsewhere(words: str) -> StopRun:
    return StopRun(f"no Claude Relay Service answers at this address: {words}").about("target")
