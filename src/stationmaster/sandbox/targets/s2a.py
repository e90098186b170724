"""A simulated Sub2API: accounts, groups, and one admin key an instance, in two shapes.

`v0` is the release of December 2025: secrets in clear, `credentials` replaced whole, a create with an unknown group that fails
and leaves the account, a delete that always succeeds. `later` redacts, merges, checks groups, and sends a request of its own when
an OpenAI key is made.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from stationmaster.sandbox.admin.calls import Answer, rfc3339
from stationmaster.sandbox.targets.frame import Call, Gateway, Held

_ROOT = "/api/v1/admin"
_MASK = "***"
_WORDS = {400: "invalid request", 401: "unauthorized", 404: "account not found", 429: "too many requests"}


class Refused(Exception):
    """A refusal with its answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.body))
        self.answer = answer


class S2a(Gateway):
    """One instance. `warns_of_mixing`: the later shape wants a confirmation before platforms are mixed."""

    KIND = "s2a"

    def __init__(
        self, name: str, clock: Callable[[], float], random: Random, *, version: str = "", shape: str = "v0",
        warns_of_mixing: bool = False,
    ) -> None:  # fmt: skip
        self.later = shape == "later"
        super().__init__(name, clock, random, version=version)
        self.warns_of_mixing = warns_of_mixing
        self._rows: dict[int, dict[str, Any]] = {}
        self._groups: dict[int, dict[str, Any]] = {}
        self._replays: dict[str, int] = {}
        self._made = 0

    def usual_version(self) -> str:
        """The release that was read, or one after."""
        return "0.1.150" if self.later else "0.1.1"

    def new_secret(self) -> str:
        """Its admin key."""
        return f"admin-{self.name.encode().hex():0<32}"

    def failure(self, status: int, words: str) -> Answer:
        """`code` is the status, but for what is about the credential."""
        if status in (401, 403):
            return Answer({"code": "INVALID_ADMIN_KEY" if status == 401 else "FORBIDDEN", "message": words}, status)
        return Answer({"code": status, "message": words, "reason": "", "metadata": None}, status)

    def held(self) -> list[Held]:
        """Every account that is not deleted."""
        return [
            Held(str(row["id"]), _marker(row), str(row["credentials"].get("api_key", "")), row) for row in self._rows.values()
        ]

    # What people and vendors do to it.

    def put(self, **fields: Any) -> int:
        """Somebody makes an account; its id."""
        with self.lock:
            return int(self._create({"platform": "openai", "type": "apikey", "credentials": {}, **fields})["id"])

    def edit(self, account: int, **fields: Any) -> None:
        """Somebody changes an account by hand."""
        with self.lock:
            self._rows[account].update(fields)

    def limit(self, account: int, seconds: float) -> None:
        """The vendor answered 429."""
        self.edit(account, rate_limit_reset_at=rfc3339(self.clock() + seconds))

    def break_(self, account: int, words: str) -> None:
        """The vendor answered 401."""
        self.edit(account, status="error", error_message=words, schedulable=False)

    def group(self, name: str, platform: str = "openai") -> int:
        """Somebody makes a group; its id."""
        with self.lock:
            number = len(self._groups) + 1
            self._groups[number] = {"id": number, "name": name, "platform": platform, "status": "active"}
            return number

    # The wire.

    def answer(self, call: Call) -> Answer:
        """By path."""
        if call.path == "/health":
            return Answer({"status": "ok"})
        if call.path == "/api/v1/settings/public":
            return _good({"site_name": "Sub2API", "version": self.version})
        if not call.path.startswith(_ROOT):
            return Answer({"error": "not found"}, 404)
        if call.headers.get("x-api-key") != self.secret:
            known = "x-api-key" in call.headers
            return Answer({"code": "INVALID_ADMIN_KEY" if known else "UNAUTHORIZED", "message": "Invalid admin API key"}, 401)
        try:
            return self._administered(call, call.path.removeprefix(_ROOT).strip("/").split("/"))
        except Refused as refused:
            return refused.answer

    def _administered(self, call: Call, parts: list[str]) -> Answer:
        if parts == ["system", "version"]:
            return _good({"version": self.version})
        if parts == ["groups", "all"]:
            return _good(list(self._groups.values()))
        if parts[0] != "accounts":
            raise Refused(Answer({"error": "not found"}, 404))
        if len(parts) == 1:
            return self._listed(call) if call.method == "GET" else self._posted(call)
        if parts[1] == "batch":
            return _good({"success": len(call.fields().get("accounts", ())), "failed": 0})      # and does nothing
        row = self._row(parts[1], call)
        if row is None:
            return _good({"message": "Account deleted successfully"})
        if len(parts) == 3:
            return self._deed(call, row, parts[2])
        return {"GET": self._shown_one, "PUT": self._changed, "DELETE": self._dropped}[call.method](call, row)

    def _listed(self, call: Call) -> Answer:
        page, size = _whole(call.query.get("page"), 1), _whole(call.query.get("page_size") or call.query.get("limit"), 20)
        size = size if 1 <= size <= 100 else 20
        rows = [row for row in reversed(self._rows.values()) if _asked_for(row, call.query)]
        if self.later:
            rows.sort(key=lambda row: str(row["name"]))
        shown = [self._shown(row) for row in rows[(page - 1) * size : page * size]]
        pages = -(-len(rows) // size)
        return _good({"items": shown, "total": len(rows), "page": page, "page_size": size, "pages": pages})

    def _posted(self, call: Call) -> Answer:
        given = call.fields()
        for name in ("name", "platform", "type", "credentials"):
            if not given.get(name):
                raise self._refused(400, f"Invalid request: Key: '{name}' Error: required")
        key = call.headers.get("idempotency-key", "")
        if self.later and key in self._replays:
            return _good(self._shown(self._rows[self._replays[key]]))
        if self.later:
            self._check_groups(given.get("group_ids") or ())
            self._check_mixing(given)
        row = self._create(given)
        if not self.later:
            self._check_groups(given.get("group_ids") or (), status=500)      # the account is written already
        row["group_ids"] = list(given.get("group_ids") or ())
        self._replays[key] = row["id"]
        if self.later and given["platform"] == "openai":
            self.spent += 1                                                   # asks the vendor whether it speaks Responses
        return _good(self._shown(row))

    def _create(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self._made += 1
        row = {
            "id": self._made, "name": given.get("name", ""), "platform": given["platform"], "type": given["type"],
            "credentials": dict(given["credentials"]), "extra": dict(given.get("extra") or {}),
            "concurrency": given.get("concurrency") or 3, "priority": given.get("priority") or 50, "status": "active",
            "error_message": "", "schedulable": True, "rate_limit_reset_at": None, "overload_until": None, "group_ids": [],
            "created_at": rfc3339(self.clock()), "current_concurrency": 0,
        }  # fmt: skip
        self._rows[self._made] = row
        return row

    def _shown_one(self, _: Call, row: dict[str, Any]) -> Answer:
        return _good(self._shown(row))

    def _changed(self, call: Call, row: dict[str, Any]) -> Answer:
        """Empty texts change nothing; objects that are not empty replace the whole, or are merged later."""
        given = call.fields()
        if given.get("group_ids") is not None:
            self._check_groups(given["group_ids"])
            row["group_ids"] = list(given["group_ids"])
        if given.get("status", "active") not in ("active", "inactive"):
            raise self._refused(400, "Invalid request: status oneof active inactive")
        for name in ("name", "status"):
            row[name] = given.get(name) or row[name]
        for name in ("concurrency", "priority"):
            row[name] = row[name] if given.get(name) is None else given[name]
        for name in ("credentials", "extra"):
            row[name] = ({**row[name], **given[name]} if self.later else dict(given[name])) if given.get(name) else row[name]
        return _good(self._shown(row))

    def _dropped(self, _: Call, row: dict[str, Any]) -> Answer:
        del self._rows[row["id"]]
        return _good({"message": "Account deleted successfully"})

    def _deed(self, call: Call, row: dict[str, Any], deed: str) -> Answer:
        if deed == "schedulable":
            row["schedulable"] = bool(call.fields().get("schedulable"))
        elif deed == "clear-error":
            row.update(status="active", error_message="", schedulable=True)
        elif deed == "clear-rate-limit":
            row.update(rate_limit_reset_at=None, overload_until=None)
        elif deed == "test":
            self.spent += 1
        elif deed == "usage":
            raise self._refused(500, "account type apikey does not support usage query")
        else:
            raise Refused(Answer({"error": "not found"}, 404))
        return _good(self._shown(row))

    # Inside.

    def _shown(self, row: Mapping[str, Any]) -> dict[str, Any]:
        if not self.later:
            return dict(row)
        hidden = {name: _MASK if name == "api_key" else value for name, value in row["credentials"].items()}
        return {**row, "credentials": hidden, "credentials_status": {"has_api_key": bool(row["credentials"].get("api_key"))}}

    def _row(self, text: str, call: Call) -> dict[str, Any] | None:
        found = self._rows.get(int(text)) if text.isdecimal() else None
        if found is None and (self.later or call.method != "DELETE"):
            raise self._refused(404, _WORDS[404])
        return found

    def _check_groups(self, wanted: Any, status: int = 400) -> None:
        unknown = [each for each in wanted if each not in self._groups]
        if unknown:
            raise self._refused(status, f"group {unknown[0]} does not exist")

    def _check_mixing(self, given: Mapping[str, Any]) -> None:
        if self.warns_of_mixing and given.get("group_ids") and not given.get("confirm_mixed_channel_risk"):
            raise Refused(Answer({"error": "mixed_channel_warning", "message": "this group holds another platform's"}, 409))

    def _refused(self, status: int, words: str) -> Refused:
        return Refused(self.failure(status, words))


def _good(data: object) -> Answer:
    return Answer({"code": 0, "message": "success", "data": data})


def _marker(row: Mapping[str, Any]) -> str:
    return f"stationmaster:{row['extra'].get('stationmaster_id', '')}"


def _asked_for(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    wanted = {name: query.get(name) for name in ("platform", "type", "status")}
    named = query.get("search", "").casefold() in str(row["name"]).casefold()
    return named and all(value in (None, "", row[name]) for name, value in wanted.items())


def _whole(text: str | None, usual: int) -> int:
    return int(text) if text and text.isdecimal() else usual
