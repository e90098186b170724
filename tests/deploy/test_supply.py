"""What Stationmaster is made of is known: every part, its licence, and whether anybody looked for weaknesses."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tools import supply
from tools.supply import Part


def test_every_licence_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    """Of all that is passed on; one that is unknown, or that is not allowed in any choice of it, is refused."""
    assert supply.main(["licences"]) == 0
    assert "psycopg" in capsys.readouterr().out
    for licence, wrong in (("MIT", 0), ("GPL-3.0-only", 1), ("", 1), ("MIT OR GPL-3.0-only", 0), ("MIT AND GPL-3.0-only", 1)):
        assert len(supply.refused([Part("pypi", "x", "1", licence)])) == wrong


def test_the_list_has_every_part(tmp_path: Path) -> None:
    """What the run-time lock pins and what the console has from npm, each with version, licence and hashes; twice the same."""
    for name in ("a", "b"):
        assert supply.main(["sbom", str(tmp_path / name)]) == 0
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    made = json.loads((tmp_path / "a").read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    parts = {each["name"]: each for each in made["components"]}
    assert {"django", "cryptography", "htmx.org", "@tabler/core"} <= parts.keys()
    assert parts["django"]["externalReferences"][0]["hashes"][0]["alg"] == "SHA-256"
    assert all(each["licenses"] and each["purl"].startswith("pkg:") for each in parts.values())


@contextmanager
def answering(status: int, answer: Any) -> Iterator[str]:
    """A service that answers so; `answer` is made of the question."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps(answer(asked)).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its parent's name
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def _nothing(asked: Any) -> Any:
    return {"results": [{} for _ in asked["queries"]]}


def _one(asked: Any) -> Any:
    return {"results": [{"vulns": [{"id": "GHSA-test"}]} if "/django@" in each["package"]["purl"] else {}
                        for each in asked["queries"]]}  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), [(_nothing, 0), (_one, 1), (lambda _: {}, 2), (lambda _: {"results": []}, 2)])
def test_an_audit_says_what_it_found(
    answer: Any, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0: nothing is known; 1: weaknesses, by part; 2: an answer that is none."""
    with answering(200, answer) as address:
        monkeypatch.setenv("OSV_ADDRESS", address)
        assert supply.main(["audit"]) == code
    out, err = capsys.readouterr()
    assert ("GHSA-test" in out) == (code == 1)
    assert ("NOT AUDITED" in err) == (code == 2)


def test_an_audit_that_could_not_ask_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """No service, or one that refuses: it says that nothing was audited, and its exit code is no success."""
    monkeypatch.setenv("OSV_ADDRESS", "http://127.0.0.1:9/")
    assert supply.main(["audit"]) == 2
    assert "NOT AUDITED" in capsys.readouterr().err
    with answering(503, _nothing) as address:
        monkeypatch.setenv("OSV_ADDRESS", address)
        assert supply.main(["audit"]) == 2
