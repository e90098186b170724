"""A simulated new-api: its channels, as two generations of it answer (QuantumNous/new-api: controller/channel.go and the tests of
its routes; https://docs.newapi.pro).

The classic one says everything under status 200 and takes `status` in an update. The recent one has real statuses, answers a
create with 201 and nothing, and refuses an update that holds `status`, which has a route of its own. Neither gives an id for a
create or shows keys; a search meets a whole key too, and so leaves it in access logs.
"""

from typing import Any

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call, Gateway, Held
from stationmaster.sandbox.targets.paths import Params, chosen, whole

MOST, USUAL_PAGE = 100, 10
ON, OFF, OFF_BY_ITSELF = 1, 2, 3
LONGEST_REMARK, LONGEST_MODEL = 255, 255
QUOTA_PER_DOLLAR = 500_000.0
USER = "7"

_READ_ONLY = frozenset({"id", "status", "created_time", "test_time", "response_time", "balance", "used_quota", "channel_info"})
_USUAL: dict[str, Any] = {
    "type": 0, "key": "", "status": ON, "name": "", "weight": 0, "created_time": 0, "test_time": 0, "response_time": 0,
    "base_url": "", "other": "", "balance": 0, "balance_updated_time": 0, "models": "", "group": "default", "used_quota": 0,
    "model_mapping": None, "priority": 0, "auto_ban": 1, "tag": None, "remark": None, "setting": None, "settings": "",
    "param_override": None, "header_override": None, "status_code_mapping": "", "test_model": None, "other_info": "",
    "channel_info": {"is_multi_key": False, "multi_key_size": 0, "multi_key_status_list": None},
}  # fmt: skip


