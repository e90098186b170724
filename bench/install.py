"""LiteLLM and Portkey, each in a folder of its own under .cache/bench, from hash-pinned locks."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench import machine, proc

HERE = Path(__file__).resolve().parent
CACHE = HERE.parent / ".cache" / "bench"
LITELLM_LOCK = HERE / "litellm.lock"
PORTKEY_LOCK = HERE / "portkey" / "package-lock.json"
REFUSED = ("1.82.7", "1.82.8", "1.107.0")


class MissingError(Exception):
    """A gateway cannot be installed here; the others are measured without it."""


def litellm() -> Path:
    """LiteLLM's environment; made when its lock has changed."""
    if litellm_version() in REFUSED:
        raise MissingError(f"LiteLLM {litellm_version()} must never be installed")
    home = CACHE / f"litellm-{_mark(LITELLM_LOCK)}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)], HERE)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
        _run([*pip, "-r", str(LITELLM_LOCK)], HERE)
        (home / "complete").touch()
    return home


def litellm_version() -> str:
    """The version in the lock."""
    found = re.search(r"^litellm==(\S+)", LITELLM_LOCK.read_text(), re.MULTILINE)
    if found is None:
        raise MissingError(f"{LITELLM_LOCK.name} names no litellm")
    return found[1]


def portkey() -> Path:
    """Portkey's folder; made when its lock has changed."""
    if machine.which("node") is None or machine.which("npm") is None:
        raise MissingError("Node and npm are not installed: apt-get install nodejs npm")
    home = CACHE / f"portkey-{_mark(PORTKEY_LOCK)}"
    if not (home / "complete").exists():
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(PORTKEY_LOCK.parent, home, ignore=shutil.ignore_patterns("node_modules"))
        _run([machine.tool("npm"), "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"], home)
        (home / "complete").touch()
    return home


def portkey_version() -> str:
    """The version in the lock."""
    packages = json.loads(PORTKEY_LOCK.read_text())["packages"]
    return str(packages["node_modules/@portkey-ai/gateway"]["version"])


def _mark(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:12]


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=proc.timed_environment(proxies=True), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MissingError(f"{' '.join(command[:4])} … failed: {done.stderr.strip()[-300:]}")
