"""The gateways measured: how each is configured, started, and told where the vendor is.

All get the same duty (take a key, hand the call to one vendor under another key, one worker) and
nothing that costs them extra: no access log, no database, no telemetry, no retries.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from bench import install, machine, wire

ROOT = Path(__file__).resolve().parent.parent
COMMON = ("idle", "1k", "10k", "100k", "1m", "latency", "event", "open")  # cells that are everybody's
VIRTUAL_KEY = "sk-bench-4f0c7d9be2a14c6885d3c1f27ab96e50d41c"


@dataclass(frozen=True)
class Command:
    """What starts a gateway; where that one then states its metrics, if it does."""

    words: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    metrics_port: int = 0


class Gateway:
    """One gateway. `cheap` ones run every round; `open_streams` is how many it is asked to hold."""

    name = ""
    cheap = False
    open_streams = 5000
    start_seconds = 15.0
    cells: tuple[str, ...] = COMMON    # those it is measured in

    def prepare(self) -> None:
        """Install what is needed; raise `install.MissingError` when that cannot be."""

    def version(self) -> str:
        """The version that runs."""
        raise NotImplementedError

    def command(self, folder: Path, port: int, upstream: int) -> Command:
        """Write the configuration into `folder` and say what to start."""
        raise NotImplementedError

    def headers(self, upstream: int) -> dict[str, str]:  # noqa: ARG002 - Portkey needs it
        """What a client of this gateway sends."""
        return wire.headers(VIRTUAL_KEY)


class Nginx(Gateway):
    """A reverse proxy that swaps the key and does nothing else: the limit."""

    name = "nginx"
    cheap = True
    cells = (*COMMON, "sessions")

    def version(self) -> str:
        """As `nginx -v` says."""
        return machine.tool_versions()["nginx"]

    def command(self, folder: Path, port: int, upstream: int) -> Command:
        """Unbuffered answers, bodies held in memory, connections to the vendor kept."""
        return nginx_command(
            folder,
            f"""
    upstream vendor {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://vendor;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer {wire.UPSTREAM_KEY}";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}""",
        )


class Stationmaster(Gateway):
    """This project: one worker under its supervisor, events to /dev/null."""

    name = "stationmaster"
    cheap = True
    cells: tuple[str, ...] = (*COMMON, "sessions", "choice")
    metrics = False

    def prepare(self) -> None:
        """The command must be in the environment that runs the benchmark."""
        if not self._program().exists():
            raise install.MissingError("`stationmaster` is not installed beside this Python: make run")

    def version(self) -> str:
        """The installed distribution's."""
        return metadata.version("stationmaster")

    def command(self, folder: Path, port: int, upstream: int) -> Command:
        """Write the configuration; secrets come from the environment."""
        metrics_port = machine.free_port() if self.metrics else 0
        (folder / "gateway.toml").write_text(self.configuration(port, upstream, metrics_port))
        words = [str(self._program()), "gateway", "--config", str(folder / "gateway.toml"), "--events", os.devnull]
        return Command(words, {"BENCH_VENDOR_KEY": wire.UPSTREAM_KEY}, metrics_port)

    def configuration(self, port: int, upstream: int, metrics_port: int) -> str:
        """One credential, one pool, one route, one key."""
        members = [f"http://127.0.0.1:{upstream}/v1"]
        return _configuration(port, members, metrics_port)

    @staticmethod
    def _program() -> Path:
        return Path(sys.executable).parent / "stationmaster"


_LIMITS = """
rpm = 100000000
tpm = 1000000000
max_concurrency = 100000
budget = { day_usd = 1000000, month_usd = 10000000, total_usd = 100000000 }
"""


class Governed(Stationmaster):
    """The same with all its duties: a pool of two, sticky sessions, limits, a budget, prices, metrics."""

    name = "governed"
    cells: tuple[str, ...] = ("1k", "sessions", "event")
    metrics = True

    def configuration(self, port: int, upstream: int, metrics_port: int) -> str:
        """Two members, a key with every limit."""
        members = [f"http://127.0.0.1:{upstream}/v1"] * 2
        return _configuration(port, members, metrics_port, _LIMITS)


class GovernedPool(Governed):
    """The same over ten credentials: nobody listens at one, and one answers 429. Only many sessions meet all ten: the 1k
    cell's one stays where it is served."""

    name = "governed-pool"

    def configuration(self, port: int, upstream: int, metrics_port: int) -> str:
        """Eight sound members, a dead one, a limited one."""
        sound = [f"http://127.0.0.1:{upstream}/v1"] * 8
        members = [*sound, "http://127.0.0.1:9/v1", f"http://127.0.0.1:{upstream}/limited/v1"]
        return _configuration(port, members, metrics_port, _LIMITS)