class NewApi(Gateway):
    """One gateway. `recent`: of the newer generation. `searched`: every keyword that was looked for."""

    KIND = "new_api"

    def __init__(self, *given: Any, recent: bool = True, groups: tuple[str, ...] = ("default", "vip"), **settings: Any) -> None:
        self.recent = recent
        super().__init__(*given, **settings)
        self.user, self.groups = USER, groups
        self.rows: dict[int, dict[str, Any]] = {}
        self.searched: list[str] = []
        self._made = 0
        self._routes = (
            ("GET", "/api/channel/", self._list), ("GET", "/api/channel/search", self._search),
            ("GET", "/api/channel/test/{id}", self._test), ("GET", "/api/channel/{id}", self._one),
            ("POST", "/api/channel/", self._create), ("PUT", "/api/channel/", self._update),
            ("DELETE", "/api/channel/{id}", self._delete), ("GET", "/api/group/", self._groups),
            *((("POST", "/api/channel/{id}/status", self._switch),) if recent else ()),
        )  # fmt: skip

    def usual_version(self) -> str:
        """By generation."""
        return "v1.0.0" if self.recent else "v0.6.6.3"

    def new_secret(self) -> str:
        """A system access token."""
        return f"{self.name:0<32}"[:32].replace("-", "0")

    def failure(self, status: int, words: str) -> Answer:
        """With a code, where the generation has codes."""
        return Answer({"success": False, "message": words} | ({"code": "internal_error"} if self.recent else {}), status)

    def held(self) -> list[Held]:
        """Channels."""
        return [Held(str(row["id"]), f"{row['name']} {row['remark'] or ''}", row["key"], row) for row in self.rows.values()]

    def answer(self, call: Call) -> Answer:
        """Public, then refused, then done."""
        if call.path == "/api/status":
            data = {"version": self.version, "system_name": "New API", "quota_per_unit": QUOTA_PER_DOLLAR}
            return Answer({"success": True, "message": "", "data": data})
        found = chosen(self._routes, call)
        if found is None:
            return Answer({"error": {"message": f"Invalid URL ({call.method} {call.path})", "type": "invalid_request"}}, 404)
        return self._refusal(call) or found[0](call, found[1])

    def _refusal(self, call: Call) -> Answer | None:
        """Both the token and the number of its owner."""
        token, user = call.headers.get("authorization", "").removeprefix("Bearer "), call.headers.get("new-api-user", "")
        if not token or not user:
            return self._unauthorised(401, "无权进行此操作: 未提供 " + ("New-Api-User" if token else "access token"))
        if token != self.secret:
            return self._unauthorised(401 if self.recent else 200, "无权进行此操作: access token 无效")
        return None if user == self.user else self._unauthorised(401, "无权进行此操作: New-Api-User 与登录用户不匹配")

    def _unauthorised(self, status: int, words: str) -> Answer:
        return Answer({"success": False, "message": words} | ({"code": "AUTH_UNAUTHORIZED"} if self.recent else {}), status)

    def _refused(self, status: int, code: str, words: str) -> Answer:
        if not self.recent:
            return Answer({"success": False, "message": words})
        return Answer({"success": False, "code": code, "message": words}, status)

    def _list(self, call: Call, _: Params) -> Answer:
        rows = sorted(self.rows.values(), key=lambda row: -row["id"] if call.query.get("id_sort") == "true" else -row["priority"])
        page, size = max(whole(call.query.get("p", ""), 1), 1), min(whole(call.query.get("page_size", ""), USUAL_PAGE), MOST)
        part = rows[(page - 1) * size : page * size]
        told = {"total": len(rows), "page": page, "page_size": size, "type_counts": {}}
        return _ok({"items": [_shown(row) for row in part]} | told)

    def _search(self, call: Call, _: Params) -> Answer:
        word = call.query.get("keyword", "")
        self.searched.append(word)
        rows = [row for row in self.rows.values() if word in row["name"] or word in (row["base_url"] or "") or word == row["key"]]
        page, size = max(whole(call.query.get("p", ""), 1), 1), whole(call.query.get("page_size", ""), 20)
        part = sorted(rows, key=lambda row: -row["id"])[(page - 1) * size : page * size]
        return _ok({"items": [_shown(row) for row in part], "total": len(rows), "type_counts": {}})

    def _one(self, _: Call, params: Params) -> Answer:
        row = self.rows.get(whole(params["id"], -1))
        return _ok(_shown(row)) if row else self._refused(404, "channel_not_found", "record not found")

    def _create(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        channel = given.get("channel")
        if not isinstance(channel, dict) or not channel.get("key"):
            return self._refused(400, "channel_validation_failed", "channel cannot be empty")
        if given.get("mode") not in ("single", "batch", "multi_to_single"):
            return self._refused(400, "mode_unsupported", "不支持的添加模式")
        wrong = _wrong(channel)
        if wrong:
            return self._refused(400, "channel_validation_failed", wrong)
        for key in channel["key"].split("\n") if given["mode"] == "batch" else [channel["key"]]:
            self.add(**{name: value for name, value in channel.items() if name not in _READ_ONLY - {"status"}} | {"key": key})
        return Answer({"success": True, "message": ""} | ({"data": None} if self.recent else {}), 201 if self.recent else 200)

    def _update(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        row = self.rows.get(given.get("id", 0))
        if self.recent and "status" in given:
            return Answer({"success": False, "message": "无效的参数"})
        if row is None:
            return self._refused(404, "channel_not_found", "record not found")
        if wrong := _wrong(given):
            return self._refused(400, "channel_validation_failed", wrong)
        row |= {name: value for name, value in given.items() if name in row and name not in _READ_ONLY and (value or value == 0)}
        if given.get("status"):
            row["status"] = given["status"]
        return _ok(_shown(row))

    def _switch(self, call: Call, params: Params) -> Answer:
        row, status = self.rows.get(whole(params["id"], -1)), call.fields().get("status")
        if status not in (ON, OFF):
            return Answer({"success": False, "message": "无效的参数"})
        changed = row is not None and row["status"] != status
        if row is not None:
            row["status"] = status
        return _ok(changed)

    def _delete(self, _: Call, params: Params) -> Answer:
        gone = self.rows.pop(whole(params["id"], -1), None)
        if gone is None and self.recent:
            return self._refused(404, "channel_not_found", "record not found")
        return _ok(None)

    def _groups(self, _: Call, __: Params) -> Answer:
        return _ok(list(self.groups))

    def _test(self, _: Call, __: Params) -> Answer:
        self.spent += 1
        return Answer({"success": True, "message": "", "time": 0.4})

    def add(self, **given: Any) -> dict[str, Any]:
        """A channel that somebody made in its pages."""
        self._made += 1
        self.rows[self._made] = _USUAL | given | {"id": self._made}
        return self.rows[self._made]


def _wrong(given: dict[str, Any]) -> str:
    if len(given.get("remark") or "") > LONGEST_REMARK:
        return "Data too long for column 'remark'"
    long = [model for model in str(given.get("models") or "").split(",") if len(model) > LONGEST_MODEL]
    return f"模型名称过长: {long[0]}" if long else ""


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"key": ""}


def _ok(data: object) -> Answer:
    return Answer({"success": True, "message": "", "data": data})
