"""One sandbox for all these tests, with an empty ledger for each, and three clients."""

from collections.abc import Iterator

import anthropic as anthropic_sdk
import httpx2
import openai as openai_sdk
import pytest
from anthropic import Anthropic
from openai import OpenAI

from asking import PLAIN
from stationmaster.sandbox.server import SandboxServer

KEY = "sk-sandbox-test"


@pytest.fixture(scope="session")
def running() -> Iterator[SandboxServer]:
    """A sandbox for the whole run."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def key() -> str:
    """The credential that every client here presents."""
    return KEY


@pytest.fixture
def sandbox(running: SandboxServer) -> SandboxServer:
    """The sandbox with an empty ledger."""
    running.forget()
    return running


@pytest.fixture
def openai(sandbox: SandboxServer) -> Iterator[OpenAI]:
    """OpenAI's client, which does not try again by itself."""
    http = openai_sdk.DefaultHttpxClient(verify=PLAIN)
    with OpenAI(base_url=f"{sandbox.url}/v1", api_key=KEY, max_retries=0, timeout=20, http_client=http) as client:
        yield client


@pytest.fixture
def anthropic(sandbox: SandboxServer) -> Iterator[Anthropic]:
    """Anthropic's client, which does not try again by itself."""
    http = anthropic_sdk.DefaultHttpxClient(verify=PLAIN)
    with Anthropic(base_url=sandbox.url, api_key=KEY, max_retries=0, timeout=20, http_client=http) as client:
        yield client


@pytest.fixture
def http(sandbox: SandboxServer) -> Iterator[httpx2.Client]:
    """Plain HTTP with a Bearer credential."""
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx2.Client(base_url=sandbox.url, headers=headers, verify=PLAIN, timeout=20) as client:
        yield client
