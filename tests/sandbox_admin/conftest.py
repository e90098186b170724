"""One sandbox for all these tests, a new organisation for each, a clock that is turned by hand, and the vendors' own clients."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from anthropic import Anthropic
from openai import OpenAI

from sandbox_admin.kit import Clock, Github, Make
from stationmaster.sandbox.admin import Admin, Organisation
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="session")
def clock() -> Clock:
    """The clock of all organisations here."""
    return Clock()


@pytest.fixture(scope="session")
def sandbox(clock: Clock) -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer(admin=Admin(clock=clock)) as server:
        yield server


@pytest.fixture(scope="session")
def make(sandbox: SandboxServer) -> Make:
    """Makes an organisation of a name that was never used: `make("openai", people=3, seats=4)`."""
    numbers = count(1)

    def made(vendor: str, people: int = 3, **settings: Any) -> Organisation:
        return sandbox.admin.make(vendor, f"o{next(numbers)}", people, **settings)

    return made


@pytest.fixture
def openai(sandbox: SandboxServer) -> Iterator[Callable[[Organisation], Any]]:
    """OpenAI's administration client for an organisation; answers must be what its types say."""
    clients: list[OpenAI] = []

    def opened(organisation: Organisation) -> Any:
        clients.append(OpenAI(
            admin_api_key=organisation.secret, api_key="unused", base_url=organisation.base_url(sandbox.url), max_retries=0,
            timeout=20, _strict_response_validation=True,
        ))  # fmt: skip
        return clients[-1].admin.organization

    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def anthropic(sandbox: SandboxServer) -> Iterator[Callable[[Organisation], Anthropic]]:
    """Anthropic's client for an organisation, likewise."""
    clients: list[Anthropic] = []

    def opened(organisation: Organisation) -> Anthropic:
        clients.append(Anthropic(
            api_key=organisation.secret, base_url=organisation.base_url(sandbox.url), max_retries=0, timeout=20,
            _strict_response_validation=True,
        ))  # fmt: skip
        return clients[-1]

    yield opened
    for client in clients:
        client.close()


@pytest.fixture
def github(sandbox: SandboxServer) -> Callable[[Organisation], Github]:
    """githubkit for an organisation."""
    return lambda organisation: Github(organisation, sandbox.url)


@pytest.fixture
def http(sandbox: SandboxServer) -> Iterator[httpx.Client]:
    """Plain HTTP, without a credential."""
    with httpx.Client(base_url=sandbox.url, timeout=20) as client:
        yield client
