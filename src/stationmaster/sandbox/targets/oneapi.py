"""A simulated one-api: its channels, with the habits of its handlers (songquanpeng/one-api at 8df4a267: controller/channel.go,
model/channel.go, middleware/auth.go).

Success is told by `success`, and the status is 200 even for a wrong token; a create gives no id, makes one channel of each line
of `key`, and may fail after the channel was made; an update passes over empty values, succeeds whatever id it names, and answers
with the key in clear; a delete of nothing succeeds; ten rows a page, one search by the beginning of the name, where `_` is any
letter.
"""

import re
from typing import Any

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call, Gateway, Held
from stationmaster.sandbox.targets.paths import Params, chosen, whole

PAGE = 10
ON, OFF, OFF_BY_ITSELF = 1, 2, 3
QUOTA_PER_DOLLAR = 500_000.0

_KEPT = (
    "name", "type", "key", "models", "group", "base_url", "model_mapping", "config", "priority", "weight", "status",
)  # fmt: skip
_USUAL: dict[str, Any] = {
    "type": 0, "key": "", "status": ON, "name": "", "weight": 0, "created_time": 0, "test_time": 0, "response_time": 0,
    "base_url": "", "other": None, "balance": 0, "balance_updated_time": 0, "models": "", "group": "default", "used_quota": 0,
    "model_mapping": "", "priority": 0, "config": "", "system_prompt": None,
}  # fmt: skip


class OneApi(Gateway):
    """One gateway. `half_made`: so many creates fail after the channel was made, as when its routing rows cannot be written.
    `searched`: every keyword that was looked for."""

    KIND = "one_api"

    def __init__(self, *given: Any, half_made: int = 0, groups: tuple[str, ...] = ("default", "vip"), **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.half_made, self.groups = half_made, groups
        self.rows: dict[int, dict[str, Any]] = {}
        self.searched: list[str] = []
        self._made = 0
        self._routes = (
            ("GET", "/api/channel/", self._list), ("GET", "/api/channel/search", self._search),
            ("GET", r"/api/channel/test/{id}", self._test), ("GET", "/api/channel/{id}", self._one),
            ("POST", "/api/channel/", self._create), ("PUT", "/api/channel/", self._update),
            ("DELETE", "/api/channel/{id}", self._delete), ("GET", "/api/group/", self._groups),
        )  # fmt: skip

    def usual_version(self) -> str:
        """The last release that is known."""
        return "v0.6.11-preview.7"

    def new_secret(self) -> str:
        """An access token: 32 letters."""
        return f"{self.name:0<32}"[:32].replace("-", "0")

    def failure(self, status: int, words: str) -> Answer:
        """Its only shape of failure."""
        return Answer({"success": False, "message": words}, status)

    def held(self) -> list[Held]:
        """Channels."""
        return [Held(str(row["id"]), row["name"], row["key"], row) for row in self.rows.values()]

    def answer(self, call: Call) -> Answer:
        """Public, then refused, then done."""
        if call.path == "/api/status":
            data = {"version": self.version, "system_name": "One API", "quota_per_unit": QUOTA_PER_DOLLAR}
            return Answer({"success": True, "message": "", "data": data})
        found = chosen(self._routes, call)
        if found is None:
            return Answer({"error": {"message": f"Invalid URL ({call.method} {call.path})", "type": "invalid_request"}}, 404)
        return self._refusal(call) or found[0](call, found[1])

    def _refusal(self, call: Call) -> Answer | None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return self.failure(401, "无权进行此操作: 未登录且未提供 access token")
        return None if token == self.secret else self.failure(200, "无权进行此操作: access token 无效")

    def _list(self, call: Call, _: Params) -> Answer:
        start = whole(call.query.get("p", ""), 0) * PAGE
        return _ok([_shown(row) for row in sorted(self.rows.values(), key=lambda row: -row["id"])[start : start + PAGE]])

    def _search(self, call: Call, _: Params) -> Answer:
        word = call.query.get("keyword", "")
        self.searched.append(word)
        pattern = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in word)
        like = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        return _ok([_shown(row) for row in self.rows.values() if like.match(row["name"]) or str(row["id"]) == word])

    def _one(self, _: Call, params: Params) -> Answer:
        row = self.rows.get(whole(params["id"], -1))
        return _ok(_shown(row)) if row else self.failure(200, "record not found")

    def _create(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        keys = [key for key in str(given.get("key") or "").split("\n") if key]
        for key in keys:
            self.add(**_taken(given) | {"key": key})
        if keys and self.half_made:
            self.half_made -= 1
            return self.failure(200, "Error 1205: Lock wait timeout exceeded")
        return _ok() if keys else self.failure(200, "empty slice found")

    def _update(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        row = self.rows.get(given.get("id", 0))
        if row is None:
            return _ok(_USUAL | _taken(given) | {"id": given.get("id")})
        row |= _taken(given)
        return _ok(dict(row))

    def _delete(self, _: Call, params: Params) -> Answer:
        self.rows.pop(whole(params["id"], -1), None)
        return _ok()

    def _groups(self, _: Call, __: Params) -> Answer:
        return _ok(list(self.groups))

    def _test(self, _: Call, __: Params) -> Answer:
        self.spent += 1
        return Answer({"success": True, "message": "", "time": 0.4, "modelName": "gpt-4o-mini"})

    def add(self, **given: Any) -> dict[str, Any]:
        """A channel that somebody made in its pages."""
        self._made += 1
        self.rows[self._made] = _USUAL | given | {"id": self._made}
        return self.rows[self._made]


def _taken(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in _KEPT if given.get(name)}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"key": ""}


def _ok(data: object = None) -> Answer:
    return Answer({"success": True, "message": ""} | ({} if data is None else {"data": data}))
