"""Pictures of the console: `make pictures` fills a demo and writes docs/images/, light and dark, in few colours."""

import io
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tools import takes_no_words

FOLDER = Path("docs/images")
ADDRESS, PASSWORD = "admin@example.com", "three wet badgers hum"
SIZE = {"width": 1280, "height": 800}
PATIENCE = 60.0
# Pages, by the names of their pictures; `{list}`: the first thing of that list; `{list}/word`: a page below it.
PAGES = {
    "overview": "/", "start": "/start", "access": "/access", "account": "/account",
    "workspaces": "/workspaces", "workspace": "/workspaces/demo-openai", "workspace-new": "/workspaces/new",
    "members": "/workspaces/demo-openai/members", "policy": "/workspaces/demo-openai/policy", "vendors": "/vendors",
    "people": "/people", "person": "{people}", "person-leaves": "{people}/leave", "person-new": "/people/new",
    "grid": "/people/grid", "people-imports": "/people/imports", "older-setups": "/imports", "conflicts": "/people/conflicts",
    "groups": "/groups", "group": "{groups}",
    "assignments": "/assignments", "assignment": "{assignments}", "seats": "/seats", "seat": "{seats}",
    "seat-requests": "/seats/requests", "offboarding": "/seats/offboarding", "runs": "/runs",
    "plans": "/plans", "plan": "{plans}", "plan-new": "/plans/new",
    "credentials": "/credentials", "credential": "/credentials/demo-openai-a", "credential-new": "/credentials/new",
    "calendar": "/calendar", "pools": "/pools", "pool": "{pools}", "pool-new": "/pools/new",
    "routes": "/routes", "route": "{routes}", "route-try": "/routes/try?model=gpt-4o-mini",
    "keys": "/keys", "key": "{keys}", "key-new": "/keys/new",
    "targets": "/targets", "target": "{targets}", "target-new": "/targets/new?kind=crs", "publications": "/publications",
    "publish": "/publish", "exports": "/exports",
    "requests": "/requests", "request": "{requests}", "usage": "/usage", "bills": "/bills",
    "jobs": "/jobs", "job": "{jobs}", "workers": "/workers", "gateways": "/gateways",
    "alerts": "/alerts", "alert": "{alerts}", "alert-new": "/alerts/new", "messages": "/alerts/messages",
    "audit": "/audit", "audit-event": "{audit}", "operators": "/operators", "operator": "{operators}", "tokens": "/tokens",
    "settings": "/settings", "setting": "/settings/gateway.default_pool", "api": "/api/docs",
}  # fmt: skip
# Pages without a picture, by their names among the addresses, and why.
UNSEEN = {
    "several": "a dialog above a list: workspaces_several, credentials_several, people_moving, publish_plan",
    "of one file": "people_import, older_setup: what an upload holds",
    "parts": "workspace_inside, alert_message, bill: shown in place, or as another page is",
    "begun elsewhere": "credential_guide, assignments_new, pool_member, people_held, person_erase, routes_new",
}
MODELS = ("gpt-4o-mini", "gpt-4o", "claude-sonnet-4-5")
# Which model was answered by whom, for so many nanodollars a token.
_SERVED = (
    ("gpt-4o-mini", ("demo-openai", "demo-openai-a"), 150), ("gpt-4o", ("demo-openai", "demo-openai-b"), 2_500),
    ("claude-sonnet-4-5", ("demo-anthropic", "demo-anthropic"), 3_000), ("gemini-2.5-flash", ("demo-gemini", "demo-gemini"), 300),
)  # fmt: skip


def main() -> int:
    """Start, fill, look, write."""
    with tempfile.TemporaryDirectory() as folder, _demo(Path(folder)) as (console, gateway, key, link):
        _Filling(console, Path(folder) / "data", gateway, key).all()
        with sync_playwright() as play:
            args = ["--no-sandbox", "--disable-dev-shm-usage"]
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=args)
            _look(browser, console, link)
            browser.close()
    return 0


# The demo.


