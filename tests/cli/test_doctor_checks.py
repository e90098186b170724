"""Each check: what it finds, how grave that is, and that whatever is not good says what to do."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

import certificates
import rig
from stationmaster import i18n
from stationmaster.diagnosis import Finding, database, encryption, folder, machine, ports, wishes
from stationmaster.diagnosis.database import DAY, EndingCredential, GatewayToken, Queue, SeenGateway
from stationmaster.diagnosis.ports import Port
from stationmaster.errors import StationmasterError
from stationmaster.settings import Flag, Settings, load, with_saved
from stationmaster.vault import keyring

GATEWAY = Port("port.gateway", "gateway.port", "127.0.0.1", 0, "/v1/models")
CANARY = "sk-canary-5f0c1d2e3b4a"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    token = i18n._language.set("en")
    yield
    i18n._language.reset(token)


def settings_with(**values: Any) -> Settings:
    """Settings with these values; `__` stands for the dot in a name."""
    flags = {name.replace("__", "."): Flag("--x", value) for name, value in values.items()}
    return load(environ={}, folder=Path("/nowhere"), flags=flags)


def judged(finding: Finding, severity: str, words: str) -> None:
    """The finding is this grave and says this; it has something to do exactly if it is not good."""
    assert (finding.severity, bool(finding.fix)) == (severity, severity != "ok"), finding
    assert words in f"{finding.what} {finding.fix}"
    assert "\n" not in finding.what + finding.fix


# The machine.


@pytest.mark.parametrize(
    ("version", "severity"), [((3, 10, 9), "broken"), ((2, 7), "broken"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok"), ((4, 0), "ok")]
)
def test_python(version: Sequence[int], severity: str) -> None:
    """3.11 is the oldest that will do."""
    judged(machine.python(version), severity, ".".join(map(str, version)))


@pytest.mark.parametrize(("hard", "severity"), [(1024, "warning"), (4095, "warning"), (4096, "ok"), (1 << 40, "ok")])
def test_open_files(hard: int, severity: str) -> None:
    """Fewer than 4,096 files are few for streams."""
    judged(machine.open_files(hard), severity, str(hard))


def test_certificates() -> None:
    """Without certificates of the system no vendor is reached."""
    judged(machine.certificates(True, "/etc/ssl"), "ok", "/etc/ssl")
    judged(machine.certificates(False, ""), "broken", "ca-certificates")


@pytest.mark.parametrize(("free", "severity"), [(0, "broken"), (99, "broken"), (100, "warning"), (1023, "warning"), (1024, "ok")])
def test_disk(free: int, severity: str) -> None:
    """Below 100 MiB it is broken, below 1 GiB a warning."""
    judged(machine.disk(free, Path("/data")), severity, f"{free} MiB are free for /data")


@pytest.mark.parametrize(
    ("environ", "severity", "words"),
    [
        ({}, "ok", "no proxy"),
        ({"HTTPS_PROXY": ""}, "ok", "no proxy"),
        ({"HTTPS_PROXY": f"http://u:{CANARY}@p.example:3128"}, "warning", "p.example:3128"),
        ({"ALL_PROXY": "p.example"}, "warning", "ALL_PROXY sends everything through p.example"),
        ({"https_proxy": "http://p.example", "no_proxy": "a, localhost"}, "ok", "p.example"),
        ({"https_proxy": "http://p.example", "NO_PROXY": "127.0.0.1"}, "ok", "leaves this machine"),
        ({"https_proxy": "http://p.example", "NO_PROXY": "*"}, "ok", "leaves this machine"),
        ({"https_proxy": "http://[p", "NO_PROXY": "*"}, "ok", "?"),
    ],
)
def test_proxies(environ: dict[str, str], severity: str, words: str) -> None:
    """A proxy is named without its password; one that takes calls to this machine too is a warning."""
    finding = machine.proxies(environ)
    judged(finding, severity, words)
    assert CANARY not in repr(finding)


# The data folder.


def test_rights(tmp_path: Path) -> None:
    """0700 and 0600 all the way down; what is open is named, and the line that closes it closes it."""
    data = tmp_path / "data"
    judged(folder.rights(data), "ok", "does not exist yet")
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    judged(folder.rights(data), "broken", f"chmod 700 {data}")
    data.chmod(0o700)
    (data / "spool").mkdir()
    (data / "spool" / "a").touch(mode=0o644)
    (data / "spool" / "a").chmod(0o644)
    (data / "link").symlink_to("/etc/hostname")
    finding = folder.rights(data)
    judged(finding, "broken", f"others may read {data}/spool/a")
    subprocess.run(finding.fix, shell=True, check=True, timeout=30)  # noqa: S602  # the line that people are told to run
    judged(folder.rights(data), "ok", "its owner's alone")
    assert (data / "link").resolve().stat().st_mode & 0o044
    (tmp_path / "file").touch()
    judged(folder.rights(tmp_path / "file"), "broken", "not a folder")


def test_key_ring(tmp_path: Path) -> None:
    """None yet is fine and none is made; a good one is counted; one that others may read, or that is none, is broken."""
    judged(folder.key_ring(tmp_path, {}), "ok", "no key ring yet")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "stationmaster.sqlite3").write_bytes(b"x")
    judged(folder.key_ring(tmp_path, {}), "broken", "no key ring that opens")
    path = tmp_path / keyring.FILE_NAME
    text = f"{'A' * 43}=\n"
    path.touch(mode=0o600)
    path.write_text(text)
    judged(folder.key_ring(tmp_path, {}), "ok", "1 keys")
    path.chmod(0o640)
    judged(folder.key_ring(tmp_path, {}), "broken", "others may read")
    path.chmod(0o600)
    path.write_text(CANARY)
    finding = folder.key_ring(tmp_path, {})
    assert (finding.severity, CANARY in repr(finding)) == ("broken", False)
    judged(folder.key_ring(tmp_path, {keyring.VARIABLE: text}), "ok", "environment")
    judged(folder.key_ring(tmp_path, {f"{keyring.VARIABLE}_FILE": "/gone"}), "broken", "/gone")


MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 22 0:35 / /data rw shared:2 master:1 - nfs4 nas:/x rw
41 22 0:36 / /my\\040disk rw - fuse.sshfs h:/ rw
42 22 0:37 / /twice rw - ext4 /dev/a rw
43 22 0:38 / /twice rw - cifs //h/x rw
44 40 0:39 / /data/local rw - xfs /dev/b rw
not a mount
"""


