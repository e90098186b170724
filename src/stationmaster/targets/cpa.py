"""CLIProxyAPI (https://github.com/router-for-me/CLIProxyAPI), by its management key.

Its lists are replaced as a whole, and nothing tells whether somebody else did so at the same moment. So a change is made under
a lock of ours, from a list that was just read, and read again after it; a change of one entry is sent as such where the target
hears it. Five wrong keys are a ban of half an hour: after one refusal nothing more is sent.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from stationmaster.line.errors import NotFound, Rejected, StopRun, Transient
from stationmaster.line.line import Call, Line, bearer
from stationmaster.line.meaning import Meaning
from stationmaster.targets._base import Access, Connected, Entry, Health, Reading, Usage, Wanted
from stationmaster.targets._cpa import (
    LISTS,
    Keys,
    Row,
    content,
    counted_as,
    counts_of,
    entries_of,
    keys_of,
    row_of,
    rows_of,
    secret_of,
    shaped,
    twin,
)
from stationmaster.targets.making import made
from stationmaster.targets.matching import differences

T = TypeVar("T")

ROOT = "/v0/management"
TRIES = 3                      # of a change that somebody else undoes

_DISABLED = re.compile(r"remote management disabled", re.IGNORECASE)
_NOWHERE = "no management answers at this address: the target serves it when it has a management key"
_REMOTE = "let the target be managed from other machines (remote-management.allow-remote)"

_locks: dict[str, threading.Lock] = {}
_making = threading.Lock()


class Adapter:
    """One instance. Raises `Invalid` for a key that cannot stand in a header, and an address that leads nowhere allowed."""

    def __init__(self, access: Access, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._exclusive = access.exclusive
        self._refused: StopRun | None = None
        self._line = Line(
            access, base_url="", authorise=bearer(access.secret, "target"), meaning=Meaning(done=_done), sleep=sleep
        )

    def test(self) -> Connected:
        """One small read. The version comes with every answer."""
        answer = self._kept_out(lambda: self._line.send(Call("GET", f"{self._line.base_url}{ROOT}/debug")))
        self._line.understood(answer.json(), lambda body: body["debug"])
        return Connected(self._line.say(answer.headers.get("x-cpa-version", "")))

    def expected(self, wanted: Wanted) -> Entry:
        """Raises `Rejected` for an OpenAI-compatible credential without models, which nobody could call."""
        return shaped(wanted)

    def entries(self) -> list[Entry]:
        """Of all lists, in their order."""
        return [entry for keys in LISTS.values() for entry, _ in self._ours(keys)]

    def create(self, wanted: Wanted) -> Entry:
        """Added at the end of its list, unless it is there. Raises `Rejected` where somebody else's entry holds the same key and
        the target would drop ours."""
        self._line.hide(wanted.secret)
        keys, expected = keys_of(wanted), shaped(wanted)

        def added(rows: Sequence[Row]) -> list[Row]:
            if twin(keys, rows, wanted):
                raise Rejected("somebody else's entry holds this key already", remote_code="taken").about("target")
            return [*rows, *([] if _find(keys, rows, wanted.id) else [row_of(keys, wanted, {})])]

        def send() -> Entry:
            with self._alone():
                self._replace(keys, added, lambda rows: _find(keys, rows, wanted.id) is not None)
            return expected

        entry, _ = made(send, lambda: next((each for each, _ in self._ours(keys) if each.marker == wanted.id), None))
        return self.update(entry, wanted) if differences(expected, entry) else entry

    def update(self, entry: Entry, wanted: Wanted, *, secret: bool = False) -> Entry:
        """By itself where the target can tell it from others, else with its list. The target shows its key, so that `secret` is
        seen by itself."""
        self._line.hide(wanted.secret)
        keys, expected = keys_of(wanted), replace(shaped(wanted), id=entry.id)
        if entry.place != keys.path:
            raise Rejected("it is kept in another vendor's list: withdraw it first").about("target")
        with self._alone():
            rows = self._rows(keys)
            row = _find(keys, rows, entry.id)
            if row is None:
                raise NotFound("it is not in the target's list any more").about("target")
            changed = differences(expected, next(each for each, found in entries_of(keys, rows) if found is row))
            if changed or secret:
                self._renew(keys, wanted, entry.id, rows, row, listed="priority" in changed)
        return expected

    def withdraw(self, entry: Entry) -> None:
        """With its list; a provider that is the only one of its name by that."""
        keys = next(each for each in LISTS.values() if each.path == entry.place)
        with self._alone():
            rows = self._rows(keys)
            row = _find(keys, rows, entry.id)
            if row is None:
                raise NotFound("it is not in the target's list").about("target")
            if keys.named and _only(keys, rows, row):
                self._send("DELETE", keys, params={"name": str(row["name"])})
            else:
                self._replace(keys, lambda now: _without(keys, now, entry.id), lambda now: _find(keys, now, entry.id) is None)

    def read_back(self) -> list[Reading]:
        """What it counted since it was started; it tells no state of a key."""
        counts = self._get("/api-key-usage", counts_of)
        return [_reading(keys, entry, row, counts) for keys in LISTS.values() for entry, row in self._ours(keys)]

    # Inside.

    def _renew(self, keys: Keys, wanted: Wanted, entry: str, rows: Sequence[Row], row: Row, *, listed: bool) -> None:
        if not listed and _only(keys, rows, row):
            named = {"name": row["name"]} if keys.named else {"match": row["api-key"]}
            self._send("PATCH", keys, body=named | {"value": content(keys, wanted, row)})
            return
        self._replace(keys, lambda now: _renewed(keys, now, entry, wanted), lambda now: _holds(keys, now, entry, wanted))

    def _replace(
        self, keys: Keys, edit: Callable[[Sequence[Row]], list[Row]], holds: Callable[[Sequence[Row]], bool]
    ) -> None:
        """Read, replace, and read again, until it holds. What others have in the list goes back as it came."""
        for _ in range(TRIES):
            self._put(keys, edit(self._rows(keys)), holds)
            if holds(self._rows(keys)):
                return
        raise Transient("somebody else changes the target's list at the same time", maybe_done=True).about("target")

    def _put(self, keys: Keys, rows: list[Row], holds: Callable[[Sequence[Row]], bool]) -> None:
        try:
            self._send("PUT", keys, body=rows)
        except Transient as error:
            if not error.maybe_done or not holds(self._rows(keys)):
                raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else of ours changes this target, in this process or, as the caller sees to it, in another."""
        with _making:
            lock = _locks.setdefault(self._line.base_url, threading.Lock())
        with lock, self._exclusive():
            yield

    def _ours(self, keys: Keys) -> list[tuple[Entry, Row]]:
        found = entries_of(keys, self._rows(keys))
        self._line.hide(*(secret_of(keys, row) for _, row in found))
        return found

    def _rows(self, keys: Keys) -> list[Row]:
        return self._get(f"/{keys.path}", lambda answer: rows_of(keys, answer))

    def _get(self, path: str, read: Callable[[Any], T]) -> T:
        return self._line.understood(self._kept_out(lambda: self._line.ask("GET", ROOT + path)), read)

    def _send(self, method: str, keys: Keys, *, body: Any = None, params: Mapping[str, str] | None = None) -> None:
        answer = self._kept_out(lambda: self._line.ask(method, f"{ROOT}/{keys.path}", body=body, params=params))
        self._line.understood(answer, _saved, wrote=True)

    def _kept_out(self, ask: Callable[[], T]) -> T:
        """Ask, unless this credential was refused before: another try would count towards the ban."""
        if self._refused is not None:
            raise self._refused
        try:
            return ask()
        except StopRun as error:
            self._refused = error
            error.hint = _REMOTE if _DISABLED.search(error.message) else error.hint
            raise
        except NotFound as error:
            if error.message != "item not found":
                raise StopRun(_NOWHERE).about("target") from None
            raise


