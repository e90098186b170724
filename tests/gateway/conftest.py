"""A gateway whose default pool speaks every dialect, and the official clients pointed at it."""

from collections.abc import Iterator

import anthropic
import openai
import pytest

import rig
from asking import PLAIN
from gateway import kit
from stationmaster.gateway.server import worker
from stationmaster.sandbox.server import SandboxServer


@pytest.fixture(scope="session", autouse=True)
def _impatient() -> Iterator[None]:
    """Let workers look at their clocks, and write their events, ten times as often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "TICK", 0.05)
        yield


@pytest.fixture(scope="session")
def gateway(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway in front of the simulated vendors, one for the whole run."""
    with rig.running_gateway(kit.wide(vendor.url)) as running:
        yield running


@pytest.fixture
def ledger(vendor: SandboxServer) -> SandboxServer:
    """The simulated vendors with an empty ledger."""
    vendor.forget()
    return vendor


@pytest.fixture
def oai(gateway: rig.Gateway) -> Iterator[openai.OpenAI]:
    """OpenAI's client, which does not try again by itself."""
    http = openai.DefaultHttpxClient(verify=PLAIN)
    with openai.OpenAI(
        base_url=f"{gateway.url}/v1", api_key=rig.KEY, max_retries=0, timeout=20, http_client=http
    ) as client:
        yield client


@pytest.fixture
def ant(gateway: rig.Gateway) -> Iterator[anthropic.Anthropic]:
    """Anthropic's client, which does not try again by itself."""
    http = anthropic.DefaultHttpxClient(verify=PLAIN)
    with anthropic.Anthropic(base_url=gateway.url, api_key=rig.KEY, max_retries=0, timeout=20, http_client=http) as client:
        yield client
