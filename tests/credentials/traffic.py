"""Applications that ask all the time, and what became of each request; what a vendor's ledger says of who was served by which
key."""

import http.client
import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import rig
from gateway import plain
from stationmaster.sandbox.server import SandboxServer

CLIENTS = 8
SESSIONS = 64
BODY = plain.dump(plain.responses())


class Traffic:
    """So many requests a second over these gateways, by turns, until the block ends. Each session's name marks its requests
    in the vendor's ledger, which is emptied as it is read."""

    def __init__(self, ports: Sequence[int], vendor: SandboxServer, rate: float, key: str = rig.KEY) -> None:
        self._ports, self._vendor, self._rate, self._key = ports, vendor, rate, key
        self.answered = 0
        self.failures: list[str] = []
        self.served: dict[str, list[str]] = defaultdict(list)      # session → the credentials (hashed) that served it, in order
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(CLIENTS)]
        self._threads.append(threading.Thread(target=self._read, daemon=True))

    def __enter__(self) -> Self:
        self._vendor.forget()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        self._collect()

    def _ask(self, number: int) -> None:
        wires = [http.client.HTTPConnection("127.0.0.1", port, timeout=30) for port in self._ports]
        pause, due = CLIENTS / self._rate, time.monotonic()
        for turn in itertools.count(number):
            if self._stop.is_set():
                break
            self._one(wires[turn % len(wires)], f"traffic-{turn * 7 % SESSIONS}")
            due = max(due + pause, time.monotonic() - 1.0)
            time.sleep(max(0.0, due - time.monotonic()))
        for wire in wires:
            wire.close()

    def _one(self, wire: http.client.HTTPConnection, session: str) -> None:
        fields = {"authorization": f"Bearer {self._key}", "content-type": "application/json",
                  "x-stationmaster-session": session, "x-sandbox-nonce": session}  # fmt: skip
        try:
            wire.request("POST", "/v1/responses", BODY, fields)
            answer = wire.getresponse()
            said = answer.read()
            told = "" if answer.status == 200 else f"{answer.status} {said[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            wire.close()
            told = repr(error)
        with self._lock:
            self.answered += not told
            if told:
                self.failures.append(told)

    def _read(self) -> None:
        while not self._stop.wait(1.0):
            self._collect()

    def _collect(self) -> None:
        seen = self._vendor.asked()
        self._vendor.forget()
        for entry in seen:
            if entry.method == "POST" and entry.nonce.startswith("traffic-"):
                self.served[entry.nonce].append(entry.credential)
