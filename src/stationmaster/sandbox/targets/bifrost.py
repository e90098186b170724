"""A simulated Bifrost: providers and their keys, as its management handlers answer (maximhq/bifrost: core/schemas/envvar.go and
the handlers of transports/bifrost-http).

Ids are the caller's to choose, names are unique over all providers. A key is replaced as a whole; a masked value keeps the stored
one, an empty one is refused, one that begins with `env.` is a variable of its environment. Each key that is made or changed has
its models listed at the vendor. Private addresses want a flag.
"""

import ipaddress
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

from stationmaster.sandbox.admin.calls import Answer
from stationmaster.sandbox.targets.frame import Call, Gateway, Held
from stationmaster.sandbox.targets.paths import Params, chosen

STANDARD = ("openai", "anthropic", "gemini", "azure", "bedrock", "vertex", "mistral")
BASES = ("openai", "anthropic", "gemini", "bedrock", "cohere")
MASK = "*" * 24
_PARTS = ("name", "models", "blacklisted_models", "aliases", "weight", "enabled", "use_for_batch_api")


class Bifrost(Gateway):
    """One gateway. `guarded`: whether its management interface wants a token; `chooses_ids`: whether it gives ids of its own
    whatever the caller says. `listed`: whose models it asked vendors for."""

    KIND = "bifrost"

    def __init__(self, *given: Any, guarded: bool = True, chooses_ids: bool = False, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self.guarded, self.chooses_ids = guarded, chooses_ids
        if not guarded:
            self.secret = ""
        self.providers: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, dict[str, dict[str, Any]]] = {}
        self.listed: list[str] = []
        self._made = 0
        self.provide("openai")
        self._routes = (
            ("GET", "/api/providers", self._list), ("POST", "/api/providers", self._add),
            ("GET", "/api/providers/{provider}", self._provider), ("DELETE", "/api/providers/{provider}", self._drop_provider),
            ("GET", "/api/providers/{provider}/keys", self._list_keys), ("POST", "/api/providers/{provider}/keys", self._add_key),
            ("GET", "/api/providers/{provider}/keys/{key}", self._key), ("GET", "/api/version", self._version),
            ("PUT", "/api/providers/{provider}/keys/{key}", self._put_key),
            ("DELETE", "/api/providers/{provider}/keys/{key}", self._drop_key),
        )  # fmt: skip

    def usual_version(self) -> str:
        """A recent one."""
        return "v1.6.2"

    def new_secret(self) -> str:
        """A session's token."""
        return f"session-{self.name}"

    def failure(self, status: int, words: str) -> Answer:
        """Its error object."""
        return Answer({"is_bifrost_error": False, "status_code": status, "error": {"message": words}}, status)

    def held(self) -> list[Held]:
        """Keys."""
        return [Held(row["id"], f"{row['id']} {row['name']}" if row["id"] not in row["name"] else row["name"], row["value"],
                     row | {"provider": provider}) for provider, rows in self.keys.items() for row in rows.values()]  # fmt: skip

    def answer(self, call: Call) -> Answer:
        """Refused, then done."""
        if self.guarded and call.path != "/api/version" and call.headers.get("authorization") != f"Bearer {self.secret}":
            return self.failure(401, "Unauthorized")
        found = chosen(self._routes, call)
        return found[0](call, found[1]) if found else self.failure(404, f"Route not found: {call.path}")

    def provide(self, name: str, **given: Any) -> None:
        """A provider that somebody made."""
        self.providers[name] = {"name": name, "network_config": {"base_url": ""}, "provider_status": "active"} | given
        self.keys[name] = {}

    def _version(self, _: Call, __: Params) -> Answer:
        return Answer(self.version)

    def _list(self, _: Call, __: Params) -> Answer:
        return Answer({"providers": list(self.providers.values()), "total": len(self.providers)})

    def _provider(self, _: Call, params: Params) -> Answer:
        row = self.providers.get(params["provider"])
        return Answer(row) if row else self.failure(404, "Provider not found: not found")

    def _add(self, call: Call, _: Params) -> Answer:
        given = call.fields()
        name, network = str(given.get("provider") or ""), dict(given.get("network_config") or {})
        wrong = _wrong_provider(name, given, network)
        if wrong:
            return self.failure(400, wrong)
        if name in self.providers:
            return self.failure(409, f"Provider {name} already exists")
        self.provide(name, network_config={"base_url": ""} | network, custom_provider_config=given.get("custom_provider_config"))
        return Answer(self.providers[name])

    def _drop_provider(self, _: Call, params: Params) -> Answer:
        self.keys.pop(params["provider"], None)
        row = self.providers.pop(params["provider"], None)
        return Answer(row) if row else self.failure(404, "Provider not found: not found")

    def _list_keys(self, _: Call, params: Params) -> Answer:
        rows = self.keys.get(params["provider"])
        if rows is None:
            return self.failure(404, "Provider not found: not found")
        return Answer({"keys": [_shown(row) for row in rows.values()], "total": len(rows)})

    def _key(self, _: Call, params: Params) -> Answer:
        row = self.keys.get(params["provider"], {}).get(params["key"])
        return Answer(_shown(row)) if row else self.failure(404, "Provider key not found: not found")

    def _add_key(self, call: Call, params: Params) -> Answer:
        given, rows = call.fields(), self.keys.get(params["provider"])
        if rows is None:
            return self.failure(404, "Provider not found: not found")
        if not given.get("value"):
            return self.failure(400, "Key value must not be empty")
        self._made += 1
        name = str(given.get("id") or "") if not self.chooses_ids else ""
        row = _taken(given) | {"id": name or f"0b1f05e0-0000-4000-8000-{self._made:012d}", "value": _value(given["value"])}
        if self._is_taken(row["name"], row["id"]) or row["id"] in rows:
            return self.failure(409, "API key names must be unique across providers. Choose a different name")
        rows[row["id"]] = row
        self._ask_models(row)
        return Answer(_shown(row))

    def _put_key(self, call: Call, params: Params) -> Answer:
        given, rows = call.fields(), self.keys.get(params["provider"], {})
        old = rows.get(params["key"])
        if old is None:
            return self.failure(404, "Provider key not found: not found")
        value = old["value"] if MASK in str(given.get("value")) else _value(given.get("value") or "")
        if not value:
            return self.failure(400, "Key value must not be empty")
        row = _taken(given) | {"id": old["id"], "value": value, "name": given.get("name") or old["name"]}
        if self._is_taken(row["name"], row["id"]):
            return self.failure(409, "API key names must be unique across providers. Choose a different name")
        rows[old["id"]] = row
        self._ask_models(row)
        return Answer(_shown(row))

    def _drop_key(self, _: Call, params: Params) -> Answer:
        row = self.keys.get(params["provider"], {}).pop(params["key"], None)
        return Answer(_shown(row)) if row else self.failure(404, "Provider key not found: not found")

    def _is_taken(self, name: str, by_other_than: str) -> bool:
        return any(row["name"] == name and row["id"] != by_other_than for rows in self.keys.values() for row in rows.values())

    def _ask_models(self, row: dict[str, Any]) -> None:
        self.listed.append(row["id"])
        row |= {"status": "success", "description": ""}


