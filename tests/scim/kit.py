"""What tests of SCIM share: a directory that asks, and the shortest bodies."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx

from controlkit import CLI
from stationmaster.operators import services as operators
from stationmaster.people.scim.shape import ENTERPRISE, GROUP, USER
from stationmaster.store.actor import Actor

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
SCIM = Actor("token", "tok_scim", "scim", "req-scim")

__all__ = ["ENTERPRISE", "GROUP", "PATCH", "SCIM", "SEARCH", "USER", "Directory", "a_user", "directory_of", "op"]


class Directory(httpx.Client):
    """A client with a SCIM token. Paths are relative to the SCIM root."""

    def made(self, name: str = "ada", /, **more: Any) -> dict[str, Any]:
        """Create a user; it as it was answered."""
        answer = self.post("/Users", json=a_user(name, **more))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def grouped(self, name: str, *members: str) -> dict[str, Any]:
        """Create a group with these persons."""
        answer = self.post("/Groups", json={"schemas": [GROUP], "displayName": name, "members": [{"value": m} for m in members]})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def changed(self, path: str, *operations: dict[str, Any], **more: Any) -> httpx.Response:
        """PATCH something."""
        return self.patch(path, json={"schemas": [PATCH], "Operations": list(operations)}, **more)

    def found(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """The resources of a search."""
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return list(answer.json().get("Resources", []))


@contextlib.contextmanager
def directory_of(url: str) -> Iterator[Directory]:
    """Make a token and a client that presents it."""
    token = operators.create_scim_token(CLI, {"name": "directory"}).secret.text
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    with Directory(base_url=f"{url}/scim/v2", trust_env=False, timeout=60, headers=headers) as client:
        yield client


def a_user(name: str = "ada", /, **more: Any) -> dict[str, Any]:
    """What creates a user."""
    return {"schemas": [USER], "userName": f"{name}@example.test", "active": True, **more}


def op(kind: str, path: str | None = None, value: Any = None) -> dict[str, Any]:
    """One operation of a PATCH."""
    return {"op": kind, **({"path": path} if path else {}), **({"value": value} if value is not None else {})}
