"""What the pages on vendors show is what runs: every command, at a terminal, in order, against the simulated vendors."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from docs.pasting import Done, typed
from docs.test_readme import ROOT, blocks
from stationmaster.gateway.config import load
from stationmaster.sandbox.server import SandboxServer
from up.kit import Up, running, until

pytestmark = pytest.mark.timeout(600)      # seconds: some fifty commands, each a process

PAGES = sorted(path.stem for path in (ROOT / "docs/vendors").glob("*.md") if path.stem != "index")
MAKING = (["workspace", "create"], ["credential", "create"], ["credential", "paste"], ["credential", "mint"])
ISSUERS = {"anthropic_federation": "anthropic", "entra": "entra", "aws": "sts", "google": "google"}
PENDING = 10      # exit code: changes are pending
CLIENT = "11111111-1111-1111-1111-111111111111"      # of the page on Azure


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Town"]:
    """Everything running over simulated vendors, with a group of one, as the pages take for granted."""
    folder = tmp_path_factory.mktemp("pages")
    with SandboxServer() as sandbox, running(folder, environ=_environ(folder)) as up:
        up.command("address", "allow", "127.0.0.1", "--reason", "simulated vendors")
        up.command("person", "create", "member-009@example.test")
        up.command("group", "create", "engineers")
        up.command("group", "add", "engineers", "member-009@example.test")
        made = Town(folder, sandbox, up)
        yield made
        made.close()


class Town:
    """The simulated vendors, and what stands here for what a page says of the world."""

    def __init__(self, folder: Path, sandbox: SandboxServer, up: Up) -> None:
        self.folder, self.sandbox, self.up = folder, sandbox, up
        self._rest = up.rest()
        self.typing = "secret-of-a-simulation-0123456789"      # for inference any will do

    def close(self) -> None:
        """Hang up."""
        self._rest.close()

    def paste(self, line: str) -> Done:
        """Run one line of a page here."""
        words = shlex.split(line)[1:]
        if words[:2] in MAKING:
            words = self._led_here(words)
        if words[:3] == ["credential", "source", "set"]:
            words = self._issued_here(words)
        if "proj_abc123" in words:
            words[words.index("proj_abc123")] = self._organisation("openai").projects.all()[0].id
        return typed([*words, "--data", str(self.up.data)], self.typing, self.folder, _environ(self.folder))

    def sources(self) -> dict[str, str]:
        """What fetches its secret by itself, and how it is."""
        return {row["credential"]: row["refresh"] for row in self._rows("sources")}

    def clear(self) -> None:
        """Take away what a page made: another makes some of the same name."""
        for noun in ("keys", "routes"):
            for row in self._rows(noun):
                answer = self._rest.delete(f"/{noun}/{row['id']}", headers={"If-Match": "*"})
                assert answer.status_code in (200, 204), answer.text

    def _rows(self, noun: str) -> list[dict[str, Any]]:
        answer = self._rest.get(f"/{noun}")
        assert answer.status_code == 200, answer.text
        return next(each for each in answer.json().values() if isinstance(each, list))

    def _led_here(self, words: list[str]) -> list[str]:
        vendor = _after(words, "--vendor") if "--vendor" in words else "openai"      # which mints
        path = "/v1" if vendor in {"openai", "openai_compatible"} else ""
        if words[0] == "workspace":
            self.typing = self._organisation(vendor).secret
        elif words[1] == "paste":
            self.typing = self._organisation(vendor).issue_key("research-a", "sk-ant-api03-")
        else:
            self.typing = "secret-of-a-simulation-0123456789"
        left = _without(_without(words, "--base-url"), "--organisation")
        place = ["--base-url", f"{self.sandbox.url}{path}", "--allow-insecure-http"]
        return [*left, *place, *(["--organisation", "demo"] if words[0] == "workspace" else [])]

    def _issued_here(self, words: list[str]) -> list[str]:
        kind = _after(words, "--kind")
        issuer = self.sandbox.tokens.make(ISSUERS[kind], words[3], client=CLIENT)
        self.typing = issuer.secret
        (self.folder / "token").write_text(issuer.identity)
        (self.folder / "service-account.json").write_text(_account())
        return [*words, "--option", f"address={issuer.base_url(self.sandbox.url)}"]

    def _organisation(self, vendor: str) -> Any:
        return self.sandbox.admin.find(vendor, "demo")


def _environ(folder: Path) -> dict[str, str]:
    """What the pages take for granted of the machine: identity tokens are files of a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATIONMASTER")}
    return {**kept, "LANG": "C", "TERM": "dumb", "COLUMNS": "200", "STATIONMASTER__IDENTITY__FOLDER": str(folder)}


def _after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def _without(words: list[str], option: str) -> list[str]:
    at = words.index(option) if option in words else len(words)
    return words[:at] + words[at + 2 :]


def _account() -> str:
    """A service account's file, as Google's console gives it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    address = "models@example.iam.gserviceaccount.com"
    return json.dumps({"type": "service_account", "client_email": address, "private_key": key, "token_uri": "https://x"})


def commands(page: str, language: str = "console") -> list[str]:
    """The commands of a page, in order, each in one line, without remarks."""
    text = "".join(blocks(page, language)).replace("\\\n", " ")
    return [re.sub(r"\s+#.*$", "", line.removeprefix("$ ")) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES)
def test_its_commands_run(page: str, town: Town) -> None:
    """Each ends well, a plan with changes pending; what is fetched by itself comes; the key that is made at last is shown."""
    shown = commands(f"docs/vendors/{page}.md")
    assert shown
    for line in shown:
        done = town.paste(line)
        assert done.status in ((PENDING, 0) if " plan make " in line else (0,)), f"{line}\n{done.told}{done.data}"
    until(lambda: set(town.sources().values()) <= {"ok"}, "the tokens")
    town.clear()


def test_the_file_is_accepted(tmp_path: Path) -> None:
    """What a page shows of gateway.toml is whole."""
    (text,) = blocks("docs/vendors/openai-compatible.md", "toml")
    (tmp_path / "gateway.toml").write_text(text)
    assert load(tmp_path / "gateway.toml", environ={"OWN_MODELS_KEY": "sk-of-our-own-models"}).routes[0].models == ("own-*",)
