"""Sentinels in place of every secret: whatever happens, no byte that the gateway writes holds one."""

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

import rig
from gateway import kit, plain, processes, station
from gateway.upstream import Request, Upstream
from stationmaster.sandbox.faults import ERRORS, SENTENCES
from stationmaster.sandbox.server import SandboxServer

SECRETS = {
    "openai": "sk-proj-CanaryOpenAI/9f8e+7d6c==x",
    "anthropic": "sk-ant-api03-CanaryAnthropic_5b4a-3c2d",
    "gemini": "AIzaSyCanaryGemini-1122334455667788",
    "azure_openai": "CanaryAzure00112233445566778899aabb",
}
VIRTUAL = "sm-CanaryVirtual/aabb+ccdd-eeff0011223344556677"


def spellings(secret: str) -> dict[str, bytes]:
    """A secret in every form in which it might leak."""
    raw = secret.encode()
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    whole = {pad: base64.b64encode(b"\0" * pad + raw).rstrip(b"=") for pad in range(3)}
    base64s = {f"base64 at {pad}": text[(0, 2, 3)[pad] : -2] for pad, text in whole.items()}
    return {
        "raw": raw, "url": quote(secret, safe="").encode(), "form": quote_plus(secret).encode(),
        "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode(), "json": json.dumps(secret)[1:-1].encode(),
        "json with slashes": json.dumps(secret)[1:-1].replace("/", "\\/").encode(), "json escaped": escaped.encode(),
        "url-safe": base64.urlsafe_b64encode(raw).rstrip(b"=")[:-2], **base64s,
    }  # fmt: skip


def hits(data: bytes, secrets: Mapping[str, str]) -> list[str]:
    """Which secrets, in which form, `data` holds."""
    lowered = data.lower()
    return [
        f"{name} {form}"
        for name, secret in secrets.items()
        for form, text in spellings(secret).items()
        if text in data or (form == "hex" and text in lowered)
    ]


def test_the_search_finds_them() -> None:
    """Every form is found in a text that holds it: the search would not miss one."""
    for name, secret in SECRETS.items():
        for text in spellings(secret).values():
            assert any(hit.startswith(name) for hit in hits(b"a " + text + b" b", SECRETS))
        for pad in range(3):
            assert hits(base64.b64encode(b"x" * pad + secret.encode() + b"y"), SECRETS)


GEMINI = "/v1beta/models/gemini-x:generateContent"
DOORS: list[tuple[str, dict[str, object]]] = [
    ("/v1/chat/completions", plain.chat()),
    ("/v1/responses", plain.responses()),
    ("/v1/messages", plain.messages()),
    (GEMINI, plain.gemini()),
    ("/openai/deployments/azure-x/chat/completions", plain.chat()),
]
CARRIERS = [
    ("", ("authorization", f"Bearer {VIRTUAL}")),
    ("", ("x-api-key", VIRTUAL)),
    ("", ("x-goog-api-key", VIRTUAL)),
    ("", ("api-key", VIRTUAL)),
    (f"key={quote(VIRTUAL, safe='')}", ("accept", "*/*")),
]


@pytest.fixture(scope="module")
def driven(vendor: SandboxServer) -> tuple[bytes, bytes]:
    """All that a gateway wrote, to its files and to its callers, while everything happened to it."""
    settings = """error_threshold = 1000
        answer_timeout_seconds = 1.0
        idle_timeout_seconds = 1.0
        drain_after_disconnect_seconds = 0.5"""
    options = ("--events", "events.jsonl", "--log-level", "debug")
    told: list[bytes] = []
    with station.running(vendor.url, settings, *options, secrets=SECRETS, key=VIRTUAL) as gateway:
        jobs = [
            (target, value, fault, stream, carrier)
            for number, ((target, value), fault, stream) in enumerate(
                itertools.product(DOORS, ["", *SENTENCES], [False, True])
            )
            if fault != "sandbox-long"
            for carrier in [CARRIERS[number % len(CARRIERS)]]
        ]
        with ThreadPoolExecutor(24) as pool:   # what takes a credential out of service comes last
            for _, phase in itertools.groupby(sorted(jobs, key=_phase), _phase):
                told += pool.map(lambda job: _drive(gateway.port, *job), list(phase))
        told += _refusals(gateway.port)
        gateway.end()
        written = b"".join(path.read_bytes() for path in (gateway.events, gateway.out, gateway.err))
        assert len(gateway.events.read_bytes().splitlines()) >= len(jobs)
    return written, b"\n".join(told)


def _phase(job: tuple[str, dict[str, object], str, bool, tuple[str, tuple[str, str]]]) -> int:
    return 0 if "echo" in job[2] else 2 if job[2] in ERRORS else 1


def _drive(
    port: int, target: str, value: dict[str, object], fault: str, stream: bool, carrier: tuple[str, tuple[str, str]]
) -> bytes:
    """One request that meets `fault`; every byte of its answer."""
    query, field = carrier
    if stream:
        target, value = target.replace(":generateContent", ":streamGenerateContent"), {**value, "stream": True}
    target += "?" + "&".join(part for part in (query, f"sandbox_fault={fault}", "alt=sse") if part)
    body = plain.dump(value)
    with plain.connected(port) as sock:
        fields = [field, plain.JSON, ("connection", "close")]
        sock.sendall(plain.head("POST", target, fields, length=len(body)) + body)
        return rig.read_all(sock)