@pytest.mark.parametrize(
    ("path", "severity", "words"),
    [
        ("/var/sm.db", "ok", "ext4"),
        ("/data/sm.db", "broken", "SQLite is on nfs4"),
        ("/data/local/sm.db", "ok", "xfs"),
        ("/database/sm.db", "ok", "ext4"),
        ("/my disk/sm.db", "broken", "fuse.sshfs"),
        ("/twice/sm.db", "broken", "cifs"),
    ],
)
def test_file_system(path: str, severity: str, words: str) -> None:
    """The nearest mount above counts, the latest where two lie on each other; network file systems are broken."""
    judged(folder.file_system(Path(path), MOUNTS), severity, words)


def test_file_system_unknown() -> None:
    """Where the system does not tell, nothing is claimed."""
    judged(folder.file_system(Path("/x"), ""), "ok", "cannot be told")


# Ports.


def test_a_free_port() -> None:
    """Nobody listens: free, and asking left nothing behind."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        number = one.getsockname()[1]
    for _ in range(2):
        judged(ports.check(replace(GATEWAY, number=number)), "ok", f"127.0.0.1:{number} is free")


def test_our_own_gateway(gateway: rig.Gateway) -> None:
    """A running gateway of ours is known by its answer."""
    judged(ports.check(replace(GATEWAY, number=gateway.port)), "ok", "Stationmaster listens on")


def test_a_strangers_port(vendor: Any) -> None:
    """Another server, or one that says nothing sensible, is somebody else's, and the setting that moves us is named."""
    number = int(vendor.url.rpartition(":")[2])
    judged(ports.check(replace(GATEWAY, number=number)), "broken", "gateway.port")