class Traced(Stationmaster):
    """The plain one, which sends spans and metrics to a receiver (the vendor's nginx, which takes whatever comes): the default
    share of requests, or all of them."""

    cells: tuple[str, ...] = ("1k",)

    def __init__(self, name: str, ratio: float) -> None:
        self.name, self._ratio = name, ratio

    def command(self, folder: Path, port: int, upstream: int) -> Command:
        """With the variables of docs/telemetry.md."""
        plain = super().command(folder, port, upstream)
        told = {"ENDPOINT": f"http://127.0.0.1:{upstream}", "RATIO": str(self._ratio)}
        named = {f"STATIONMASTER_TELEMETRY_{name}": value for name, value in told.items()}
        return Command(plain.words, {**plain.env, **named}, plain.metrics_port)


def _configuration(port: int, members: list[str], metrics_port: int, limits: str = "") -> str:
    """A gateway.toml with a credential for each address."""
    credentials = "".join(f"""
[[credential]]
id = "vendor-{number}"
vendor = "openai"
base_url = "{address}"
secret = "env:BENCH_VENDOR_KEY"
prices = {{ "*" = {{ input = 2.5, output = 10 }} }}
""" for number, address in enumerate(members))
    names = ", ".join(f'{{ credential = "vendor-{number}" }}' for number in range(len(members)))
    return f"""[gateway]
host = "127.0.0.1"
port = {port}
workers = 1
default_pool = "main"
metrics_port = {metrics_port}
{credentials}
[[pool]]
id = "main"
members = [{names}]

[[route]]
models = ["gpt-*"]
pool = "main"

[[key]]
id = "bench"
secret_sha256 = "{hashlib.sha256(VIRTUAL_KEY.encode()).hexdigest()}"
models = ["*"]
{limits}"""


class LiteLLM(Gateway):
    """LiteLLM's proxy: one worker, no database, a master key."""

    name = "litellm"
    open_streams = 200
    start_seconds = 120.0

    def prepare(self) -> None:
        """Its own environment, from `litellm.lock`."""
        self.home = install.litellm()

    def version(self) -> str:
        """As locked."""
        return install.litellm_version()

    def command(self, folder: Path, port: int, upstream: int) -> Command:
        """One model, at the vendor's address."""
        config = folder / "litellm.yaml"
        config.write_text(f"""model_list:
  - model_name: {wire.CLIENT_MODEL}
    litellm_params:
      model: openai/{wire.CLIENT_MODEL}
      api_base: http://127.0.0.1:{upstream}/v1
      api_key: {wire.UPSTREAM_KEY}
litellm_settings:
  telemetry: false
  num_retries: 0
  request_timeout: 600
router_settings:
  num_retries: 0
  disable_cooldowns: true
general_settings:
  master_key: {VIRTUAL_KEY}
""")
        words = [str(self.home / "bin" / "litellm"), "--config", str(config)]
        words += ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1", "--telemetry", "False"]
        quiet = {"LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False", "DISABLE_ADMIN_UI": "True"}
        return Command(words, quiet | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"})


class Portkey(Gateway):
    """Portkey's open gateway on Node: the vendor's address comes with every request."""

    name = "portkey"
    open_streams = 1000
    start_seconds = 30.0

    def prepare(self) -> None:
        """Its node_modules, from `portkey/package-lock.json`."""
        self.home = install.portkey()

    def version(self) -> str:
        """As locked."""
        return install.portkey_version()

    def command(self, folder: Path, port: int, upstream: int) -> Command:  # noqa: ARG002 - one signature
        """It needs no configuration."""
        script = self.home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        words = [machine.tool("node"), str(script), f"--port={port}", "--headless"]
        return Command(words, {"NODE_ENV": "production"})

    def headers(self, upstream: int) -> dict[str, str]:
        """Two headers of its own: it is told the vendor and its address."""
        own = {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1"}
        return wire.headers(wire.UPSTREAM_KEY, own)


TRACED: tuple[Gateway, ...] = (Traced("traced-tenth", 0.1), Traced("traced", 1.0))
ALL: tuple[Gateway, ...] = (Nginx(), Stationmaster(), Governed(), GovernedPool(), *TRACED, Portkey(), LiteLLM())


def nginx_command(folder: Path, servers: str) -> Command:
    """An nginx of one worker around `servers`, with everything it writes inside `folder`."""
    config = folder / "nginx.conf"
    paths = "\n".join(
        f"    {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    config.write_text(f"""{user}worker_processes 1;
worker_rlimit_nofile {machine.OPEN_FILES_WANTED};
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections {machine.OPEN_FILES_WANTED}; }}
http {{
{paths}
    access_log off;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    client_max_body_size 4m;
    client_body_buffer_size 2m;
    default_type application/json;
{servers}
}}
""")
    return Command([machine.tool("nginx"), "-p", str(folder), "-c", str(config)])