def _refusals(port: int) -> list[bytes]:
    """Requests that are refused here, each carrying the key somewhere."""
    bearer = ("authorization", f"Bearer {VIRTUAL}")
    rows: list[tuple[str, str, bytes | None, list[tuple[str, str]]]] = [
        ("GET", "/v1/nothing", None, [bearer]),
        ("GET", f"/v1/nothing/{quote(VIRTUAL, safe='')}", None, [bearer]),
        ("DELETE", "/v1/responses", None, [bearer]),
        ("POST", "/v1/responses", b"{", [bearer]),
        ("POST", "/v1/responses", VIRTUAL.encode(), [bearer]),
        ("POST", "/v1/responses", b'{"model":5}', [bearer]),
        ("POST", "/v1/responses", b"{}", [bearer, ("content-encoding", VIRTUAL)]),
        ("POST", "/v1/responses", b"{}", [bearer, ("expect", VIRTUAL)]),
        ("POST", "/v1/audio/translations", b"x", [bearer, ("content-type", f"multipart/form-data; {VIRTUAL}")]),
        ("GET", "/v1/models", None, [bearer]),
        ("GET", f"/v1/files?key={quote(VIRTUAL)}", None, []),
        ("GET", "/v1/files", None, [("authorization", f"Bearer {VIRTUAL}x")]),
        ("GET", "/v1/files", None, [("authorization", f"Bearer {VIRTUAL}"), ("bad header", VIRTUAL)]),
        (VIRTUAL.split("/")[0], "/v1/files", None, [bearer]),
    ]
    told = []
    for method, target, body, fields in rows:
        with plain.connected(port) as sock:
            more = [*fields, ("connection", "close")]
            length = None if body is None else len(body)
            sock.sendall(plain.head(method, target, more, length=length) + (body or b""))
            told.append(rig.read_all(sock))
    return told


def test_nothing_is_written(driven: tuple[bytes, bytes]) -> None:
    """Events, stdout and stderr at debug level hold no upstream secret and no virtual key, in any form."""
    assert hits(driven[0], {**SECRETS, "virtual": VIRTUAL}) == []
    assert b'"event":"request"' in driven[0]


def test_nothing_is_answered(driven: tuple[bytes, bytes]) -> None:
    """No answer holds one either: not the errors that vendors echo keys in, and not ours."""
    assert hits(driven[1], {**SECRETS, "virtual": VIRTUAL}) == []
    assert b"upstream_error_withheld" in driven[1]
    assert b"upstream_credential" in driven[1]


@pytest.mark.parametrize("form", list(spellings("x")))
@pytest.mark.parametrize("framing", ["whole", "chunked"])
def test_an_echo_in_any_form(form: str, framing: str) -> None:
    """An upstream's error that repeats the secret, in whatever form, is withheld, however it arrives."""
    secret = f"{rig.SECRET}/+{'openai'}"
    echo = b'{"error":{"message":"bad key \'%b\'","code":"x"}}' % spellings(secret)[form]

    def tell(request: Request) -> None:
        if framing == "whole":
            request.answer(echo, "application/json", 400)
            return
        request.wire.sendall(b"HTTP/1.1 400 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(echo), 5):
            request.chunk(echo[at : at + 5])
        request.wire.sendall(b"0\r\n\r\n")

    with Upstream(tell) as upstream:
        snapshot = kit.with_secret(kit.wide(upstream.url), "openai", secret)
        with rig.running_gateway(snapshot) as gateway:
            answer = plain.post(gateway.port, "/v1/responses", plain.responses())
    assert (answer.status, answer.json()["error"]["code"]) == (502, "upstream_error_withheld")
    assert hits(answer.body, {"it": secret}) == []


@pytest.mark.parametrize("line", ["x-request-id: {}", "retry-after: {}", "content-language: {}", "x-y: {}"])
def test_an_echo_in_a_header(line: str) -> None:
    """A header that repeats the secret does not pass."""

    def tell(request: Request) -> None:
        request.answer(b'{"error":{}}', "application/json", 400, line.format(kit.SECRETS["openai"]))

    with Upstream(tell) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway:
        answer = plain.post(gateway.port, "/v1/responses", plain.responses())
    assert rig.SECRET not in str(answer)


BAD_FILES = [
    ('secret = "{}"', "literal"),
    ('secret = "env:{}"', "env"),
    ('secret = "file:{}"', "file"),
    ('secret = ["{}"]', "type"),
    ('secrte = "{}"', "unknown key"),
    ('secret = "{}', "syntax"),
    ('id = "{}"', "id"),
    ('base_url = "https://user:{}@host/v1"', "url"),
]


@pytest.mark.parametrize(("line", "what"), BAD_FILES, ids=[what for _, what in BAD_FILES])
def test_a_bad_config_does_not_repeat_it(tmp_path: Path, line: str, what: str) -> None:
    """A config error names file, line and key, never what stands there."""
    text = f'[gateway]\nport = 4100\n[[credential]]\nvendor = "openai"\n{line.format(SECRETS["openai"])}\n'
    (tmp_path / "gateway.toml").write_text(text)
    command = [sys.executable, "-m", "stationmaster", "gateway", "--log-level", "debug"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=50)
    assert done.returncode == 2
    assert b"gateway.toml:" in done.stderr
    assert hits(done.stdout + done.stderr, SECRETS) == []


def test_not_in_arguments(vendor: SandboxServer) -> None:
    """Neither the supervisor nor a worker shows a secret on its command line."""
    with station.running(vendor.url, secrets=SECRETS, key=VIRTUAL) as gateway:
        shown = b" ".join(map(processes.arguments, [gateway.process.pid, *gateway.workers()]))
    assert shown.count(b"stationmaster") >= 2
    assert hits(shown, SECRETS) == []
