"""Callers of REST: tokens of every role, a browser's session, and nobody."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings
from django.test import Client

import databases  # noqa: F401  it sets Django up
from asking import PLAIN
from controlkit import CLI
from stationmaster.operators import services as operators
from stationmaster.operators.models import Operator
from stationmaster.store.actor import Actor

FORM = "a" * 32         # what a browser's form says, and its cookie
ROLES = ("viewer", "operator", "admin", "auditor", "member")


@dataclass
class Callers:
    """A client of each role by its name, `anonymous`, and the operators' ids."""

    clients: dict[str, httpx.Client]
    ids: dict[str, str]

    def __getitem__(self, role: str) -> httpx.Client:
        return self.clients[role]


@contextlib.contextmanager
def calling(url: str) -> Iterator[Callers]:
    """Make them. Members have no tokens: theirs is a browser."""
    with contextlib.ExitStack() as stack:
        ids = {role: str(_operator(role)["id"]) for role in ROLES}
        clients = {role: _browser(ids[role]) if role == "member" else _token(ids[role], role) for role in ROLES}
        made = {role: _client(url, **how) for role, how in clients.items()} | {"anonymous": _client(url)}
        for client in made.values():
            stack.enter_context(client)
        yield Callers(made, ids)


def browser(url: str, operator: str) -> httpx.Client:
    """A browser in which this operator is signed in, whose pages are ours."""
    return _client(url, **_browser(operator))


def code(answer: httpx.Response) -> str:
    """The code of an error."""
    return str(answer.json()["error"]["code"])


def _client(url: str, **how: Any) -> httpx.Client:
    return httpx.Client(base_url=f"{url}/api/v1", trust_env=False, verify=PLAIN, timeout=30, **how)


def _operator(role: str) -> Any:
    return operators.create_operator(CLI, {"email": f"{role}@example.com", "role": role})


def _token(operator: str, role: str) -> dict[str, Any]:
    actor = Actor("operator", operator, role, "req_test", person=operator)
    maker = actor if operators.allowed(actor, "tokens:create") else CLI
    text = operators.create_token(maker, {"name": role, "role": role}).secret.text
    return {"headers": {"authorization": f"Bearer {text}"}}


def _browser(operator: str) -> dict[str, Any]:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(Operator.objects.get(id=operator), backend=settings.AUTHENTICATION_BACKENDS[0])
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    cookies[settings.CSRF_COOKIE_NAME] = FORM
    return {"cookies": cookies, "headers": {"x-csrftoken": FORM}}
