"""What docs/seats.md says of simulated organisations is so."""

import json
import subprocess

import pytest

from docs.test_readme import blocks
from stationmaster.sandbox.server import SandboxServer
from stationmaster.vendors._base import Access
from stationmaster.vendors.registry import open_vendor

pytestmark = pytest.mark.needs("curl")


def test_an_organisation_of_ones_own() -> None:
    """The calls of the page make one, and its address and admin key open it."""
    (block,) = blocks("docs/seats.md", "sh")
    with SandboxServer() as sandbox:
        script = block.replace("http://127.0.0.1:4010", sandbox.url)
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=50, check=True)
        *_, shown = done.stdout.replace("}{", "}\n{").splitlines()
        told = json.loads(shown)
        assert len(told["members"]) >= 5
        here = frozenset({"127.0.0.1"})
        adapter = open_vendor(Access(vendor="openai", secret=told["secret"], base_url=told["base_url"], allowed=here))
        assert adapter.identify().id == told["id"]
