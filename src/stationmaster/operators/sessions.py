"""Sessions of browsers, as Django's session engine. Owns: how they are stored, found and ended.

The cookie's value is a bearer secret: the database knows its keyed hash only, and what a session holds (a log-in that
is half done, a new second factor) is sealed. A session lasts until a fixed moment, however much it is used.
"""

import contextlib
import json
import logging
import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from stationmaster.errors import StationmasterError
from stationmaster.operators import bearer
from stationmaster.operators.models import BrowserSession
from stationmaster.store import keyholder, masterkey
from stationmaster.store.models import Head
from stationmaster.vault import seal
from stationmaster.vault.seal import Place

UNTIL: Final = "until"               # seconds since 1970 at which a signed-in session ends
AGENT: Final = "agent"
_NOT_SIGNED_IN = 1800                # seconds that a session lasts without anybody signed in
_SEEN = timedelta(minutes=5)
_log = logging.getLogger("stationmaster.operators")


class SessionStore(SessionBase):
    """One browser's session."""

    def load(self) -> dict[str, Any]:
        """What it holds; nothing, when there is none, or when it does not open any more."""
        row = self._rows().filter(expires_at__gt=timezone.now()).first() if self.session_key else None
        if row is None:
            self._session_key = None
            return {}
        if timezone.now() - row.seen_at > _SEEN:
            with contextlib.suppress(OperationalError), transaction.atomic():      # as with `bearer.note_use`
                self._rows().update(seen_at=timezone.now())
        return self._opened(row)

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session of this key."""
        return BrowserSession.objects.filter(id=stored_id(session_key)).exists()

    def create(self) -> None:
        """Begin under a new key."""
        while True:
            self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Store what it holds. Raises `CreateError` for a key that is taken, `UpdateError` for a session that was ended
        meanwhile, which does not come back."""
        if self.session_key is None:
            self.create()
            return
        values = self._values(self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        if not must_create:
            if not self._rows().update(**values):
                raise UpdateError
            return
        try:
            with transaction.atomic():
                BrowserSession.objects.create(id=stored_id(self.session_key), **values)
        except IntegrityError:
            raise CreateError from None

    def delete(self, session_key: str | None = None) -> None:
        """End the session of this key, or this one."""
        key = session_key or self.session_key
        if key is not None:
            BrowserSession.objects.filter(id=stored_id(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Forget what is over."""
        BrowserSession.objects.filter(expires_at__lte=timezone.now()).delete()

    def get_expiry_age(self, **_: Any) -> int:
        """Seconds until it is over: from the moment that was set when somebody signed in."""
        until = self.get(UNTIL)
        return max(0, int(until - time.time())) if until else _NOT_SIGNED_IN

    def get_expiry_date(self, **_: Any) -> datetime:
        """The moment at which it is over."""
        return timezone.now() + timedelta(seconds=self.get_expiry_age())

    def get_expire_at_browser_close(self) -> bool:
        """Never: it has its moment."""
        return False

    def _rows(self) -> Any:
        return BrowserSession.objects.filter(id=stored_id(self.session_key or ""))

    def _values(self, held: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(held, separators=(",", ":"))
        return {
            "operator_id": held.get(SESSION_KEY), "agent": held.get(AGENT, ""), "seen_at": timezone.now(),
            "expires_at": self.get_expiry_date(),
            "data": seal.seal(keyholder.ring(), _place(stored_id(self.session_key or "")), text),
        }

    def _opened(self, row: BrowserSession) -> dict[str, Any]:
        try:
            held: dict[str, Any] = json.loads(keyholder.unseal(_place(row.id), row.data))
        except StationmasterError as error:
            _log.warning("a session does not open any more: %s", error.code)
            self._session_key = None
            return {}
        return held


def connect() -> None:
    """Have sessions sealed anew with the rest when the master key changes; called once, when Django is set up."""
    masterkey.also(key_ids, rewrap)


def key_ids() -> Counter[str]:
    """How many sessions need which master key."""
    return Counter(map(seal.key_of, _alive().values_list("data", flat=True).iterator()))


def rewrap() -> int:
    """Seal all of them with the active master key; return how many were not. One that does not open any more ends."""
    active = Head.objects.get().master_key
    rows = [(row, data) for row, data in _alive().values_list("id", "data") if seal.key_of(data) != active]
    return sum(_rewrapped(row, data) for row, data in rows)


def _alive() -> Any:
    return BrowserSession.objects.filter(expires_at__gt=timezone.now())


def _rewrapped(row: str, data: str) -> bool:
    same = BrowserSession.objects.filter(id=row, data=data)      # one that its browser saved meanwhile is sealed anew already
    try:
        text = keyholder.unseal(_place(row), data)
    except StationmasterError:
        same.delete()
        return False
    return bool(same.update(data=seal.seal(keyholder.ring(), _place(row), text)))


def stored_id(key: str) -> str:
    """What the database calls the session of the cookie value `key`."""
    return bearer.hashed("session", key)


def _place(row: str) -> Place:
    return Place("session", BrowserSession._meta.db_table, row, "data")
