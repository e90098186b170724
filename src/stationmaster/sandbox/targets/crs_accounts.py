"""The account collections of a simulated Claude Relay Service 1.1: which fields each takes, defaults, shows and refuses.

Three collections with three habits: what one refuses the next accepts, what one shows as a number the next shows as text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MASK = "***"
TYPES = ("shared", "dedicated", "group")

_NUMBERS = ("priority", "dailyQuota", "rateLimitDuration")


class Told(Exception):
    """A refusal, with status and body."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, dict(body)


@dataclass(frozen=True)
class Collection:
    """One collection. `path` under `/admin`; `kind`: its name in pauses; `url`: its field for the address."""

    path: str
    kind: str
    url: str
    required: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False       # claude-console: checks on POST, whitelists on PUT, keeps slashes, shows numbers

    def missing(self, name: str) -> Told:
        """A required field is not there: 400 here, a thrown 500 elsewhere."""
        words = f"{name} is required"
        return Told(400, {"error": words}) if self.strict else Told(500, {"success": False, "error": words})

    def bad(self, words: str) -> Told:
        """A value that is checked."""
        return Told(400, {"error": words} if self.strict else {"success": False, "message": words})

    def broken(self, words: str) -> Told:
        """The service threw."""
        return Told(500, {"error": words} if self.strict else {"success": False, "error": words})

    def unknown(self, *, deleting: bool = False) -> Told:
        """No such account."""
        if self.strict:
            return Told(500, {"error": "Failed to delete", "message": "Account not found"}) if deleting else Told(
                404, {"error": "Account not found"})  # fmt: skip
        return Told(404, {"success": False, "message" if deleting else "error": "Account not found"})

    def made(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A new account's fields. Raises `Told`."""
        for name in self.required:
            if not given.get(name):
                raise self.missing(name)
        self._check(given, fresh=True)
        known = {name: given[name] for name in self.defaults if given.get(name) is not None}
        row = {**self.defaults, **known}
        row[self.url] = self.address(row[self.url])
        if self.strict:
            row["isActive"] = True                     # `isActive: false` is not heard on creation
        return row

    def changed(self, row: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        """The account after a PUT: the key is stored whatever it is, a mask as well as nothing. Raises `Told`."""
        if not given and not self.strict:
            raise self.broken("ERR wrong number of arguments for 'hset' command")
        self._check(given, fresh=False)
        taken = {name: value for name, value in given.items() if not self.strict or name in self.defaults}
        after = {**row, **taken}
        after["apiKey"] = after["apiKey"] or ""
        after["isActive"] = bool(after["isActive"])
        after[self.url] = self.address(str(after[self.url]))
        return after

    def address(self, text: str) -> str:
        """One slash is stripped, or none."""
        return text if self.strict else text.removesuffix("/")

    def shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """As the list shows it."""
        seen = {name: value for name, value in row.items() if not name.startswith("_")}
        if self.strict:
            del seen["apiKey"]
            models = seen["supportedModels"]
            seen["supportedModels"] = {name: name for name in models} if isinstance(models, list) else models
        else:
            seen |= {"apiKey": MASK, **{name: str(seen[name]) for name in _NUMBERS}}
        return seen

    def _check(self, given: Mapping[str, Any], *, fresh: bool) -> None:
        priority = given.get("priority")
        whole = isinstance(priority, int) and not isinstance(priority, bool)
        if whole and not 1 <= int(priority or 0) <= 100 and (self.strict or not fresh):
            raise self.bad("Priority must be between 1 and 100")
        if "accountType" in given and given["accountType"] not in TYPES and self.kind != "openai-responses":
            raise self.bad("Invalid account type")
        if self.strict and not fresh and "isActive" in given and given["isActive"] is None:
            raise self.broken("Cannot read properties of null")
        tasks = given.get("maxConcurrentTasks", 0)
        if self.strict and (not isinstance(tasks, int) or tasks < 0):
            raise self.bad("maxConcurrentTasks must be a non-negative integer")
        if not self.strict and fresh and "priority" in given and priority is None:
            raise self.broken("Cannot read properties of null (reading 'toString')")
        if "apiKey" in given and given["apiKey"] is not None and not isinstance(given["apiKey"], str):
            raise self.broken("apiKey.trim is not a function")


_COMMON: Mapping[str, Any] = {
    "name": "", "description": "", "apiKey": "", "priority": 50, "proxy": None, "isActive": True, "accountType": "shared",
    "schedulable": True, "dailyQuota": 0, "rateLimitDuration": 60, "disableAutoProtection": False,
}  # fmt: skip

COLLECTIONS = {each.path: each for each in (
    Collection(
        "openai-responses-accounts", "openai-responses", "baseApi", ("baseApi", "apiKey"),
        {**_COMMON, "name": "OpenAI Responses Account", "baseApi": "", "providerEndpoint": "responses"},
    ),
    Collection(
        "claude-console-accounts", "claude-console", "apiUrl", ("name", "apiUrl", "apiKey"),
        {**_COMMON, "apiUrl": "", "supportedModels": [], "maxConcurrentTasks": 0}, strict=True,
    ),
    Collection(
        "gemini-api-accounts", "gemini-api", "baseUrl", ("apiKey",),
        {**_COMMON, "name": "Gemini API Account", "baseUrl": "https://generativelanguage.googleapis.com", "supportedModels": []},
    ),
)}  # fmt: skip