@contextmanager
def _demo(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    ports = {name: str(_free_port()) for name in ("port", "console-port", "metrics-port", "sandbox-port")}
    words = [word for name, port in ports.items() for word in (f"--{name}", port)]
    command = [sys.executable, "-m", "stationmaster", "demo", "--data", str(folder / "data"), *words]
    with (folder / "said").open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)  # noqa: S603  our own
    try:
        said = _until(lambda: _said(folder, process, "Running until"))
        key, link = (re.search(pattern, said) for pattern in (r"virtual key: (\S+)", r"(http://\S+/welcome/\S+)"))
        if not key or not link:
            raise SystemExit(said)
        yield f"http://127.0.0.1:{ports['console-port']}", f"http://127.0.0.1:{ports['port']}", key[1], link[1]
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _said(folder: Path, process: "subprocess.Popen[bytes]", wanted: str) -> str:
    said = (folder / "said").read_text()
    if process.poll() is not None:
        raise SystemExit(said)
    return said if wanted in said else ""


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (value := found()):
        if time.monotonic() > deadline:
            raise SystemExit("it did not come true")
        time.sleep(0.2)
    return value


class _Filling:
    """What there is to see: people, seats, plans, keys, calls, copies elsewhere."""

    def __init__(self, console: str, data: Path, gateway: str, key: str) -> None:
        words = ["token", "create", "pictures", "--role", "admin", "--output", "json", "--data", str(data)]
        made = subprocess.run([sys.executable, "-m", "stationmaster", *words], capture_output=True, check=True)  # noqa: S603  our own
        headers = {"Authorization": f"Bearer {json.loads(made.stdout)['token']}"}
        self._rest = httpx.Client(base_url=f"{console}/api/v1", headers=headers, trust_env=False, timeout=PATIENCE)
        self._told = f"{console}/internal/v1/events"
        self._gateway = httpx.Client(base_url=gateway, trust_env=False, timeout=PATIENCE)
        self._key = key

    def all(self) -> None:
        """Make it."""
        self._people()
        self._seats()
        keys = [self._key, *(self._made(f"team-{name}") for name in ("search", "support", "reports"))]
        self._days_before()
        self._calls(keys)
        self._copies()
        self._alerts()
        time.sleep(5)       # until gateways have told of the calls, and jobs have ended

    def _post(self, path: str, body: Any) -> Any:
        answer = self._rest.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def _people(self) -> None:
        people = [str(self._post("/people", _person(number))["id"]) for number in range(1, 25)]
        for place, name in enumerate(("engineers", "research", "support")):
            group = self._post("/groups", {"name": name})
            self._post(f"/groups/{group['id']}/members", {"add": people[place * 8 : place * 8 + 8], "remove": []})

    def _seats(self) -> None:
        for workspace, group in (("demo-openai", "engineers"), ("demo-anthropic", "research"), ("demo-cursor", "support")):
            self._post("/assignments", {"workspace": workspace, "group": group})
        plan = self._post("/plans", {"workspaces": ["demo-openai"], "note": "engineers, first wave"})
        self._post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
        self._post(f"/plans/{plan['id']}/apply", {})
        self._post("/plans", {"workspaces": ["demo-anthropic"], "note": "research"})

    def _made(self, name: str) -> str:
        made = self._post("/keys", {"name": name, "owner": "member-001@example.test", "models": ["*"],
                                    "pools": ["demo-openai", "demo-anthropic", "demo-gemini"]})  # fmt: skip
        return str(made["key"])

    def _calls(self, keys: Sequence[str]) -> None:
        _until(lambda: self._call(keys[-1], MODELS[0], 1) == 200)
        for number in range(160):
            self._call(keys[number % len(keys)], MODELS[number % 7 % len(MODELS)], number)
        for _ in range(3):
            self._call(keys[1], "sandbox-status-500", 0)

    def _call(self, key: str, model: str, number: int) -> int:
        body = {"model": model, "max_tokens": 400,
                "messages": [{"role": "user", "content": "What does a stationmaster do? " * (number % 9 + 1)}]}  # fmt: skip
        path = "/v1/messages" if model.startswith("claude") else "/v1/chat/completions"
        return self._gateway.post(path, json=body, headers={"authorization": f"Bearer {key}"}).status_code

    def _days_before(self) -> None:
        """What gateways told in the two weeks before."""
        token = self._post("/gateway-tokens", {"name": "pictures"})["token"]
        chance, now = random.Random(4), time.time()  # noqa: S311  no secret
        for day in range(1, 14):
            events = [_event(chance, now - day * 86_400 - chance.random() * 40_000) for _ in range(chance.randrange(60, 160))]
            body = msgspec.msgpack.encode({"gateway": "gateway-1", "batch": uuid.uuid4().hex, "events": events})
            headers = {"Authorization": f"Bearer {token}", "content-type": "application/msgpack"}
            self._rest.post(self._told, content=body, headers=headers).raise_for_status()

    def _copies(self) -> None:
        plan = self._post("/publish-plans", {"pool": "demo-openai"})
        self._post(f"/publish-plans/{plan['id']}/apply", {"hash": plan["hash"]})


    def _alerts(self) -> None:
        kinds = ["credential_disabled", "pool_unhealthy", "job_failed"]
        hook = {"channel": "webhook", "url": "https://hooks.example.com/stationmaster", "kinds": kinds}
        self._post("/alerts", {"name": "on-call", **hook})
        mail = {"channel": "mail", "addresses": ["owners@example.com"], "kinds": ["budget"], "watches": ["team-*"]}
        self._post("/alerts", {"name": "owners", **mail})
        self._post("/alerts/on-call/test", {})


