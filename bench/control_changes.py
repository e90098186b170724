"""How long a change takes to reach every worker. Owns: a control plane with a gateway of two workers, and the asking.

A virtual key is made and deleted over REST, again and again; the time runs from the answer until every one of two dozen open
connections, which lie on both workers, goes by it.
"""

import http.client
import json
import os
import subprocess
import sys
import time

CONNECTIONS = 24
GIVE_UP = 30.0            # seconds
ENVIRONMENT = {"STATIONMASTER__GATEWAY__WORKERS": "2"}


def seconds_until_known(folder: str, gateway: int, console: int, changes: int) -> list[float]:
    """So many seconds took each of `changes` changes, in ascending order."""
    door = Console(console, token(folder))
    workers = [http.client.HTTPConnection("127.0.0.1", gateway, timeout=10) for _ in range(CONNECTIONS)]
    found: list[float] = []
    while len(found) < changes:
        key = door.make(f"bench-{len(found)}")
        found.append(_until(workers, key, 200))
        door.delete(f"bench-{len(found) - 1}")
        found.append(_until(workers, key, 401))
    for each in workers:
        each.close()
    return sorted(found)


def _until(workers: list[http.client.HTTPConnection], key: str, status: int) -> float:
    began = time.perf_counter()
    left = list(workers)
    while left:
        left = [each for each in left if _asked(each, key) != status]
        if time.perf_counter() - began > GIVE_UP:
            raise SystemExit("bench: a change never reached the gateway")
    return time.perf_counter() - began


def _asked(worker: http.client.HTTPConnection, key: str) -> int:
    worker.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
    answer = worker.getresponse()
    answer.read()
    return answer.status


def token(folder: str) -> str:
    """An admin's API token for the control plane of this data folder."""
    words = ["token", "create", "bench", "--role", "admin", "--data", folder, "--output", "json"]
    done = subprocess.run([sys.executable, "-m", "stationmaster", *words], capture_output=True, check=True, env=dict(os.environ))
    return str(json.loads(done.stdout)["token"])


class Console:
    """REST, over one open connection."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self._fields = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def make(self, name: str) -> str:
        """A virtual key."""
        return str(self.sent("POST", "/api/v1/keys", 201, {"name": name})["key"])

    def delete(self, name: str) -> None:
        """Take a virtual key away."""
        self.sent("DELETE", f"/api/v1/keys/{name}", 204, **{"if-match": "*"})

    def sent(self, method: str, path: str, status: int, body: object = None, **fields: str) -> dict[str, object]:
        """One call; another status than this ends the bench."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, {**self._fields, **fields})
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != status:
            raise SystemExit(f"bench: {method} {path}: {answer.status} {said[:200]!r}")
        return dict(json.loads(said)) if said else {}


def within(times: list[float], part: float) -> float:
    """The time that this part of them (0 to 1) did not exceed; `times` ascend."""
    return times[min(len(times) - 1, int(len(times) * part))]
