"""Secrets come by stdin, file or prompt, and go nowhere else."""

import json
from pathlib import Path

import pytest
import typer
from django.db import connection

from cli.nouns.kit import ADMIN_SECRET, CANARIES, OTHER, SECRET, Cli, Wire
from stationmaster.cli import secret_input
from stationmaster.errors import StationmasterError


def test_by_stdin_or_file(cli: Cli, tmp_path: Path) -> None:
    """Either way the same secret is stored: handing it over again changes nothing."""
    (tmp_path / "key").write_text(f"{SECRET}\n")
    made = cli.json("credential", "create", "a", "--vendor", "openai", "--secret-file", str(tmp_path / "key"))
    again = cli.json("credential", "update", "a", "--secret", "-", stdin=f"{SECRET}\r\n")
    assert again["revision"] == made["revision"]
    assert cli.json("credential", "update", "a", "--secret", "-", stdin=OTHER)["revision"] > made["revision"]


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        ([], "", "nobody is here to be asked"),
        (["--secret", "-"], "", "empty"),
        (["--secret", "-"], "x" * 70_000, "too long"),
        (["--secret", "plain"], "", "never an argument"),
        (["--secret", "-", "--secret-file", "x"], "y", "two ways"),
        (["--secret-file", "missing"], "", "cannot be read"),
    ],
)
def test_asked_for_wrongly(here: Cli, words: list[str], stdin: str, said: str) -> None:
    """What is no secret, or comes in no good way, is refused with exit code 2."""
    assert said in here("credential", "create", "a", "--vendor", "openai", *words, stdin=stdin, code=2).err


@pytest.mark.parametrize(
    "words",
    [
        ["credential", "create", SECRET, "--vendor", "openai"],
        ["credential", "create", "a", "--vendor", "openai", "--secret", SECRET],
        ["credential", "create", "a", "--vendor", "openai", f"--secret={SECRET}"],
        ["credential", "create", "a", "--vendor", "openai", "--secrt", SECRET],
        ["credential", "update", "a", "--reason", f"was {SECRET}"],
        ["credential", "list", "--search", SECRET],
        ["workspace", "create", "a", ADMIN_SECRET],
        ["key", "show", "sm-4zzNFzkU0VROCHWUG2ITLLsKj46IyvcMYK_othb5uTY"],
        ["key", "show", "sk-ant-api03-Hy7Lw3pKd9sXv2bN"],
        ["nonsense", "AIzaSyD4x8Qc8AZr2vTn5mXw0yHy7Lw3pKd9sXv2"],
        ["nonsense", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0"],
    ],
)
def test_arguments_that_look_like_secrets(here: Cli, words: list[str]) -> None:
    """They are refused before anything repeats them, wherever they stand."""
    done = here(*words, code=2)
    assert "looks like a secret" in done.err
    assert not [word for word in words if len(word) > 20 and word in done.err + done.out]


@pytest.mark.parametrize(
    "word",
    ["openai-a", "sk-team", "/etc/keys/sk-openai.txt", "cred_01m80whajthxv32y5qkqspqw92", "gpt-5-mini-2026-01-01", "ab" * 32,
     "fast=claude-sonnet-4-5-20250929", "a,weight=2,models=gpt-*+o3", "https://smart-gateway.example.com/v1"],
)  # fmt: skip
def test_names_are_no_secrets(word: str) -> None:
    """Names, ids, models, hashes, addresses and paths are left alone."""
    secret_input.refuse_secrets([word])


def test_a_prompt_shows_nothing(here: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """At a terminal the secret is asked for, on stderr and without echo."""
    asked: list[tuple[str, dict[str, bool]]] = []

    def prompt(text: str, **how: bool) -> str:
        asked.append((text, how))
        return f" {SECRET}\n"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert secret_input.asked_for("a") == SECRET
    assert asked == [("Secret of a", {"hide_input": True, "err": True})]


def test_canaries_are_nowhere(cli: Cli, wire: Wire, tmp_path: Path) -> None:
    """Whatever is done with secrets, none is in any output, nor as itself in the database, nor in REST's addresses."""
    printed = []

    def did(*words: str, stdin: str = "", code: int | None = 0) -> None:
        done = cli(*words, stdin=stdin, code=code)
        printed.append(done.out + done.err)

    did("workspace", "create", "acme", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET)
    did("credential", "create", "a", "--vendor", "openai", "--secret", "-", stdin=SECRET)
    did("credential", "update", "a", "--secret", "-", stdin=OTHER)
    did("credential", "create", "a", "--vendor", "openai", "--secret", "-", stdin=SECRET, code=1)
    did("credential", "create", "b", "--vendor", "openia", "--secret", "-", stdin=SECRET, code=1)
    did("credential", "create", "b", "--vendor", "openai", "--secret", "-", stdin=f"{SECRET} {OTHER}", code=1)
    did("credential", "create", "b", "--vendor", "openai", "--secret", "-", stdin=ADMIN_SECRET, code=1)
    file = tmp_path / "gateway.toml"
    file.write_text(f'[[credential]]\nid = "c"\nvendor = "openai"\nsecret = "{SECRET}"\n')
    did("apply", str(file), "--yes", code=2)
    did("apply", str(file), "--yes", "--allow-literal-secrets", "--output", "json")
    file.write_text(f'[[credential]]\nid = "c"\nvendor = "openai"\nsecret = "{OTHER}"\n')
    did("apply", str(file), "--yes", "--allow-literal-secrets")
    for noun in ("workspace", "credential", "audit"):
        for form in ("table", "json", "jsonl", "csv"):
            did(noun, "list", "--all", "--output", form)
    did("export")
    did("export", "--output", "yaml")
    connection.ensure_connection()
    stored = "\n".join(connection.connection.iterdump())
    for text in (*printed, stored, json.dumps(wire.calls)):
        assert not [secret for secret in CANARIES if secret in text]
    assert sum("c" in text for text in printed)


def test_errors_repeat_no_secret_of_a_file(tmp_path: Path) -> None:
    """A file that is no text says so, and nothing else."""
    (tmp_path / "x").write_bytes(SECRET.encode() + b"\xff")
    with pytest.raises(StationmasterError) as caught:
        secret_input.secret_of(tmp_path / "x")
    assert caught.value.message == "the file holds no text"