class _Page(BaseHTTPRequestHandler):
    """Answers as a console, or as a page of metrics."""

    def do_GET(self) -> None:
        """Name us in a header, or in a metric, by the path."""
        self.send_response(200)
        if self.path == "/healthz":
            self.send_header("X-Stationmaster-Request-Id", "req_1")
        self.end_headers()
        if self.path == "/metrics":
            self.wfile.write(b"# TYPE stationmaster_gateway_requests_total counter\n")

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(params=["plain", "tls"])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Port]:
    """A server that answers as ours does, with TLS or without, and where it is."""
    server, certificate = ThreadingHTTPServer(("127.0.0.1", 0), _Page), None
    if request.param == "tls":
        issued = trustme.CA().issue_cert("sm.example")
        certificate = tmp_path / "chain.pem"
        issued.private_key_and_cert_chain_pem.write_to_path(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        issued.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Port("port.console", "console.port", "127.0.0.1", server.server_port, "/healthz", certificate)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("path", "severity"), [("/healthz", "ok"), ("/metrics", "ok"), ("/", "broken")])
def test_how_we_are_known(page: Port, path: str, severity: str) -> None:
    """By a header or a metric of our name, over TLS too, by the certificate that is configured; else it is a stranger."""
    judged(ports.check(replace(page, path=path)), severity, "listens on")


def test_a_certificate_that_is_not_there(page: Port, tmp_path: Path) -> None:
    """A configured certificate that cannot be read makes nobody ours, and no traceback."""
    judged(ports.check(replace(page, certificate=tmp_path / "gone.pem")), "broken", "another program")


def test_an_address_that_is_not_here() -> None:
    """An address of another machine, or of none, is told with the system's reason."""
    judged(ports.check(replace(GATEWAY, host="192.0.2.1", number=4000)), "broken", "192.0.2.1:4000 cannot be listened on")


def test_the_ports_that_are_looked_at() -> None:
    """Console, gateway, metrics; metrics only where there are some, and at their own address."""
    wanted = list(ports.wanted(settings_with(gateway__host="0.0.0.0", console__port=5001)))
    assert [(port.id, port.host, port.number) for port in wanted] == [
        ("port.console", "127.0.0.1", 5001), ("port.gateway", "0.0.0.0", 4000), ("port.metrics", "127.0.0.1", 4002),
    ]  # fmt: skip
    assert [port.id for port in ports.wanted(settings_with(gateway__metrics_port=0))] == ["port.console", "port.gateway"]


# Settings.


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("STATIONMASTER_DATABSE_URL", "STATIONMASTER_DATABASE_URL"),
        ("STATIONMASTER_9", "unset it"),
        ("STATIONMASTER_DATA", ""), ("STATIONMASTER_DATABASE_URL_FILE", ""), ("STATIONMASTER_KEY", ""),
        ("STATIONMASTER_TOKEN", ""), ("STATIONMASTER_CONFIG", ""), ("STATIONMASTER__CONSOLE__PORT", ""), ("PATH", ""),
    ],
)  # fmt: skip
def test_environment(name: str, words: str) -> None:
    """A variable with our prefix that nobody reads is a warning with what it may have meant; its value is not shown."""
    (finding,) = wishes.environment({name: CANARY})
    judged(finding, "warning" if words else "ok", words)
    assert CANARY not in repr(finding)


OIDC = {"oidc__issuer": "https://id.example", "oidc__client_id": "sm", "oidc__client_secret": "x"}


@pytest.mark.parametrize(
    ("values", "severity", "words"),
    [
        ({}, "ok", "passwords"),
        (OIDC, "ok", "passwords"),
        ({**OIDC, "login__local": False}, "ok", "OpenID Connect"),
        ({"login__local": False}, "broken", "nobody can sign in"),
        *[({name: value for name, value in OIDC.items() if name != gone}, "broken", "by half") for gone in OIDC],
    ],
)
def test_sign_in(values: dict[str, Any], severity: str, words: str) -> None:
    """Somebody must be able to sign in, and single sign-on is whole or absent."""
    judged(wishes.sign_in(settings_with(**values)), severity, words)


@pytest.mark.parametrize(
    ("values", "severity"),
    [
        ({}, "ok"), ({"console__host": "::1"}, "ok"), ({"console__host": "localhost"}, "ok"),
        ({"console__host": "0.0.0.0"}, "warning"), ({"console__host": "sm.example"}, "warning"),
        ({"console__host": "0.0.0.0", "console__public_url": "http://sm.example"}, "warning"),
        ({"console__host": "0.0.0.0", "console__public_url": "https://sm.example"}, "ok"),
        ({"console__host": "::", "console__tls_certificate": "/c", "console__tls_key": "/k"}, "ok"),
    ],
)  # fmt: skip
def test_reach(values: dict[str, Any], severity: str) -> None:
    """Beyond this machine the console wants TLS, its own or a reverse proxy's."""
    judged(wishes.reach(settings_with(**values)), severity, "console" if severity != "ok" else "")


