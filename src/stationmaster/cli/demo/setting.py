"""The demo's stage: what it puts into the control plane, by noun, and the call to try. Data only."""

import json
from collections.abc import Mapping
from typing import Any, Final

ACTOR: Final = "demo"            # who made it all, as the audit trail has it: so it is found again, and nothing else
ADDRESS: Final = "127.0.0.1"     # where the simulated vendors are
KEY: Final = "demo"
DEFAULT_POOL: Final = "demo-openai"
REASON: Final = "demo: the simulated vendors on this machine"

_VENDORS: Final = {"demo-openai-a": "openai", "demo-openai-b": "openai", "demo-anthropic": "anthropic", "demo-gemini": "gemini"}
# Made up, and the same in every sandbox.
_WORKSPACES: Final = {
    "demo-openai": ("openai", "sk-admin-sandbox-demo"), "demo-anthropic": ("anthropic", "sk-ant-admin01-sandbox-demo"),
    "demo-copilot": ("github_copilot", "ghp_sandbox-demo"), "demo-cursor": ("cursor", "key_sandbox-demo"),
}  # fmt: skip
_TARGETS: Final = {"demo-litellm": ("litellm", "sk-master-demo")}
POOLS: Final[Mapping[str, tuple[str, ...]]] = {
    "demo-openai": ("demo-openai-a", "demo-openai-b"), "demo-anthropic": ("demo-anthropic",), "demo-gemini": ("demo-gemini",),
}
ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "demo-anthropic": ("claude-*",), "demo-gemini": ("gemini-*",),
    "demo-openai": ("gpt-*", "o*", "codex-*", "text-embedding-*", "*"),
}
QUESTION: Final = {
    "model": "gpt-4o-mini",
    "stream": True,
    "messages": [{"role": "user", "content": "What does a stationmaster do?"}],
}


def workspaces(port: int) -> list[dict[str, Any]]:
    """The labelled workspaces: the organisation `demo` of each simulated vendor, with its made-up admin key. Nobody's quota is
    spent there, so that calls need not be rare."""
    return [
        {"name": name, "vendor": vendor, "base_url": _address(vendor, port), "organisation": "demo", "secret": secret,
         "calls_per_minute": 6000}
        for name, (vendor, secret) in _WORKSPACES.items()
    ]  # fmt: skip


def targets(port: int) -> list[dict[str, Any]]:
    """The gateways to publish into, with their made-up admin credential."""
    return [
        {"name": name, "kind": kind, "base_url": f"http://{ADDRESS}:{port}/targets/{kind}/demo", "allow_insecure_http": True,
         "secret": secret, "calls_per_minute": 6000}
        for name, (kind, secret) in _TARGETS.items()
    ]  # fmt: skip


def credentials(port: int) -> list[dict[str, Any]]:
    """The credentials, less their secrets."""
    return [
        {"name": name, "vendor": vendor, "base_url": _address(vendor, port), "organisation": "demo"}
        for name, vendor in _VENDORS.items()
    ]


def _address(vendor: str, port: int) -> str:
    return f"http://{ADDRESS}:{port}" + ("/v1" if vendor == "openai" else "")


def curl(place: str, key: str) -> str:
    """Write the call to try, ready to paste."""
    return (
        f"curl -N http://{place}/v1/chat/completions \\\n"
        f"  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n"
        f"  -d '{json.dumps(QUESTION)}'"
    )
