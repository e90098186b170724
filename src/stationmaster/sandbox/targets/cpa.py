"""A simulated CLIProxyAPI 7: lists of keys in one configuration, each replaced as a whole, and a ban after five wrong keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call, Gateway, Held

BAN, WRONG = 1_800.0, 5
_ROOT = "/v0/management"


@dataclass(frozen=True)
class Keys:
    """One list. `needs_url`: entries without an address are dropped silently; `dedups`: equal ones, too; `named`: entries have a
    name and several keys. `patched`: the fields that PATCH hears; `priority` is never among them."""

    path: str
    needs_url: bool = False
    dedups: bool = False
    named: bool = False
    patched: tuple[str, ...] = ("api-key", "weight", "prefix", "base-url", "proxy-url", "models", "headers", "excluded-models")


LISTS = {each.path: each for each in (
    Keys("codex-api-key", needs_url=True),
    Keys("claude-api-key"),
    Keys("gemini-api-key", dedups=True),
    Keys("openai-compatibility", needs_url=True, named=True,
         patched=("name", "prefix", "disabled", "base-url", "api-key-entries", "models", "headers")),
)}  # fmt: skip


class Cpa(Gateway):
    """One instance. `remote`: other machines may manage it; `unset`: it has no key, and serves no management."""

    KIND = "cpa"

    def __init__(self, name: str, clock: Callable[[], float], random: Random, *, version: str = "") -> None:
        super().__init__(name, clock, random, version=version)
        self.remote, self.unset, self.writable = True, False, True
        self._lists: dict[str, list[dict[str, Any]]] = {path: [] for path in LISTS}
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._wrong = 0
        self._banned_until = 0.0

    def usual_version(self) -> str:
        """The one that was read."""
        return "v7.0.3"

    def new_secret(self) -> str:
        """The management key."""
        return f"cpa-management-{self.name}"

    def failure(self, status: int, words: str) -> Answer:
        """A text, and what it is."""
        return Answer({"error": words}, status, self._headers())

    def held(self) -> list[Held]:
        """Every entry of every list. An entry has no id."""
        return [
            Held(f"{path}/{place}", _text(row), _key(row), {**row, "list": path})
            for path, rows in self._lists.items() for place, row in enumerate(rows)
        ]  # fmt: skip

    # What people and vendors do to it.

    def rows(self, path: str) -> list[dict[str, Any]]:
        """A list, as it is kept; somebody may change it by hand."""
        return self._lists[path]

    def served(self, base_url: str, key: str, success: int, failed: int) -> None:
        """So many requests went over a key."""
        with self.lock:
            self._counts[base_url, key] = [success, failed]

    @property
    def banned(self) -> bool:
        """Whether it answers nobody's key any more."""
        return self.clock() < self._banned_until

    # The wire.

    def answer(self, call: Call) -> Answer:
        """By path."""
        if call.path == "/healthz":
            return Answer({"status": "ok"})
        if not call.path.startswith(f"{_ROOT}/") or self.unset:
            return Answer(None, 404)
        refused = self._refusal(call)
        return refused or self._managed(call, call.path.removeprefix(f"{_ROOT}/"))

    def _refusal(self, call: Call) -> Answer | None:
        if self.banned:
            return self.failure(403, "IP banned due to too many failed attempts. Try again in 30m0s")
        if not self.remote:
            return self.failure(403, "remote management disabled")
        authorization = call.headers.get("authorization", "")
        key = call.headers.get("x-management-key") or authorization.removeprefix("Bearer ").strip()
        if key == self.secret:
            self._wrong = 0
            return None
        self._wrong += 1
        if self._wrong >= WRONG:
            self._wrong, self._banned_until = 0, self.clock() + BAN
        return self.failure(401, "invalid management key" if key else "missing management key")

    def _managed(self, call: Call, name: str) -> Answer:
        if name == "debug" and call.method == "GET":
            return self._good({"debug": False})
        if name == "api-key-usage" and call.method == "GET":
            return self._good(self._usage())
        if name == "usage-queue":
            self._counts.clear()                   # reading takes it away
            return self._good([])
        if name == "api-call":
            self.spent += 1
            return self._good({"status_code": 200})
        if name not in LISTS:
            return Answer(None, 404, self._headers())
        work = {"GET": self._got, "PUT": self._put, "PATCH": self._patched, "DELETE": self._deleted}[call.method]
        return work(LISTS[name], call)

    def _got(self, keys: Keys, _: Call) -> Answer:
        """In clear, with something computed beside."""
        shown = [{**row, "auth-index": f"{place:08x}"} for place, row in enumerate(self._lists[keys.path])]
        return self._good({keys.path: shown})

    def _put(self, keys: Keys, call: Call) -> Answer:
        given = call.json()
        rows = given.get("items") or None if isinstance(given, dict) else given
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            return self.failure(400, "invalid body")
        return self._saved(keys, [_known(row) for row in rows])

    def _patched(self, keys: Keys, call: Call) -> Answer:
        given = call.fields()
        value = given.get("value")
        if not isinstance(value, dict):
            return self.failure(400, "invalid body")
        rows, place = self._lists[keys.path], self._place(keys, given)
        if place is None:
            return self.failure(404, "item not found")
        changed = {**rows[place], **{name: each for name, each in value.items() if name in keys.patched}}
        return self._saved(keys, [*rows[:place], changed, *rows[place + 1 :]])

    def _place(self, keys: Keys, given: Mapping[str, Any]) -> int | None:
        rows = self._lists[keys.path]
        index, match = given.get("index"), given.get("name" if keys.named else "match")
        if isinstance(index, int) and 0 <= index < len(rows):
            return index
        named = "name" if keys.named else "api-key"
        return next((place for place, row in enumerate(rows) if match is not None and row.get(named) == match), None)

    def _deleted(self, keys: Keys, call: Call) -> Answer:
        rows, query = self._lists[keys.path], call.query
        if keys.named and query.get("name"):
            return self._saved(keys, [row for row in rows if row["name"] != query["name"]])
        if not keys.named and query.get("api-key"):
            return self._deleted_by_key(keys, rows, query)
        if query.get("index", "").isdecimal() and int(query["index"]) < len(rows):
            return self._saved(keys, [row for place, row in enumerate(rows) if place != int(query["index"])])
        return self.failure(400, "missing name or index")

    def _deleted_by_key(self, keys: Keys, rows: list[dict[str, Any]], query: Mapping[str, str]) -> Answer:
        hits = [row for row in rows if row["api-key"] == query["api-key"] and row.get("base-url") == query.get(
            "base-url", row.get("base-url"))]  # fmt: skip
        if len(hits) > 1 and "base-url" not in query:
            return self.failure(400, "multiple items match api-key; base-url is required")
        return self._saved(keys, [row for row in rows if row not in hits])

    def _saved(self, keys: Keys, rows: list[dict[str, Any]]) -> Answer:
        """Written to the file, and served a moment later."""
        if not self.writable:
            return self.failure(500, "failed to save config: permission denied")
        kept = [_normal(row) for row in rows if row.get("base-url") or not keys.needs_url]
        self._lists[keys.path] = _distinct(kept) if keys.dedups else kept
        return self._good({"status": "ok"})

    def _usage(self) -> dict[str, Any]:
        told = {f"{url}|{key}": {"success": count[0], "failed": count[1], "recent_requests": []} for (url, key), count in
                self._counts.items()}  # fmt: skip
        return {"codex": told} if told else {}

    def _good(self, body: object) -> Answer:
        return Answer(body, 200, self._headers())

    def _headers(self) -> dict[str, str]:
        return {"x-cpa-version": self.version, "x-cpa-commit": "sandbox", "x-cpa-build-date": "2026-08-22"}


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "auth-index"}


def _normal(row: Mapping[str, Any]) -> dict[str, Any]:
    """Excluded models are kept once and in lower case; zero values are left out."""
    plain = dict(row)
    excluded = plain.pop("excluded-models", None)
    if excluded:
        plain["excluded-models"] = list(dict.fromkeys(str(each).strip().lower() for each in excluded if str(each).strip()))
    return {name: value for name, value in plain.items() if value not in (None, "", 0, False) or name in ("api-key", "base-url")}


def _distinct(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        found.setdefault(tuple(str(row.get(name, "")) for name in ("api-key", "base-url", "proxy-url", "prefix", "headers")), row)
    return list(found.values())


def _text(row: Mapping[str, Any]) -> str:
    return " ".join((str(row.get("name", "")), *map(str, row.get("excluded-models", ()))))


def _key(row: Mapping[str, Any]) -> str:
    entries = row.get("api-key-entries") or [row]
    return str(entries[0].get("api-key", ""))