def test_saved_settings_without_effect() -> None:
    """A saved value that could not be used is told by its name."""
    class Row:
        value, by, at = CANARY, "op_1", "today"

    (finding,) = wishes.saved(with_saved(settings_with(), {"console.port": Row()}))
    judged(finding, "warning", "console.port has no effect: expected a whole number")
    assert CANARY not in repr(finding)
    (fine,) = wishes.saved(settings_with())
    judged(fine, "ok", "good")


# The database.

NOW = 1_800_000_000.0


class Answers:
    """A database that answers as told: implements `Database`."""

    def __init__(
        self, pending: Sequence[str] | Exception = (), clock: float | None = None, keys: Exception | None = None,
        tokens: Iterable[GatewayToken] = (), gateways: Iterable[SeenGateway] = (), ending: Iterable[EndingCredential] = (),
        queue: Queue = Queue(True, 0),  # noqa: B008
    ) -> None:  # fmt: skip
        self._pending, self._clock, self._keys, self._tokens, self._gateways = pending, clock, keys, tokens, gateways
        self._ending, self._queue = ending, queue

    def pending(self) -> Sequence[str]:
        """Or the failure."""
        if isinstance(self._pending, Exception):
            raise self._pending
        return self._pending

    def clock(self) -> float | None:
        """As told."""
        return self._clock

    def check_keys(self) -> None:
        """Fails if told so."""
        if self._keys:
            raise self._keys

    def tokens(self) -> Iterable[GatewayToken]:
        """As told."""
        return self._tokens

    def gateways(self) -> Iterable[SeenGateway]:
        """As told."""
        return self._gateways

    def ending(self) -> Iterable[EndingCredential]:
        """As told."""
        return self._ending

    def queue(self) -> Queue:
        """As told."""
        return self._queue


def found(answers: Answers) -> dict[str, Finding]:
    """The findings by id."""
    every = list(database.check(answers, "1.0", NOW))
    assert len({each.id for each in every}) == len(every)
    return {each.id: each for each in every}


def test_a_good_database() -> None:
    """Everything is asked, and everything is fine."""
    every = found(Answers())
    assert list(every) == [
        "database", "migrations", "clock", "stored_secrets", "gateway_tokens", "versions", "credentials", "workers",
    ]  # fmt: skip
    assert {each.severity for each in every.values()} == {"ok"}


def test_a_database_that_does_not_answer() -> None:
    """One finding, with what the error says and a fix even where the error has none."""
    failure = StationmasterError("error.store.unreachable", "gone")
    (finding,) = found(Answers(pending=failure)).values()
    judged(finding, "broken", "gone start the database")


@pytest.mark.parametrize(("pending", "words"), [(["a.1"], "1 migration is to be applied: a.1"), (["a.1", "b.2"], "2 migrations")])
def test_migrations(pending: Sequence[str], words: str) -> None:
    """What is to be applied is a warning; nothing is asked of tables that may not be there."""
    every = found(Answers(pending=pending))
    judged(every["migrations"], "warning", words)
    assert "stored_secrets" not in every
    assert "versions" not in every


@pytest.mark.parametrize(
    ("apart", "severity"), [(0.0, "ok"), (5.0, "ok"), (-5.0, "ok"), (5.2, "broken"), (-3600.0, "broken"), (None, "ok")]
)
def test_clock(apart: float | None, severity: str) -> None:
    """Five seconds either way."""
    judged(found(Answers(clock=None if apart is None else NOW + apart))["clock"], severity, "clock")


def test_a_ring_of_another_database() -> None:
    """A key ring that does not open what is stored is not a database that does not answer."""
    keys = StationmasterError("error.vault.unknown_key", "not in the ring", hint="put the key back")
    every = found(Answers(keys=keys))
    judged(every["stored_secrets"], "broken", "put the key back")
    assert every["database"].severity == "ok"


