"""The reverse-proxy configurations of docs/deploy.md, from the page: read by the programs; nginx's with a stream through it."""

import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import certificates
import rig
from deploy.reading import DEPLOY
from gateway import kit, plain, station
from gateway.upstream import Request, Upstream

PAGE = (DEPLOY.parent / "docs" / "deploy.md").read_text()


def block(language: str) -> str:
    """The page's one block of a language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def pair(tmp_path: Path) -> certificates.Files:
    """What the proxy shows."""
    return certificates.files(tmp_path, trustme.CA().issue_cert("ai.example.com"))


def written(language: str, pair: certificates.Files, port: int, gateways: tuple[int, int]) -> str:
    """The block, with files and ports of this machine's."""
    text = block(language)
    both = pair.chain.with_name("pair.pem")
    both.write_bytes(pair.chain.read_bytes() + pair.key.read_bytes())
    for before, after in (
        ("/etc/stationmaster/chain.pem", str(pair.chain)), ("/etc/stationmaster/key.pem", str(pair.key)),
        ("/etc/stationmaster/pair.pem", str(both)), ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("bind :443", f"bind 127.0.0.1:{port}"),
        ("127.0.0.1:4000", f"127.0.0.1:{gateways[0]}"), ("127.0.0.1:4010", f"127.0.0.1:{gateways[1]}"),
    ):  # fmt: skip
        text = text.replace(before, after)
    return text


@pytest.mark.needs("haproxy")
def test_haproxy_reads_it(pair: certificates.Files, tmp_path: Path) -> None:
    """`haproxy -c` has nothing to say against it."""
    (tmp_path / "conf").write_text(written("haproxy", pair, station.free_port(), (4000, 4010)))
    done = subprocess.run(["haproxy", "-c", "-q", "-f", str(tmp_path / "conf")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def nginx(folder: Path, servers: str) -> Iterator[None]:
    """nginx, with these servers, for the length of a with block."""
    paths = " ".join(f"{each}_temp_path {folder}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = f"daemon off; master_process off; pid {folder}/pid; events {{}} http {{ access_log off; {paths}\n{servers}\n}}"
    (folder / "conf").write_text(text)
    command = [str(shutil.which("nginx")), "-p", str(folder), "-c", str(folder / "conf"), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.needs("nginx")
def test_nginx_streams(pair: certificates.Files, tmp_path: Path) -> None:
    """Through nginx as the page has it: an event is there before the next one is sent, an upload arrives, and when one of the
    gateways is gone the other is asked."""
    further = threading.Event()

    def tell(request: Request) -> None:
        if b'"stream"' not in request.body:
            request.answer(b'{"length": %d}' % len(request.body))
            return
        request.open_stream()
        request.chunk(b'data: {"choices":[{"delta":{"content":"first"}}]}\n\n')
        further.wait(60)
        request.chunk(b"data: [DONE]\n\n")
        request.wire.sendall(b"0\r\n\r\n")

    port = station.free_port()
    client = certificates.trusting(trustme.CA())
    client.load_verify_locations(cadata=pair.chain.read_text())
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with (
        Upstream(tell) as upstream, rig.running_gateway(kit.wide(upstream.url)) as gateway, station.deaf_port() as nobody,
        nginx(tmp_path, written("nginx", pair, port, (nobody, gateway.port))),
        client.wrap_socket(_connected(port), server_hostname="ai.example.com") as sock,
    ):
        sock.sendall(_asked(plain.dump(plain.chat(stream=True))))
        plain.until(sock, b"first")
        further.set()
        plain.until(sock, b"[DONE]")
        plain.until(sock, b"0\r\n\r\n")
        sock.sendall(_asked(plain.dump(plain.chat(said="x" * 2_000_000))))
        assert json.loads(plain.read(sock, "POST").body)["length"] > 2_000_000


def _asked(body: bytes) -> bytes:
    fields = [plain.BEARER, plain.JSON, ("host", "ai.example.com")]
    return plain.head("POST", "/v1/chat/completions", fields, length=len(body)) + body


def _connected(port: int) -> socket.socket:
    """A connection, once somebody listens."""
    found: list[socket.socket] = []

    def come() -> bool:
        with contextlib.suppress(OSError):
            found.append(socket.create_connection(("127.0.0.1", port), 60))
        return bool(found)

    kit.wait_for(come)
    return found[0]
