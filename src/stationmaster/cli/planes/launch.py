"""Both planes on one machine, as `up` and `demo` start them. Owns: what is begun when, what each is told, what people are told.

Loads nothing that serves: it waits, most of the time.
"""

import http.client
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stationmaster.cli.talk import say
from stationmaster.cli.valkey import VARIABLE
from stationmaster.i18n import tr
from stationmaster.notify import Notifier
from stationmaster.running.plane import Plane
from stationmaster.running.supervisor import Supervisor

_MODULES = "stationmaster.cli.planes."
_OURS = "STATIONMASTER_"     # variables of the control plane, master key and database among them: for nobody else
_TOKEN, _KEPT = "gateway.token", "gateway/snapshot.sealed"


@dataclass(frozen=True)
class Asked:
    """What the command line asked for. `flags`: setting → option and value; `config`: the settings' file; `routing`: a
    gateway.toml to begin with; `sandbox`: the port of the simulated vendors, which makes it the demo."""

    flags: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    config: Path | None = None
    routing: Path | None = None
    sandbox: int | None = None


class Launch:
    """`run` it once. `on_ready` is called when everything serves for the first time, with the facts that are known by then."""

    def __init__(self, asked: Asked, on_ready: Callable[["Launch"], None]) -> None:
        self._asked, self._on_ready = asked, on_ready
        self.facts: dict[str, Any] = {}
        self._prepared = self._kept = self._announced = False
        self._notifier = Notifier(os.environ)
        self._door = socket.socket()
        self._door.bind(("127.0.0.1", 0))
        self._gateway = Plane("gateway", f"{_MODULES}gateway", self._of_gateway, probe=self._serves, reloads=True, without=_OURS,
            more=self._shared)
        self._control = Plane("control", f"{_MODULES}control", self._of_control, fds=[self._door.fileno()], reloads=True)
        self._worker = Plane("worker", f"{_MODULES}worker", self._of_worker)
        sandbox = Plane("sandbox", f"{_MODULES}sandbox", lambda _: {"port": asked.sandbox}, without=_OURS)
        self._sandbox = [sandbox] if asked.sandbox else []
        stages = [[self._gateway, self._worker], [self._control], self._sandbox]
        self._supervisor = Supervisor(
            stages, say, self._hear, self._is_fatal, hangup_ends=asked.sandbox is not None, notifier=self._notifier,
        )

    def run(self) -> int:
        """Run until a signal ends it; return the exit code."""
        with self._door:
            return self._supervisor.run([self._control])

    def end(self, code: int = 0) -> None:
        """End everything in order."""
        self._supervisor.end(code)

    def _hear(self, _: Plane, news: Mapping[str, Any]) -> None:
        self.facts |= {name: value for name, value in news.items() if name != "event"}
        if news["event"] == "prepared":
            self._prepared = True
        if news["event"] == "settings":
            self._kept = self._keeps()
            for sandbox in self._sandbox:      # its port was free a moment ago
                self._supervisor.begin(sandbox)
        if self._prepared or self._kept:
            self._supervisor.begin(self._gateway)
        if self._prepared and self._gateway.ready:      # answers first: jobs wait for a second
            self._supervisor.begin(self._worker)
        if not self._announced and self._prepared and all(each.ready for each in (self._control, self._gateway, *self._sandbox)):
            self._announced = True
            self._announce()
            self._notifier.ready()
            self._on_ready(self)

    def _keeps(self) -> bool:
        """Whether a gateway could serve what it served last: then it does not wait, and control need not come up at all."""
        folder = Path(self.facts["folder"])
        return self._asked.sandbox is None and (folder / _TOKEN).exists() and (folder / _KEPT).exists()

    def _is_fatal(self, plane: Plane) -> bool:
        """Without control nothing begins, unless a gateway serves what it kept. Without a worker jobs wait, and all else goes."""
        return plane is not self._worker and (plane is not self._control or not self._kept)

    def _announce(self) -> None:
        say(tr("Console  {address}", address=self.facts["console"]))
        say(tr("Gateway  {address}", address=f"{'https' if self.facts['certificate'] else 'http'}://{self.place()}"))
        if self.facts["metrics_port"]:
            place = _reached(self.facts["metrics_host"], self.facts["metrics_port"])
            say(tr("Metrics  {address}", address=f"http://{place}/metrics"))
        if "link" in self.facts:
            say(tr("Open this link within {minutes} minutes to become the first admin; it works once:",
                   minutes=self.facts["minutes"]))  # fmt: skip
            say(f"  {self.facts['console']}{self.facts.pop('link')}")

    def _of_control(self, starts: int) -> dict[str, Any]:
        asked = self._asked
        return {
            "flags": {name: [option, _plain(value)] for name, (option, value) in asked.flags.items() if value is not None},
            "config": _plain(asked.config), "door": self._door.fileno(), "look": not starts, "first": not self._prepared,
            "routing": _plain(asked.routing), "sandbox": asked.sandbox,
        }

    def _of_worker(self, _: int) -> dict[str, Any]:
        asked = self._of_control(1)
        return {"flags": asked["flags"], "config": asked["config"]}

    def _of_gateway(self, _: int) -> dict[str, Any]:
        folder = Path(self.facts["folder"])
        return {
            "url": f"http://127.0.0.1:{self._door.getsockname()[1]}", "token_file": str(folder / _TOKEN),
            "data": str(folder / "gateway"), "name": self.facts["name"], "settings": self.facts["own"],
        }

    def _shared(self) -> dict[str, str]:
        """What the gateway's environment has beside, since no command line may show it."""
        valkey = {VARIABLE: self.facts["valkey"]} if self.facts["valkey"] else {}
        return {**valkey, **self.facts["telemetry"]}

    def place(self) -> str:
        """Where this machine reaches the gateway."""
        return _reached(self.facts["host"], self.facts["port"])

    def _serves(self) -> bool:
        return answers(self.place(), self.facts.get("key", ""), self.facts["certificate"])


def answers(place: str, key: str = "", certificate: str = "") -> bool:
    """Tell whether a gateway serves at `place`; with a virtual key, whether it knows that key. `certificate`: the file of what
    it shows."""
    try:
        connection = asking(place, certificate)
    except OSError:      # the file cannot be read just now
        return False
    try:
        if key:
            connection.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        else:
            connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def asking(place: str, certificate: str) -> http.client.HTTPConnection:
    """A connection to `place`, which has to show that certificate, where one is named. Raises OSError."""
    if not certificate:
        return http.client.HTTPConnection(place, timeout=0.5)
    import ssl

    trust = ssl.create_default_context(cafile=certificate)
    trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN     # the file need not hold its authority's certificate
    trust.check_hostname = False                            # it is asked by address
    return http.client.HTTPSConnection(place, timeout=0.5, context=trust)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _reached(host: str, port: int) -> str:
    """Where this machine reaches whoever listens there."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  compared, not bound
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
