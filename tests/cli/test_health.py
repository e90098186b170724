"""`stationmaster health check`: the real command against the simulated vendors."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stationmaster.sandbox.ledger import Entry, fingerprint
from stationmaster.sandbox.server import SandboxServer

Run = Callable[..., subprocess.CompletedProcess[str]]
FROM_HERE = "Asked from here: a running gateway goes by what it saw itself, which /metrics and its events tell.\n"
LITERAL = "--allow-literal-secrets"
GOOD = {"one": ("openai", "sk-health-one"), "two": ("anthropic", "sk-health-two"), "three": ("gemini", "health-three")}
BAD = {
    "refused": ("openai", "sk-health-sandbox-401", "suspect", "invalid_key", "invalid_api_key"),
    "closed": ("anthropic", "sk-health-sandbox-deactivated", "disabled", "suspended", "organization_on_hold"),
    "unpaid": ("azure_openai", "health-sandbox-quota", "disabled", "billing", "insufficient_quota"),
    "failing": ("openai", "sk-health-sandbox-503", "cooling", "upstream", "server_is_overloaded"),
}


def write(folder: Path, url: str, rows: dict[str, tuple[str, str]], more: str = "") -> None:
    """A config file with these credentials: id → vendor, secret."""
    tables = [
        f'[[credential]]\nid = "{name}"\nvendor = "{vendor}"\nsecret = "{secret}"\n'
        f'base_url = "{url}{"/v1" if vendor == "openai" else ""}"\n'
        for name, (vendor, secret) in rows.items()
    ]
    (folder / "gateway.toml").write_text("\n".join(tables) + more)


def heard(vendor: SandboxServer) -> list[Entry]:
    """What the vendor was asked with the credentials of these tests; other tests' gateways may still ask theirs."""
    secrets = [row[1] for row in (*GOOD.values(), *BAD.values())]
    ours = set(map(fingerprint, secrets))
    return [entry for entry in vendor.asked() if entry.credential in ours]


def table(text: str) -> list[list[str]]:
    """The printed cells, the heading first, without the milliseconds."""
    return [line.split()[:-1] for line in text.splitlines()]


def test_all_fine(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """Every credential is asked once, with a list of models; a row each, exit code 0. What that is not is
    said on stderr."""
    write(tmp_path, vendor.url, GOOD)
    vendor.forget()
    done = run("health", "check", LITERAL)
    assert (done.returncode, done.stderr) == (0, f"3 checked, 0 failed.\n{FROM_HERE}")
    assert table(done.stdout) == [
        ["id", "vendor", "state", "cause", "code"],
        ["one", "openai", "healthy", "-", "-"],
        ["two", "anthropic", "healthy", "-", "-"],
        ["three", "gemini", "healthy", "-", "-"],
    ]
    asked = {(entry.credential, entry.method, entry.path, entry.query) for entry in heard(vendor)}
    assert asked == {
        (fingerprint("sk-health-one"), "GET", "/v1/models", ""),
        (fingerprint("sk-health-two"), "GET", "/v1/models", "limit=1"),
        (fingerprint("health-three"), "GET", "/v1beta/models", "pageSize=1"),
    }
    assert len(heard(vendor)) == 3


def test_some_failed(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """What the vendor refuses is told with its cause and the vendor's word; exit code 1; no secret is printed."""
    write(tmp_path, vendor.url, {**GOOD, **{name: row[:2] for name, row in BAD.items()}})
    done = run("health", "check", LITERAL, "--output", "json")
    assert (done.returncode, done.stderr) == (1, f"7 checked, 4 failed.\n{FROM_HERE}")
    found = json.loads(done.stdout)
    assert found["ok"] is False
    rows = {row["id"]: (row["vendor"], row["state"], row["cause"], row["code"]) for row in found["credentials"]}
    assert {name: rows[name] for name in BAD} == {name: (row[0], *row[2:]) for name, row in BAD.items()}
    assert {rows[name][1] for name in GOOD} == {"healthy"}
    assert all(isinstance(row["milliseconds"], int) for row in found["credentials"])
    assert "health-sandbox" not in done.stdout + done.stderr


def test_a_limit_is_no_failure(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """A rate limited key is a valid key."""
    write(tmp_path, vendor.url, {"busy": ("openai", "sk-health-sandbox-429")})
    done = run("health", "check", LITERAL)
    assert done.returncode == 0
    assert table(done.stdout)[1] == ["busy", "openai", "cooling", "rate_limited", "rate_limit_exceeded"]


def test_an_operators_are_not_asked(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """disabled=true: shown as such, and the vendor hears nothing, even when it is named."""
    write(tmp_path, vendor.url, {**GOOD, "off": ("openai", "sk-health-sandbox-401")}, "disabled = true\n")
    vendor.forget()
    done = run("health", "check", LITERAL)
    assert done.returncode == 0
    assert table(done.stdout)[-1] == ["off", "openai", "disabled", "(operator)", "operator", "-"]
    named = run("health", "check", "off", LITERAL, "--output", "json")
    assert named.returncode == 0
    assert json.loads(named.stdout)["credentials"][0]["milliseconds"] is None
    assert fingerprint("sk-health-sandbox-401") not in {entry.credential for entry in vendor.asked()}


def test_one_of_them(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """A named credential is the only one asked."""
    write(tmp_path, vendor.url, GOOD)
    vendor.forget()
    done = run("health", "check", "two", LITERAL)
    assert [row[0] for row in table(done.stdout)] == ["id", "two"]
    assert [entry.credential for entry in heard(vendor)] == [fingerprint("sk-health-two")]


def test_a_name_that_nobody_has(run: Run, tmp_path: Path, vendor: SandboxServer) -> None:
    """Exit code 2 with the nearest name, and nobody is asked."""
    write(tmp_path, vendor.url, GOOD)
    vendor.forget()
    done = run("health", "check", "thre", LITERAL)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'error: no credential has the id "thre"\nhint: did you mean "three"?\n'
    assert heard(vendor) == []


@pytest.mark.parametrize("words", [["health"], ["health", "chek"], ["health", "check", "--output", "yaml"], ["health", "check"]])
def test_asked_wrongly(run: Run, words: list[str]) -> None:
    """No such verb, no such format, no config file: exit code 2, nothing on stdout."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr
