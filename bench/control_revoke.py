"""How long a leaked credential is still used after somebody said so. Owns: a control plane with a gateway of two workers, a
simulated vendor, and the asking.

A credential is stored, put into a pool and a route of its own, and used over two dozen open connections, which lie on both
workers. Then it is revoked over REST; the time runs from before that call until no connection is served with it any more. """

import http.client
import json
import time

from bench.control_changes import CONNECTIONS, GIVE_UP, Console, token

_SERVED = 200


def seconds_until_unused(folder: str, gateway: int, console: int, vendor: str, rounds: int) -> list[float]:
    """So many seconds took each of `rounds` revocations, in ascending order. `vendor`: where the simulated one is."""
    door = Console(console, token(folder))
    door.sent("POST", "/api/v1/addresses", 201, {"name": "127.0.0.1", "reason": "the simulated vendor is here"})
    key = door.make("bench-revoke")
    workers = [http.client.HTTPConnection("127.0.0.1", gateway, timeout=10) for _ in range(CONNECTIONS)]
    found = [_one(door, workers, key, vendor, f"leaked-{number}") for number in range(rounds)]
    for each in workers:
        each.close()
    return sorted(found)


def _one(door: Console, workers: list[http.client.HTTPConnection], key: str, vendor: str, name: str) -> float:
    stored = {"name": name, "vendor": "openai", "secret": f"sk-proj-bench-{name}", "base_url": f"{vendor}/v1",
              "allow_insecure_http": True}  # fmt: skip
    door.sent("POST", "/api/v1/credentials", 201, stored)
    door.sent("POST", "/api/v1/pools", 201, {"name": name, "members": [{"credential": name}]})
    door.sent("POST", "/api/v1/routes", 201, {"models": [name], "pool": name})
    _until(workers, key, name, served=True)
    began = time.perf_counter()
    door.sent("POST", f"/api/v1/credentials/{name}/revoke", 200, {"reason": "bench"})
    _until(workers, key, name, served=False)
    return time.perf_counter() - began


def _until(workers: list[http.client.HTTPConnection], key: str, model: str, *, served: bool) -> None:
    began, left = time.perf_counter(), list(workers)
    while left:
        left = [each for each in left if (_asked(each, key, model) == _SERVED) is not served]
        if time.perf_counter() - began > GIVE_UP:
            raise SystemExit("bench: a revocation never reached the gateway")


def _asked(worker: http.client.HTTPConnection, key: str, model: str) -> int:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "say OK"}]})
    worker.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}", "content-type": "application/json"})
    answer = worker.getresponse()
    answer.read()
    return answer.status
