"""What tests of the control plane share: actors, and the shortest valid things to store."""

from typing import Any

from stationmaster.store.actor import Actor

ADMIN = Actor("operator", "op_admin", "admin", "req-1")
OPERATOR = Actor("operator", "op_operator", "operator", "req-2")
VIEWER = Actor("operator", "op_viewer", "viewer", "req-3")
AUDITOR = Actor("operator", "op_auditor", "auditor", "req-4")
MEMBER = Actor("operator", "op_member", "member", "req-5")
GATEWAY = Actor("gateway", "gw-1", "gateway", "req-6")
NOBODY = Actor("operator")
CLI = Actor("cli", "root", "admin")

SECRET = "sk-proj-Qc8AZr2vTn5mXw0y"
ADMIN_SECRET = "sk-admin-Lp3kVb7dHs9qWe1t"


def a_credential(name: str = "openai-a", **more: Any) -> dict[str, Any]:
    """What makes a credential."""
    return {"name": name, "vendor": "openai", "secret": SECRET, **more}


def a_workspace(name: str = "acme", **more: Any) -> dict[str, Any]:
    """What attaches a workspace."""
    return {"name": name, "vendor": "openai", "secret": ADMIN_SECRET, **more}


def a_pool(name: str = "main", *credentials: str, **more: Any) -> dict[str, Any]:
    """What makes a pool of credentials that exist."""
    return {"name": name, "members": [{"credential": each} for each in credentials or ("openai-a",)], **more}
