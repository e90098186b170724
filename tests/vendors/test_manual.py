"""A vendor without an interface, and SDKs that the environment tells to talk."""

import os
import subprocess
import sys

from line.scripted import answer, scripted
from stationmaster.vendors._base import Access, HasInvites, HasMembers, HasProjects, HasSeats, Identifies, Probes
from stationmaster.vendors.manual import Adapter


def test_nothing_can_be_asked_of_it() -> None:
    """Whatever is done there is done by people: the adapter offers no capability at all."""
    adapter = Adapter(Access("manual"))
    assert not isinstance(adapter, Identifies | HasMembers | HasInvites | HasSeats | HasProjects | Probes)


_ASKING = """
import logging, sys
from stationmaster.vendors._base import Access
from stationmaster.vendors.registry import open_vendor
for name in ("openai", "anthropic"):
    access = Access(name, secret="sk-admin-talkative-secret", base_url=sys.argv[1], allowed=frozenset({"127.0.0.1"}))
    adapter = open_vendor(access)
    try:
        adapter.invite("member-007@example.test", "reader")
    except Exception as error:
        print(type(error).__name__)
logging.getLogger("openai").debug("still here")
"""


def test_sdks_stay_silent_though_the_environment_tells_them_to_talk() -> None:
    """An SDK that is loaded with its log switch on writes neither people's addresses nor credentials anywhere."""
    environment = {**os.environ, "OPENAI_LOG": "debug", "ANTHROPIC_LOG": "debug", "PYTHONPATH": os.pathsep.join(sys.path)}
    with scripted(answer({"error": {"message": "no"}}, 400)) as peer:
        done = subprocess.run(
            [sys.executable, "-c", _ASKING, peer.url], capture_output=True, text=True, check=True, timeout=60, env=environment
        )
    assert done.stdout.split() == ["Rejected", "Rejected"]
    assert len(peer.requests) == 2
    assert done.stderr == ""
