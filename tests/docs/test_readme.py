"""What the READMEs show is what runs. Blocks: ```sh needs curl, ```python the SDKs, ```toml a file.

The blocks of coding agents (bash, and Codex's toml) run in `make test-clients`, those of the ten minutes (shell) in
`test_tour.py`.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

import rig
from stationmaster.cli.app import app
from stationmaster.gateway.config import load

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(name: str, language: str) -> list[str]:
    """The code blocks of one language."""
    return [text for tag, text in BLOCK.findall((ROOT / name).read_text()) if tag == language]


def here(text: str, gateway: rig.Gateway) -> str:
    """A block with the tour's address and key replaced by this run's."""
    text = text.replace("http://127.0.0.1:4000", gateway.url)
    return re.sub(r"^export STATIONMASTER_KEY=.*$", f"export STATIONMASTER_KEY={rig.KEY}", text, flags=re.MULTILINE)


@pytest.mark.needs("curl")
@pytest.mark.parametrize("name", READMES)
def test_shell_blocks(name: str, gateway: rig.Gateway) -> None:
    """Pasted one after another into a shell, the curl tour lists models and streams an answer."""
    script = "set -eu\n" + here("\n".join(blocks(name, "sh")), gateway)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=50, check=True)
    assert '"object": "list"' in done.stdout
    assert "hello" in done.stdout
    assert done.stdout.rstrip().endswith("data: [DONE]")


@pytest.mark.parametrize("name", READMES)
def test_python_blocks(name: str, gateway: rig.Gateway) -> None:
    """Each SDK block is a whole program that prints the answer."""
    programs = blocks(name, "python")
    assert len(programs) == 2
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-c", here(program, gateway)],
            capture_output=True, text=True, timeout=60, check=True, env={"STATIONMASTER_KEY": rig.KEY},
        )
        assert "hello" in done.stdout


@pytest.mark.parametrize("name", READMES)
def test_configuration_block(name: str, tmp_path: Path) -> None:
    """The example gateway.toml is accepted as it stands."""
    text = next(block for block in blocks(name, "toml") if "[[credential]]" in block)
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    assert load(path, environ={"OPENAI_KEY_A": "sk-proj-example"}).routes[0].aliases == {"fast": "gpt-4o-mini"}


@pytest.mark.parametrize("name", READMES)
def test_several_credentials_block(name: str, tmp_path: Path) -> None:
    """The example of pools, limits and a budget is accepted as it stands, and shows one of each."""
    (text,) = [block for block in blocks(name, "toml") if "budget" in block]
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    secrets = {"OPENAI_KEY_A": "sk-proj-a", "OPENAI_KEY_B": "sk-proj-b", "AZURE_KEY": "azure-key"}
    snapshot = load(path, environ=secrets)
    assert snapshot.routes[0].fallback == ("reserve",)
    assert [member.weight for member in snapshot.pools[0].members] == [3, 1]
    assert (snapshot.keys[0].rpm, snapshot.keys[0].budget.day) == (60, 5 * 10**9)


@pytest.mark.parametrize("name", READMES)
def test_commands_exist(name: str) -> None:
    """Each command of ours that is shown is one, with the options it is shown with."""
    shown = [line.split()[1:] for block in blocks(name, "") for line in block.splitlines() if "stationmaster" in line]
    for words in shown:
        told = CliRunner().invoke(app, [*words, "--help"])
        assert told.exit_code == 0, words
        assert all(word in told.output for word in words if word.startswith("--")), words


@pytest.mark.parametrize("name", READMES)
def test_every_block_has_a_test(name: str) -> None:
    """No block escapes: its language is one that runs here or in `make test-clients`, or it is plain commands
    whose words the command line knows."""
    plain = [line for block in blocks(name, "") for line in block.splitlines()]
    assert {tag for tag, _ in BLOCK.findall((ROOT / name).read_text())} <= {"", "sh", "shell", "python", "toml", "bash"}
    assert all(line.startswith(("make run", "make test", ".venv/bin/stationmaster ")) for line in plain)
    codex = next(block for block in blocks(name, "toml") if "model_providers" in block)
    assert tomllib.loads(codex)["model_providers"]["stationmaster"]["wire_api"] == "responses"


@pytest.mark.parametrize("name", READMES)
def test_coding_agents_blocks(name: str) -> None:
    """What the READMEs tell Codex and Claude Code is what docs/clients.md tells them, whose blocks
    `make test-clients` runs."""
    page = (ROOT / "docs" / "clients.md").read_text()
    tested = dict(re.findall(r"<!-- block: ([a-z-]+) -->\n+```[a-z]+\n(.*?)```", page, re.DOTALL))
    assert tested["codex"] in blocks(name, "toml")
    assert all(tested["claude-code"].startswith(block) for block in blocks(name, "bash"))


def test_both_languages_show_the_same_code() -> None:
    """A translation changes words, not code."""
    def strip(text: str) -> str:
        return re.sub(r" *#.*$", "", text, flags=re.MULTILINE)

    english, chinese = (BLOCK.findall((ROOT / name).read_text()) for name in READMES)
    assert [(tag, strip(text)) for tag, text in english] == [(tag, strip(text)) for tag, text in chinese]
