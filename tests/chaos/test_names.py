"""F17: name servers that refuse, say nothing, are slow, or lead somewhere else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import kit

SCRIPT = Path(__file__).with_name("names.py")


def own_network() -> str:
    """Why this machine does not allow a network and mounts of one's own; empty: it does."""
    done = subprocess.run(["unshare", "--net", "--mount", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "this user may not make a network of its own"


@pytest.mark.needs("unshare")
@pytest.mark.needs("ip")
def test_a_name_server_plays_tricks() -> None:
    """Whatever the name server does, the event loop comes round, and a place that is known is connected to by the address that it
    had; a name that is not known fails in time; a slow question is asked once for all that wait; and a name that leads to a
    private address of late is refused before anything connects."""
    if why := own_network():
        pytest.skip(why)
    reach = "known names: every connection by the last good address; the loop never blocked; nothing to a private address"
    done = "NXDOMAIN, SERVFAIL, no address, answers after 5 s, then a private address; a real name server in a network of its own"
    with kit.figure("F17", done, reach) as tell:
        found = json.loads(subprocess.run(["unshare", "--net", "--mount", sys.executable, str(SCRIPT)], capture_output=True,
                                          text=True, check=True, timeout=120).stdout)  # fmt: skip
        seen = found["seen"]
        known = {trick: seen[trick] for trick in ("nxdomain", "servfail", "empty", "slow")}
        held = all(each == {"connected": 20} for each in known.values())
        tell(f"{sum(each.get('connected', 0) for each in known.values())} of 80 connections to a known name; the loop came round "
             f"after {found['worst'] * 1000:.0f} ms at most; {found['came'].get('127.0.0.1', 0)} to the private address",
             held and "127.0.0.1" not in found["came"] and found["worst"] < 1)  # fmt: skip
    assert seen[""] == {"connected": 1}
    assert held, known
    assert {trick: seen[f"{trick}, unknown"] for trick in known} == {
        "nxdomain": {"gaierror": 1}, "servfail": {"gaierror": 1}, "empty": {"gaierror": 1}, "slow": {"TimeoutError": 1},
    }  # fmt: skip
    outcome, questions = seen["one question"]
    assert outcome == {"TimeoutError": 50}
    assert questions <= 2, "one for each kind of address at most"
    assert seen["rebinding"] == {"PermissionError": 5}
    assert found["came"].keys() == {"1.2.3.4"}