def _done(body: Any) -> bool:
    return isinstance(body, Mapping) and "error" not in body


def _saved(answer: Any) -> None:
    if answer["status"] != "ok":
        raise ValueError("the answer says no success")


def _find(keys: Keys, rows: Sequence[Row], entry: str) -> Row | None:
    return next((row for each, row in entries_of(keys, rows) if each.id == entry), None)


def _only(keys: Keys, rows: Sequence[Row], row: Row) -> bool:
    """Whether the target can tell an entry from all others: by its name, or its key."""
    name = "name" if keys.named else "api-key"
    return [each.get(name) for each in rows].count(row.get(name)) == 1


def _renewed(keys: Keys, rows: Sequence[Row], entry: str, wanted: Wanted) -> list[Row]:
    ours = _find(keys, rows, entry)
    if ours is None:
        raise NotFound("it is not in the target's list any more").about("target")
    return [row_of(keys, wanted, row) if row is ours else row for row in rows]


def _without(keys: Keys, rows: Sequence[Row], entry: str) -> list[Row]:
    ours = _find(keys, rows, entry)
    return [row for row in rows if row is not ours]


def _holds(keys: Keys, rows: Sequence[Row], entry: str, wanted: Wanted) -> bool:
    found = next((each for each, _ in entries_of(keys, rows) if each.id == entry), None)
    return found is not None and not differences(shaped(wanted), found)


def _reading(keys: Keys, entry: Entry, row: Row, counts: Mapping[str, tuple[int, int]]) -> Reading:
    success, failed = counts.get(counted_as(keys, row), (0, 0))
    health = Health("unknown") if entry.enabled else Health("paused")
    return Reading(entry, health, Usage("since start", requests=success + failed, failures=failed))