def _wrong_provider(name: str, given: dict[str, Any], network: dict[str, Any]) -> str:
    custom, size = given.get("custom_provider_config"), given.get("concurrency_and_buffer_size") or {}
    if not name:
        return "Missing provider"
    if custom is None and name not in STANDARD:
        return f"Invalid provider: {name}"
    if custom is not None and (name in STANDARD or custom.get("base_provider_type") not in BASES):
        return "Custom provider cannot be same as a standard provider, and needs a supported base_provider_type"
    if size and not 0 < size.get("concurrency", 0) <= size.get("buffer_size", 0):
        return "Concurrency must be greater than 0 and less than or equal to buffer size"
    if _is_private(str(network.get("base_url") or "")) and not network.get("allow_private_network"):
        return "base_url resolves to a private address"
    return ""


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(address).hostname or "").is_private
    except ValueError:
        return False


def _taken(given: dict[str, Any]) -> dict[str, Any]:
    """A key is what was sent, and nothing else."""
    usual: dict[str, Any] = {"name": "", "models": [], "weight": 1.0, "enabled": True}
    return usual | {name: deepcopy(given[name]) for name in _PARTS if given.get(name) is not None}


def _value(text: str) -> str:
    """What is used: `env.X` names a variable, which is not set here."""
    return "(unset)" if text.startswith("env.") else text


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    text = row["value"]
    masked = "*" * len(text) if len(text) <= 8 else text[:4] + MASK + text[-4:]
    return row | {"value": {"value": masked, "env_var": "", "from_env": False}}