def _person(number: int) -> dict[str, str]:
    address = f"member-{number:03}@example.test"
    department = ("Search", "Support")[number % 2]
    return {"user_name": address, "email": address, "display_name": f"Member {number:03}", "department": department}


def _event(chance: random.Random, at: float) -> dict[str, Any]:
    model, (pool, credential), price = chance.choice(_SERVED)
    taken, given = chance.randrange(2_000, 30_000), chance.randrange(200, 3_000)
    bad = chance.random() < 0.02
    tokens = {"input": taken, "cache_read": taken // 3, "cache_write": 0, "output": given, "reasoning": given // 4}
    return {
        "event": "request", "time": at, "request_id": f"req_{chance.randrange(16**12):012x}", "status": 502 if bad else 200,
        "key": chance.choice(("demo", "team-search", "team-support", "team-reports")), "owner": "member-001@example.test",
        "tenant": "",
        "endpoint": "chat", "dialect": "openai", "method": "POST", "model": model, "sent_model": model, "pool": pool,
        "credential": credential, "attempts": 1, "upstream_status": 500 if bad else 200, "tokens": {} if bad else tokens,
        "usage_source": "" if bad else "upstream_final", "cost": 0 if bad else (taken + 4 * given) * price,
        "duration_us": chance.randrange(300_000, 4_000_000), "first_byte_us": chance.randrange(100_000, 300_000), "tried": [],
        "skipped": None,
        **({"error": "upstream_failed"} if bad else {}),
    }  # fmt: skip


# Looking.


def _look(browser: Any, console: str, link: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    state: Any = None
    for theme in ("light", "dark"):
        how = {"viewport": SIZE, "color_scheme": theme, "storage_state": state, "reduced_motion": "reduce"}
        context = browser.new_context(base_url=console, **how)
        page = context.new_page()
        if state is None:
            _become(page, link)
            state = context.storage_state()
        for name, path in PAGES.items():
            _picture(page, name, path, theme)
        context.close()


def _become(page: Page, link: str) -> None:
    page.goto(link)
    for field, value in (("email", ADDRESS), ("password", PASSWORD), ("repeated", PASSWORD)):
        page.fill(f"#{field}", value)
    page.click("main form button")
    page.wait_for_url(lambda address: "/welcome" not in address)


def _picture(page: Page, name: str, path: str, theme: str) -> None:
    if path.startswith("{"):
        noun, _, below = path.strip("{").partition("}")
        page.goto(f"/{noun}")
        first = page.evaluate(f"document.querySelector('main tbody a[href^=\"/{noun}/\"]')?.getAttribute('href') || ''")
        path = f"{first}{below}" if first else ""
    answer = page.goto(path) if path else None
    if answer is None or answer.status != 200:
        sys.stderr.write(f"no page for {name}\n")
        return
    page.wait_for_timeout(600)      # until charts are drawn
    _write(FOLDER / f"{name}-{theme}.png", page.screenshot())


def _write(path: Path, png: bytes) -> None:
    """In 256 colours: a quarter of its size, and the same to see."""
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    takes_no_words(__doc__)
    sys.exit(main())
