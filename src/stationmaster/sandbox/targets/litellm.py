"""A simulated LiteLLM proxy: credentials and deployments, as 1.106.2 answers (seen without a database; with one, its source:
proxy/credential_endpoints, proxy/management_endpoints/model_management_endpoints.py).

Both kinds of names are chosen by the caller: a second credential is 409, a second deployment 500. Secrets are masked, addresses
are not. Lists are one worker's memory and may lag; `/health` and the connection test call the vendor. Errors have three shapes.
"""

from copy import deepcopy
from typing import Any

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call, Gateway, Held
from stationmaster.sandbox.targets.paths import Params, chosen, whole

_NO_DATABASE = "DB not connected. This endpoint needs a database; set DATABASE_URL to enable it."
_TIMED = "2026-11-01T00:00:00+00:00"


class LiteLlm(Gateway):
    """One proxy. `database`: whether it has one; `stores`: whether models go into it; `lag`: so many lists show what was there
    before the last write. `checks`: stored results of health checks, by deployment."""

    KIND = "litellm"

    def __init__(self, *given: Any, database: bool = True, stores: bool = True, lag: int = 0, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.database, self.stores, self.lag = database, stores, lag
        self.credentials: dict[str, dict[str, Any]] = {}
        self.deployments: dict[str, dict[str, Any]] = {}
        self.checks: dict[str, dict[str, Any]] = {}
        self._before: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._unseen = 0
        self._routes = (
            ("GET", "/health/readiness/details", self._details), ("GET", "/credentials", self._list_credentials),
            ("POST", "/credentials", self._store), ("PATCH", "/credentials/{name}", self._change_credential),
            ("DELETE", "/credentials/{name}", self._drop_credential), ("GET", "/v2/model/info", self._models),
            ("POST", "/model/new", self._new), ("PATCH", "/model/{id}/update", self._patch),
            ("POST", "/model/delete", self._delete), ("POST", "/model/block", self._block),
            ("POST", "/model/unblock", self._block), ("GET", "/health/latest", self._latest),
            ("GET", "/health", self._live), ("POST", "/health/test_connection", self._live),
        )  # fmt: skip

    def usual_version(self) -> str:
        """The one that was run."""
        return "1.106.2"

    def new_secret(self) -> str:
        """A master key."""
        return f"sk-master-{self.name}"

    def failure(self, status: int, words: str, kind: str = "internal_server_error") -> Answer:
        """The shape of its own exceptions; the code is a text."""
        return Answer({"error": {"message": words, "type": kind, "param": "None", "code": str(status)}}, status)

    def held(self) -> list[Held]:
        """Credentials, each with the deployments that refer to it, then deployments that refer to none."""
        told = [Held(name, name, row["credential_values"].get("api_key", ""), row | {"deployments": self.of(name)})
                for name, row in self.credentials.items()]  # fmt: skip
        loose = [row for row in self.deployments.values() if _refers(row) not in self.credentials]
        return told + [Held(row["model_info"]["id"], str(row["model_info"].get("stationmaster", "")), "", row) for row in loose]

    def of(self, credential: str) -> list[dict[str, Any]]:
        """The deployments that refer to a credential."""
        return [row for row in self.deployments.values() if _refers(row) == credential]

    def answer(self, call: Call) -> Answer:
        """Refused, then done."""
        refused = self._refusal(call)
        if refused is not None:
            return refused
        found = chosen(self._routes, call)
        if found is None:
            return Answer({"detail": "Not Found"}, 404)
        if not self.lag or call.method == "GET":
            return found[0](call, found[1])
        self._before, self._unseen = (deepcopy(self.credentials), deepcopy(self.deployments)), self.lag
        return found[0](call, found[1])

    def _refusal(self, call: Call) -> Answer | None:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            return self.failure(401, "Authentication Error, No api key passed in.", "auth_error")
        if token == self.secret:
            return None
        if not self.database:
            return self.failure(400, "No connected db.", "no_db_connection")
        return self.failure(401, "Authentication Error, Invalid proxy server token passed.", "token_not_found_in_db")

    def _seen(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What this worker's memory has."""
        if self._unseen > 0:
            self._unseen -= 1
            return self._before
        return self.credentials, self.deployments

    def _details(self, _: Call, __: Params) -> Answer:
        db = "connected" if self.database else "Not connected"
        return Answer({"status": "healthy", "db": db, "cache": None, "litellm_version": self.version, "log_level": "WARNING"})

    def _list_credentials(self, _: Call, __: Params) -> Answer:
        rows = self._seen()[0].values()
        shown = [row | {"credential_values": _masked(row["credential_values"]), "source": "db"} for row in rows]
        return Answer({"success": True, "credentials": shown})

    def _store(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        if not given.get("credential_values"):
            return Answer({"detail": [{"type": "value_error", "loc": ["body"], "msg": "credential_values must be set"}]}, 422)
        if not self.database:
            return self.failure(500, str({"error": _NO_DATABASE}))
        name = given["credential_name"]
        if name in self.credentials:
            return self.failure(409, f"Credential '{name}' already exists. Update it, or delete it first.")
        self.credentials[name] = {
            "credential_name": name, "display_name": given.get("display_name"),
            "credential_info": given.get("credential_info") or {}, "credential_values": dict(given["credential_values"]),
        }  # fmt: skip
        return Answer({"success": True, "message": "Credential created successfully"})

    def _change_credential(self, call: Call, params: Params) -> Answer:
        given, row = call.fields(), self.credentials.get(params["name"])
        if "credential_info" not in given:
            return Answer({"detail": [{"type": "missing", "loc": ["body", "credential_info"], "msg": "Field required"}]}, 422)
        if not self.database:
            return self.failure(500, str({"error": _NO_DATABASE}))
        if row is None:
            return self.failure(404, "Credential not found in DB.")
        values = given.get("credential_values") or {}
        row["credential_values"] |= {name: value for name, value in values.items() if "****" not in value}
        for name in given.get("credential_values_to_delete") or ():
            row["credential_values"].pop(name, None)
        return Answer({"success": True, "message": "Credential updated successfully"})

    def _drop_credential(self, _: Call, params: Params) -> Answer:
        if not self.database:
            return self.failure(500, str({"error": _NO_DATABASE}))
        if self.credentials.pop(params["name"], None) is None:
            return self.failure(404, f"Credential not found. Got credential name: {params['name']}")
        return Answer({"success": True, "message": "Credential deleted successfully"})

    def _models(self, call: Call, _: Params) -> Answer:
        """Pages; secrets are left out."""
        if not self.database:
            return Answer({"detail": {"error": _NO_DATABASE}}, 500)
        page, size = whole(call.query.get("page", ""), 1), whole(call.query.get("size", ""), 50)
        rows = list(self._seen()[1].values())
        shown = [_shown(row) for row in rows[(page - 1) * size : page * size]]
        pages = -(-len(rows) // size)
        return Answer({"data": shown, "total_count": len(rows), "current_page": page, "total_pages": pages, "size": size})

    def _new(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        refused = self._unwritable()
        if refused:
            return refused
        info, params = dict(given.get("model_info") or {}), dict(given["litellm_params"])
        named = params.get("litellm_credential_name")
        if named and named not in self.credentials:
            return self.failure(400, f"Credential '{named}' does not exist. Create it first.", "validation_error")
        name = info.setdefault("id", f"made-{len(self.deployments)}")
        if name in self.deployments:
            return self.failure(500, str({"error": "Failed to add model to db. Check your server logs."}), "auth_error")
        self.deployments[name] = {
            "model_id": name, "model_name": given["model_name"], "litellm_params": params, "model_info": info,
            "blocked": bool(given.get("blocked")),
        }  # fmt: skip
        return Answer(self.deployments[name] | {"created_at": _TIMED})

    def _unwritable(self) -> Answer | None:
        if not self.database:
            return self.failure(500, str({"error": "No DB Connected."}), "auth_error")
        if not self.stores:
            return self.failure(500, str({"error": "Set `'STORE_MODEL_IN_DB='True'` in your env."}), "auth_error")
        return None

    def _patch(self, call: Call, params: Params) -> Answer:
        """Merges; nothing can be taken out."""
        if not self.database:
            return Answer({"detail": {"error": _NO_DATABASE}}, 500)
        given, row = call.fields(), self.deployments.get(params["id"])
        if row is None:
            return self.failure(404, f"Model {params['id']} not found on proxy.", "not_found_error")
        row["model_name"] = given.get("model_name") or row["model_name"]
        for part in ("litellm_params", "model_info"):
            row[part] |= {name: value for name, value in (given.get(part) or {}).items() if value is not None}
        return Answer(dict(row))

    def _block(self, call: Call, _: Params) -> Answer:
        row = self.deployments.get(str(call.fields().get("model_id")))
        if row is None:
            return self.failure(404, "Model not found on proxy.", "not_found_error")
        row["blocked"] = call.path.endswith("/block")
        return Answer(dict(row))

    def _delete(self, call: Call, _: Params) -> Answer:
        refused = self._unwritable()
        if refused:
            return refused
        name = str(call.fields().get("id"))
        if self.deployments.pop(name, None) is None:
            return self.failure(400, str({"error": f"Model with id={name} not found in db"}), "auth_error")
        return Answer({"message": f"Model: {name} deleted successfully"})

    def _latest(self, _: Call, __: Params) -> Answer:
        if not self.database:
            return Answer({"detail": {"error": "Database not initialized"}}, 500)
        return Answer({"latest_health_checks": self.checks, "total_models": len(self.checks)})

    def _live(self, _: Call, __: Params) -> Answer:
        self.spent += 1
        return Answer({"healthy_endpoints": [], "unhealthy_endpoints": [], "healthy_count": 0, "unhealthy_count": 0})


def _refers(row: dict[str, Any]) -> str:
    return str(row["litellm_params"].get("litellm_credential_name") or "")


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    params = {name: value for name, value in row["litellm_params"].items() if name != "api_key"}
    info = row["model_info"] | {"db_model": True, "blocked": row["blocked"], "key": params.get("model")}
    return {"model_name": row["model_name"], "litellm_params": params | {"use_in_pass_through": False}, "model_info": info}


def _masked(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name == "api_base" else f"{value[:2]}****{value[-2:]}" for name, value in values.items()}
