"""The READMEs' ten minutes, end to end: the ```shell blocks, pasted into one shell beside a real demo."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from docs.test_readme import READMES, blocks
from up.kit import Up, free_ports, running, until

pytestmark = [pytest.mark.timeout(600), pytest.mark.needs("curl")]      # seconds: everything is started anew


def here(text: str, up: Up, sandbox: int, folder: Path) -> str:
    """The tour's commands for this run's program, data folder, port and files."""
    found = {
        "$PWD/.venv/bin": Path(sys.executable).parent, "~/.local/share/stationmaster-demo": up.data, ":4010/": f":{sandbox}/",
        "/tmp/people.csv": folder / "people.csv",  # noqa: S108  the README's
    }  # fmt: skip
    for shown, used in found.items():
        assert shown in text
        text = text.replace(shown, str(used))
    return text


def vendor(sandbox: int, path: str = "") -> Any:
    """What is true at the simulated vendor."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sandbox}/sandbox/admin/openai/demo{path}") as answer:
        return json.load(answer)


def gateway(sandbox: int) -> Any:
    """What the simulated LiteLLM holds."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sandbox}/sandbox/targets/litellm/demo") as answer:
        return json.load(answer)


def test_the_tour(tmp_path: Path) -> None:
    """Fifty people from a file come to have seats, each by one invitation, and one of them leaves: the vendor agrees."""
    (sandbox,) = free_ports(1)
    with running(tmp_path, "--sandbox-port", str(sandbox), noun="demo") as up:
        until(lambda: "Running until Ctrl-C" in up.said)
        until(lambda: states(up) == {"ready": 4}, "the first readings")
        script = here("\n".join(blocks(READMES[0], "shell")), up, sandbox, tmp_path)
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=500, check=True, env=environ())
        told = done.stdout
        assert re.search(r"created +50\n", told), done.stderr
        steps = Counter(re.findall(r"^[-+=~ ] +(\w+) +demo-openai", told, re.MULTILINE))
        assert (steps["adopt"], steps["invite"], steps["remove"]) == (3, 47, 1)
        assert "5 of 50" in done.stderr
        assert re.search(r"Member 010 +removed +left", told)
        found, writes = vendor(sandbox), vendor(sandbox, "/writes")
        assert len(found["members"]) == 49
        assert "member-010@example.test" not in {row["email"] for row in found["members"]}
        invited = Counter(row["whom"] for row in writes if row["operation"].endswith("/invites"))
        assert set(invited.values()) == {1}
        assert len(invited) == 47
        assert re.search(r"team-a +demo-litellm +published +present", told)
        assert re.search(r"^1 +revoked .* minted", told, re.MULTILINE), "at the vendor, too"
        assert [row["operation"] for row in writes if "service_accounts" in row["operation"]], "which made it"
        until(lambda: gateway(sandbox)["held"] == [], "the copy's withdrawal")



def states(up: Up) -> dict[str, int]:
    """How many workspaces are in which state."""
    rows = json.loads(up.command("workspace", "list", "--output", "json"))["workspaces"]
    return dict(Counter(row["state"] for row in rows))


def environ() -> dict[str, str]:
    """A shell's, without what would lead commands elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATIONMASTER")}
    return {**kept, "LANG": "C", "COLUMNS": "200", "NO_PROXY": "127.0.0.1"}


def test_it_is_all_there() -> None:
    """The tour makes its file, imports, assigns, plans, approves, applies, reads again and lets somebody go."""
    text = "\n".join(blocks(READMES[0], "shell"))
    for words in (
        "person import", "assignment create", "plan make", "plan approve", "plan apply", "accept_after", "workspace run",
        "seat list", "person deactivate", "credential mint", "credential rotate", "credential revoke", "publication publish",
    ):  # fmt: skip
        assert words in text