@pytest.mark.parametrize(
    ("left", "severity", "words"),
    [
        (-1, "broken", "the gateway token edge has expired"),
        (0, "broken", "has expired"),
        (DAY * 1.5, "warning", "expires in 1 day"),
        (DAY * 13.9, "warning", "expires in 13 days"),
        (DAY * 14, "ok", "no gateway token is about to expire"),
    ],
)
def test_tokens(left: float, severity: str, words: str) -> None:
    """Two weeks before its end a token is a warning, at its end it is broken."""
    judged(found(Answers(tokens=[GatewayToken("edge", NOW + left)]))["gateway_tokens"], severity, words)


def test_versions() -> None:
    """A running gateway of another version is named; one that has long been silent is not."""
    old, new = SeenGateway("edge", "0.9", NOW - 60), SeenGateway("core", "1.0", NOW - 60)
    judged(found(Answers(gateways=[old, new]))["versions"], "warning", "the gateway edge runs version 0.9, the control plane 1.0")
    judged(found(Answers(gateways=[replace(old, at=NOW - 3600), new]))["versions"], "ok", "1.0")


@pytest.mark.parametrize(("queue", "severity", "words"), [
    (Queue(True, 9), "ok", "a worker runs"), (Queue(False, 0), "ok", "no job waits"),
    (Queue(False, 1), "warning", "1 job waits, and no worker runs start `stationmaster worker`"),
    (Queue(False, 7), "warning", "7 jobs wait"),
])  # fmt: skip
def test_workers(queue: Queue, severity: str, words: str) -> None:
    """Jobs that wait for a worker, where none lives, are a warning that says what to start."""
    judged(found(Answers(queue=queue))["workers"], severity, words)


def test_ports_are_those_that_run() -> None:
    """What runs over the data folder says where: its ports may have come by flags. `control` has no gateway beside it."""
    gateway = {"gateway.host": "0.0.0.0", "gateway.port": 4520, "gateway.metrics_port": 0}
    told = {"console.host": "127.0.0.1", "console.port": 4521, **gateway}
    assert [(port.host, port.number) for port in ports.wanted(Settings(), told)] == [("127.0.0.1", 4521), ("0.0.0.0", 4520)]
    alone = {"console.host": "::1", "console.port": 4521}
    assert [(port.host, port.number) for port in ports.wanted(Settings(), alone)] == [("::1", 4521)]
    assert [port.number for port in ports.wanted(Settings())] == [4001, 4000, 4002]


def test_credentials_that_end() -> None:
    """One that has ended is broken, one that soon will is a warning, and both say how to rotate it."""
    for expires, severity in ((NOW - 1, "broken"), (NOW + 3 * 86_400, "warning")):
        told = found(Answers(ending=[EndingCredential("openai-a", expires)]))["credentials"]
        assert told.severity == severity
        assert "openai-a" in told.what
        assert "credential rotate openai-a" in told.fix


# TLS of our own listeners.


@pytest.mark.parametrize(
    ("names", "days", "mode", "severities"),
    [
        (("sm.example.test",), 90, 0o640, {"tls.console": "ok", "tls.gateway": "ok"}),
        (("sm.example.test",), 13, 0o640, {"tls.console": "warning", "tls.gateway": "warning"}),
        (("sm.example.test",), -1, 0o640, {"tls.console": "broken", "tls.gateway": "broken"}),
        (("other.example.test",), 90, 0o640, {"tls.console": "ok", "tls.console.name": "warning", "tls.gateway": "ok"}),
        (("sm.example.test",), 90, 0o644,
         {"tls.console": "ok", "tls.console.key": "broken", "tls.gateway": "ok", "tls.gateway.key": "broken"}),
    ],
)  # fmt: skip
def test_certificates_of_ours(
    tmp_path: Path, names: tuple[str, ...], days: int, mode: int, severities: dict[str, str]
) -> None:
    """Whether they can be used and by whom, for how long, and whether their key is a secret; nothing where there are none."""
    moment = datetime.now(UTC) + timedelta(days=days, hours=1)
    leaf = trustme.CA().issue_cert(*names, not_before=moment - timedelta(days=400), not_after=moment)
    pair = certificates.files(tmp_path, leaf)
    pair.key.chmod(mode)
    both = {f"{name}__tls_{what}": path for name in ("console", "gateway")
            for what, path in (("certificate", pair.chain), ("key", pair.key))}  # fmt: skip
    made = settings_with(gateway__host="0.0.0.0", console__public_url="https://sm.example.test", **both)
    assert {each.id: each.severity for each in encryption.check(made)} == severities
    assert list(encryption.check(settings_with())) == []
