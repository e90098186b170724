"""`stationmaster ready`: what containers are asked by."""

from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

import certificates
import rig
from gateway import station
from stationmaster.cli.app import app
from stationmaster.sandbox.server import SandboxServer


def asked(*words: str) -> tuple[int, str]:
    """Exit code, and what was said."""
    done = CliRunner().invoke(app, ["--language", "en", "ready", *words])
    return done.exit_code, done.stderr


def test_a_listener_that_serves(gateway: rig.Gateway) -> None:
    """Exit code 0."""
    code, said = asked(gateway.url)
    assert code == 0
    assert "serves" in said


def test_nobody_there() -> None:
    """Exit code 1, and why."""
    with station.deaf_port() as port:
        code, said = asked(f"http://127.0.0.1:{port}")
    assert code == 1
    assert "does not answer" in said


def test_over_tls(vendor: SandboxServer, tmp_path: Path) -> None:
    """With the file of its certificate it is asked by address, whatever its names; an unknown one does not count."""
    pair = certificates.files(tmp_path, trustme.CA().issue_cert("gateway.example.test"))
    with station.running(vendor.url, pair.settings) as running:
        url = f"https://127.0.0.1:{running.port}"
        assert asked(url, "--certificate", str(pair.chain))[0] == 0
        code, said = asked(url)
        assert code == 1
        assert "SSLCertVerificationError" in said


@pytest.mark.parametrize("url", ["127.0.0.1:4000", "ftp://127.0.0.1", "http://"])
def test_what_is_no_address(url: str) -> None:
    """Exit code 2."""
    assert asked(url)[0] == 2
