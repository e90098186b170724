"""Accounts of a Claude Relay Service as values: what is sent, and what its rows and answers say. Pure.

By https://github.com/Wei-Shaw/claude-relay-service (src/routes/admin, src/services/account) and a running 1.1.314.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stationmaster.line.errors import Rejected
from stationmaster.targets._base import Entry, Group, Health, HealthState, Reading, Usage, Wanted
from stationmaster.targets.addresses import bare, root
from stationmaster.targets.matching import marker, owner_in

SERVICE = "claude-relay-service"
BYPASSED = (1, 1, 248)         # the last release whose administration was open to anybody, by its README

_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LIMITED = {"rateLimited", "rate_limited", "quota_exceeded"}
_INVALID = {"unauthorized", "blocked", "account_blocked", "error"}
_PLATFORMS = {
    "claude": frozenset({"anthropic"}), "openai": frozenset({"openai", "openai_compatible"}), "gemini": frozenset({"gemini"}),
}  # fmt: skip


@dataclass(frozen=True)
class Collection:
    """One collection of accounts. `url`: its field for the address; `models`, `tasks`: whether it has a list of models, and a
    limit of requests at once."""

    path: str
    url: str
    models: bool = False
    tasks: bool = False

    def ours(self, answer: Any) -> list[Mapping[str, Any]]:
        """The rows that carry our marker, oldest first. Other people's are not looked at. Raises `TypeError` for what is no list:
        that would say that nothing is there."""
        if not isinstance(answer["data"], list):
            raise TypeError("no list")
        rows = [row for row in answer["data"] if owner_in(row.get("description"))]
        for row in rows:
            id_of({"data": row})
        return sorted(rows, key=lambda row: (str(row.get("createdAt")), row["id"]))


_RESPONSES = Collection("openai-responses-accounts", "baseApi")
_CONSOLE = Collection("claude-console-accounts", "apiUrl", models=True, tasks=True)
_GEMINI = Collection("gemini-api-accounts", "baseUrl", models=True)

COLLECTIONS = {each.path: each for each in (_RESPONSES, _CONSOLE, _GEMINI)}
_BY_VENDOR = {"openai": _RESPONSES, "openai_compatible": _RESPONSES, "anthropic": _CONSOLE, "gemini": _GEMINI}


def collection_of(wanted: Wanted) -> Collection:
    """Where a vendor's credentials are kept. Raises `Rejected`."""
    found = _BY_VENDOR.get(wanted.vendor)
    if found is None:
        raise Rejected(f"Claude Relay Service takes no key of {wanted.vendor} from us", remote_code="vendor").about("target")
    return found


def shaped(wanted: Wanted) -> Entry:
    """The entry that is to be listed. Raises `Rejected`."""
    collection = collection_of(wanted)
    return Entry(
        id="", marker=wanted.id, place=collection.path, name=wanted.name or marker(wanted.id), base_url=root(wanted),
        models=tuple(sorted(set(wanted.models))) if collection.models else None, priority=wanted.priority,
        concurrency=wanted.concurrency if collection.tasks else None, groups=tuple(sorted(set(wanted.groups))),
        enabled=wanted.enabled,
    )  # fmt: skip


def content(collection: Collection, wanted: Wanted, changed: Sequence[str] | None) -> dict[str, Any]:
    """The fields of a body for what changed; None: of a new account. Flags are always explicit, never toggled."""
    groups = sorted(set(wanted.groups))
    sent: dict[str, dict[str, Any]] = {
        "name": {"name": wanted.name or marker(wanted.id)},
        "base_url": {collection.url: root(wanted)},
        "models": {"supportedModels": sorted(set(wanted.models))},
        "priority": {"priority": wanted.priority},
        "concurrency": {"maxConcurrentTasks": wanted.concurrency},
        "groups": {"accountType": "group" if groups else "shared", "groupIds": groups},
        "enabled": {"isActive": wanted.enabled, "schedulable": wanted.enabled},
    }
    fresh = {name for name in sent if getattr(shaped(wanted), name) is not None}
    chosen = fresh if changed is None else set(changed)
    body = {key: value for name, part in sent.items() if name in chosen for key, value in part.items()}
    if changed is not None:
        return body
    if not groups:
        del body["groupIds"]
    return body | {"description": marker(wanted.id)}


def entry_of(collection: Collection, row: Mapping[str, Any]) -> Entry:
    """A row in our words. What somebody wrote into it by hand and makes no sense differs from everything."""
    models = row.get("supportedModels")
    return Entry(
        id=row["id"], marker=owner_in(row["description"]), place=collection.path, name=str(row.get("name")),
        base_url=bare(str(row.get(collection.url) or "")),
        models=tuple(sorted(map(str, models or ()))) if collection.models else None, priority=_number(row.get("priority")),
        concurrency=_number(row.get("maxConcurrentTasks")) if collection.tasks else None,
        groups=tuple(sorted(str(each["id"]) for each in row.get("groupInfos") or ())), enabled=_enabled(row),
    )  # fmt: skip


def reading_of(
    collection: Collection, row: Mapping[str, Any], pause: Mapping[str, Any] | None, say: Callable[[str], str]
) -> Reading:
    """A row with its pause, if it has one. `say` makes the target's words fit to be shown."""
    told = say(str(row.get("errorMessage") or ""))
    total = (row.get("usage") or {}).get("total") or {}
    usage = Usage("total", requests=_number(total.get("requests"), 0), tokens=_number(total.get("allTokens"), 0))
    return Reading(entry_of(collection, row), _health(row, pause, told), usage)


def group_of(row: Mapping[str, Any]) -> Group:
    """A group takes the accounts of one platform."""
    return Group(str(row["id"]), str(row.get("name")), _PLATFORMS.get(str(row.get("platform")), frozenset({"none"})))


def pauses_of(answer: Any) -> Mapping[str, Mapping[str, Any]]:
    """Pauses by account; some outlive theirs."""
    return {str(each["accountId"]): each for each in answer["data"].values()}


def id_of(answer: Any) -> str:
    """The id of an account, which stands in addresses. Raises `ValueError`."""
    found = answer["data"]["id"]
    if not isinstance(found, str) or not _ACCOUNT.fullmatch(found):
        raise ValueError("the answer has no id")
    return found


def token_of(answer: Any) -> str:
    """The token of a session: 32 to 512 characters, or it would be refused. Raises `ValueError`."""
    token = answer["token"]
    if not isinstance(token, str) or not 32 <= len(token) <= 512:
        raise ValueError("the answer has no token")
    return token


def health_of(answer: Any) -> tuple[str, str, str]:
    """(service, version, state of its Redis): the status alone says "healthy" without a Redis, too."""
    return str(answer["service"]), str(answer["version"]), str(answer["components"]["redis"]["status"])


def bypassed(version: str) -> bool:
    """Whether a release is known to be open to anybody."""
    parts = re.fullmatch(r"v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:[-+.].*)?", version)
    return parts is not None and tuple(map(int, parts.groups())) <= BYPASSED


def _health(row: Mapping[str, Any], pause: Mapping[str, Any] | None, told: str) -> Health:
    status = str(row.get("status"))
    if status in _INVALID:
        return Health("invalid", told or status)
    if status in _LIMITED:
        return Health("limited", told or status, _moment(row.get("rateLimitResetAt") or (pause or {}).get("expiresAt")))
    if row.get("isActive") is not True or row.get("schedulable") is not True:
        return Health("paused", told)
    if pause is not None:
        return _paused(pause)
    return Health("active", told) if status == "active" else Health("unknown", told or status)


def _paused(pause: Mapping[str, Any]) -> Health:
    """A refused key shows as a pause, as a limit and a failing vendor do: its status tells them apart."""
    status = _number(pause.get("statusCode"))
    state: HealthState = "invalid" if status in (401, 403) else "limited"
    return Health(state, f"paused after HTTP status {status}", _moment(pause.get("expiresAt")))


def _enabled(row: Mapping[str, Any]) -> bool | None:
    """A limit switches an account off, too; then nobody can tell what people want."""
    if str(row.get("status")) != "active":
        return None
    return row.get("isActive") is True and row.get("schedulable") is True


def _number(value: Any, otherwise: int = -1) -> int:
    return int(value) if re.fullmatch(r"-?\d{1,18}", str(value), re.ASCII) else otherwise


def _moment(text: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
