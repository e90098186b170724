"""A simulated Claude Relay Service, after release 1.1.314: sessions, account collections, groups and pauses.

Its traps are the real one's: a session that idles out, `***` that is stored as a key, routes that flip, a create that fails and
did the work, numbers that are texts, limits that end one list late, pauses that stand beside the rows.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from stationmaster.sandbox.admin.calls import Answer, rfc3339
from stationmaster.sandbox.targets.crs_accounts import COLLECTIONS, Collection, Told
from stationmaster.sandbox.targets.frame import Call, Gateway, Held

IDLE = 86_400.0
_LIMITED = {"claude-console": ("rate_limited", False)}       # the word for it, and whether the row stays active
_LOGIN = "/web/auth/login"


@dataclass
class Pause:
    """An account that is not chosen for a while; it may be gone already."""

    kind: str
    account: str
    status: int
    marked_at: float
    until: float


class Crs(Gateway):
    """One instance. `redis_down`: it answers, and can do nothing."""

    KIND = "crs"

    def __init__(self, name: str, clock: Callable[[], float], random: Random, *, version: str = "") -> None:
        super().__init__(name, clock, random, version=version)
        self.redis_down = False
        self._rows: dict[str, list[dict[str, Any]]] = {path: [] for path in COLLECTIONS}
        self._groups: list[dict[str, Any]] = []
        self._pauses: list[Pause] = []
        self._sessions: dict[str, float] = {}
        self._made = 0

    def usual_version(self) -> str:
        """The release that was watched."""
        return "1.1.314"

    def new_secret(self) -> str:
        """A password."""
        return f"crs-password-{self.name}"

    def failure(self, status: int, words: str) -> Answer:
        """One of its three shapes."""
        return Answer({"error": "Internal Server Error", "message": words}, status)

    def is_read(self, call: Call) -> bool:
        """Logging in makes a session and changes no account."""
        return super().is_read(call) or call.path.startswith("/web/auth/")

    def held(self) -> list[Held]:
        """Every account of every collection."""
        return [
            Held(row["id"], str(row["description"]), row["apiKey"], {**row, "collection": path})
            for path, rows in self._rows.items() for row in rows
        ]  # fmt: skip

    # What people and vendors do to it.

    def put(self, path: str, **fields: Any) -> str:
        """Somebody makes an account; its id."""
        with self.lock:
            return str(self._create(COLLECTIONS[path], fields)["id"])

    def edit(self, account: str, **fields: Any) -> None:
        """Somebody changes an account by hand. Raises `KeyError`."""
        with self.lock:
            self._row(account)[1].update(fields)

    def limit(self, account: str, seconds: float) -> None:
        """The vendor answered 429."""
        with self.lock:
            collection, row = self._row(account)
            word, active = _LIMITED.get(collection.kind, ("rateLimited", True))
            until = self.clock() + seconds
            row.update(status=word, isActive=active, schedulable=False, _until=until, rateLimitResetAt=rfc3339(until))

    def pause(self, account: str, status: int, seconds: float) -> None:
        """The vendor answered with `status`: a pause beside the row, which stays as it is."""
        with self.lock:
            now = self.clock()
            self._pauses.append(Pause(self._row(account)[0].kind, account, status, now, now + seconds))

    def group(self, name: str, platform: str = "openai") -> str:
        """Somebody makes a group; its id."""
        with self.lock:
            self._groups.append({"id": self._new_id(), "name": name, "platform": platform, "description": ""})
            return str(self._groups[-1]["id"])

    def idle(self) -> None:
        """Nobody called for a day."""
        with self.lock:
            self._sessions = dict.fromkeys(self._sessions, self.clock() - IDLE - 1)

    # The wire.

    def answer(self, call: Call) -> Answer:
        """By path."""
        if call.path == "/health":
            state = "unhealthy" if self.redis_down else "healthy"
            return Answer({"status": "healthy", "service": "claude-relay-service", "version": self.version,
                           "components": {"redis": {"status": state}, "logger": {"status": "healthy"}}})  # fmt: skip
        try:
            return self._login(call) if call.path == _LOGIN else self._administered(call)
        except Told as told:
            return Answer(told.body, told.status)

    def _login(self, call: Call) -> Answer:
        if self.redis_down:
            return Answer({"error": "Login failed", "message": "Internal server error"}, 500)
        given = call.fields()
        if not given.get("username") or not given.get("password"):
            return Answer({"error": "Missing credentials", "message": "Username and password are required"}, 400)
        if (given["username"], given["password"]) != (self.user, self.secret):
            return Answer({"error": "Invalid credentials", "message": "Invalid username or password"}, 401)
        token = uuid.UUID(int=self.random.getrandbits(128)).hex * 2
        self._sessions[token] = self.clock()
        return Answer({"success": True, "token": token, "expiresIn": 86_400_000, "username": self.user})

    def _administered(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")
        if parts[0] != "admin" or len(parts) < 2:
            return _no_route(call)
        known = parts[1] in (*COLLECTIONS, "account-groups", "temp-unavailable", "sync", "openai-accounts")
        if not known:
            return _no_route(call)
        self._admit(call)
        if parts[1] in COLLECTIONS:
            return self._account(COLLECTIONS[parts[1]], call, parts[2:])
        return self._rest(call, parts[1:])

    def _admit(self, call: Call) -> None:
        if self.redis_down:
            raise Told(500, {"error": "Authentication error", "message": "Internal server error"})
        scheme, _, rest = call.headers.get("authorization", "").partition(" ")
        token = call.headers.get("x-admin-token") or (rest if scheme.lower() == "bearer" else scheme)
        if not token:
            raise Told(401, {"error": "Missing admin token", "message": "Please provide an admin token"})
        if not 32 <= len(token) <= 512:
            raise Told(401, {"error": "Invalid admin token format", "message": "Admin token format is invalid"})
        seen = self._sessions.get(token)
        if seen is None:
            raise Told(401, {"error": "Invalid admin token", "message": "Invalid or expired admin session"})
        if seen + IDLE < self.clock():
            del self._sessions[token]
            raise Told(401, {"error": "Session expired", "message": "Admin session has expired due to inactivity"})
        self._sessions[token] = self.clock()

    def _rest(self, call: Call, parts: list[str]) -> Answer:
        if parts == ["account-groups"] and call.method == "GET":
            return Answer({"success": True, "data": self._groups})
        if parts == ["temp-unavailable"] and call.method == "GET":
            return Answer({"success": True, "data": dict(map(self._paused, self._current()))})
        if parts == ["sync", "export-accounts"]:
            if call.query.get("include_secrets") != "true":
                return Answer({"success": False, "error": "include_secrets_required"}, 400)
            return Answer({"success": True, "data": [dict(each.row) for each in self.held()]})
        if parts == ["openai-accounts"] and call.method == "GET":
            return Answer({"success": True, "data": []})
        return _no_route(call)

    def _account(self, collection: Collection, call: Call, rest: list[str]) -> Answer:
        if not rest:
            return self._listed(collection) if call.method == "GET" else self._posted(collection, call)
        if len(rest) == 2:
            return self._deed(collection, call, rest[0], rest[1])
        if call.method == "PUT":
            return self._put(collection, call, rest[0])
        if call.method == "DELETE":
            return self._dropped(collection, rest[0])
        if collection.kind == "gemini-api" and call.method == "GET":
            row = collection.shown(self._one(collection, rest[0]))
            texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
            return Answer({"success": True, "data": texts})
        return _no_route(call)

    def _listed(self, collection: Collection) -> Answer:
        """In no order. A limit that is over is still shown once."""
        rows = list(self._rows[collection.path])
        self.random.shuffle(rows)
        shown = [collection.shown(row) | {"groupInfos": self._infos(row)} for row in rows]
        for row in rows:
            if 0 < row.get("_until", 0) <= self.clock():
                row.update(status="active", isActive=True, schedulable=True, _until=0)
        return Answer({"success": True, "data": shown})

    def _posted(self, collection: Collection, call: Call) -> Answer:
        if call.method != "POST":
            return _no_route(call)
        given = call.fields()
        row = self._create(collection, given)
        if given.get("accountType") == "group":
            wanted = given.get("groupIds") or [given.get("groupId")]
            if not {each["id"] for each in self._groups} >= set(wanted):
                raise Told(500, {"success": False, "error": "Failed to create account", "message": "Group not found"})
            row["_groups"] = list(wanted)
        shown = collection.shown(row)
        if collection.kind == "openai-responses":
            shown = {name: str(value).lower() if isinstance(value, bool) else value for name, value in shown.items()}
        return Answer({"success": True, "data": shown})

    def _create(self, collection: Collection, given: Mapping[str, Any]) -> dict[str, Any]:
        row = collection.made(given) | {
            "id": self._new_id(), "platform": collection.kind, "status": "active", "errorMessage": "", "lastUsedAt": "",
            "createdAt": rfc3339(self.clock()),
            "usage": {"daily": {"requests": 0, "allTokens": 0}, "total": {"requests": 0, "allTokens": 0}},
        }  # fmt: skip
        self._rows[collection.path].append(row)
        return row

    def _put(self, collection: Collection, call: Call, account: str) -> Answer:
        row = self._one(collection, account)
        given = call.fields()
        wanted = given.pop("groupIds", None)
        if wanted is not None and not {each["id"] for each in self._groups} >= set(wanted):
            raise collection.broken("Group not found")
        row.update(collection.changed(row, given) if given or wanted is None else {})
        if wanted is not None:
            row["_groups"] = list(wanted)
        return Answer({"success": True} | ({"message": "Account updated"} if collection.strict else {}))

    def _dropped(self, collection: Collection, account: str) -> Answer:
        rows = self._rows[collection.path]
        found = [row for row in rows if row["id"] == account]
        if not found:
            raise collection.unknown(deleting=True)
        rows.remove(found[0])
        return Answer({"success": True, "message": "账号已删除", "unboundKeys": 0})

    def _deed(self, collection: Collection, call: Call, account: str, deed: str) -> Answer:
        row = self._one(collection, account)
        if (call.method, deed) in (("PUT", "toggle"), ("PUT", "toggle-schedulable")):
            flag = "isActive" if deed == "toggle" else "schedulable"
            row[flag] = not row[flag]
            return Answer({"success": True, flag: row[flag]})
        if call.method != "POST":
            return _no_route(call)
        if deed == "reset-status":
            row.update(status="active", schedulable=True, errorMessage="", _until=0)
            row["isActive"] = True if collection.strict else row["isActive"]
            self._pauses = [each for each in self._pauses if each.account != account]
            return Answer({"success": True})
        if deed == "reset-rate-limit" and not collection.strict:
            row.update(status="active", _until=0)          # and the pause, and `schedulable: false`, stay
            return Answer({"success": True})
        if deed == "test":
            self.spent += 1
            return Answer({"success": True, "data": {"accountId": account}})
        return _no_route(call)

    # Inside.

    def _one(self, collection: Collection, account: str) -> dict[str, Any]:
        for row in self._rows[collection.path]:
            if row["id"] == account:
                return row
        raise collection.unknown()

    def _row(self, account: str) -> tuple[Collection, dict[str, Any]]:
        for path, rows in self._rows.items():
            for row in rows:
                if row["id"] == account:
                    return COLLECTIONS[path], row
        raise KeyError(account)

    def _infos(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [each for each in self._groups if each["id"] in row.get("_groups", ())]

    def _current(self) -> list[Pause]:
        return [each for each in self._pauses if each.until > self.clock()]

    def _paused(self, pause: Pause) -> tuple[str, dict[str, Any]]:
        left = round(pause.until - self.clock())
        return f"{pause.kind}:{pause.account}", {
            "accountId": pause.account, "accountType": pause.kind, "statusCode": pause.status, "errorType": "auth_error",
            "markedAt": rfc3339(pause.marked_at), "ttl": left, "remainingSeconds": left,
            "cooldownSeconds": round(pause.until - pause.marked_at), "expiresAt": rfc3339(pause.until),
        }  # fmt: skip

    def _new_id(self) -> str:
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://sandbox.invalid/crs/{self.name}/{self._made}"))


def _no_route(call: Call) -> Answer:
    return Answer({"error": "Not Found", "message": f"Route {call.path} not found"}, 404)
