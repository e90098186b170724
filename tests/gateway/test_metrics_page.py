"""The page of metrics: all workers together, equal to the events, outliving workers, in nobody's way."""

import os
import re
import signal
import socket
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import rig
from gateway import kit, plain, station
from gateway.station import Station
from gateway.test_money import requests_in
from stationmaster.gateway.core.life import STATES
from stationmaster.gateway.core.metrics import CONTENT_TYPE, FAMILIES
from stationmaster.sandbox.server import SandboxServer

Labels = frozenset[tuple[str, str]]
SETTINGS = """workers = 2
metrics_port = {page}
health_check_enabled = false

[[credential]]
id = "priced"
vendor = "openai"
base_url = "{url}/v1"
secret = "env:SECRET_OPENAI"
organisation = "acme"
prices = {{ "priced-*" = {{ input = 3, output = 15, cache_read = 0.3 }} }}

[[pool]]
id = "priced"
members = [{{ credential = "priced" }}]

[[route]]
models = ["priced-*", "unlisted-*"]
pool = "priced"

[[key]]
id = "team"
owner = "team \\"A\\""
secret_sha256 = "{team}"

[[key]]
id = "limited"
secret_sha256 = "{limited}"
rpm = 1
"""
TEAM, LIMITED = "sm-of-a-team", "sm-limited"


class Page:
    """One scrape: samples by name, each by its labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.samples: dict[str, dict[Labels, float]] = defaultdict(dict)
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = _parts(line)
                assert labels not in self.samples[name], f"twice: {line}"
                self.samples[name][labels] = value

    def sum(self, name: str, **labels: str) -> float:
        """All samples of a family that have these labels."""
        wanted = set(labels.items())
        return sum(value for found, value in self.samples[f"stationmaster_{name}"].items() if wanted <= found)


def _parts(line: str) -> tuple[str, Labels, float]:
    found = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
    assert found, line
    labels = re.findall(r'([a-z]+)="((?:[^"\\]|\\.)*)"', found[2] or "")
    return found[1], frozenset(labels), float(found[3])


def scrape(page: int) -> Page:
    """Read the page now."""
    answer = plain.ask(page, "GET", "/metrics", fields=())
    assert answer.status == 200
    return Page(answer.body.decode())


@pytest.fixture
def page() -> int:
    """A port for the page."""
    return station.free_port()


@pytest.fixture
def gateway(vendor: SandboxServer, page: int) -> Iterator[Station]:
    """Two workers and their page."""
    text = SETTINGS.format(page=page, url=vendor.url, team=rig.sha256(TEAM), limited=rig.sha256(LIMITED))
    with station.running(vendor.url, text, "--events", "events.jsonl") as running:
        yield running


def ask(gateway: Station, model: str = "priced-x", key: str = TEAM, fault: str = "none", **more: object) -> plain.Answer:
    """One Chat request, over a connection of its own."""
    fields = [("authorization", f"Bearer {key}"), plain.JSON, ("x-sandbox-fault", fault)]
    body = plain.dump(plain.chat(model, "one two three four five say OK now", **more))
    return plain.ask(gateway.port, "POST", "/v1/chat/completions", body, fields)


def counted(page: int, requests: int) -> Page:
    """The page once it has counted so many requests."""
    kit.wait_for(lambda: scrape(page).sum("gateway_requests_total") >= requests)
    return scrape(page)


def beats(page: int) -> set[str]:
    """The workers whose heartbeat is on the page."""
    found = scrape(page).samples["stationmaster_worker_heartbeat_timestamp_seconds"]
    return {dict(labels)["worker"] for labels in found}


def both_served(events: Path) -> bool:
    """Whether requests went over both workers."""
    return len({event["request_id"][:16] for event in requests_in(events)}) == 2


def test_all_workers_are_one(gateway: Station, page: int) -> None:
    """Requests over both workers add up: to their number, by outcome, by how long they took; tokens and dollars to what
    the events say, and requests of unknown price are counted, not guessed."""
    for number in range(60):
        assert ask(gateway, stream=number % 2 == 0).status == 200
    for number in range(12):
        assert ask(gateway, "unlisted-x", reasoning_effort="low", stream=number % 2 == 0).status == 200
    for _ in range(6):
        assert ask(gateway, fault="sandbox-400").status == 400
    seen = counted(page, 78)
    kit.wait_for(lambda: len(requests_in(gateway.events)) == 78)
    events = requests_in(gateway.events)
    assert both_served(gateway.events)
    assert seen.sum("gateway_requests_total") == 78
    assert seen.sum("gateway_requests_total", outcome="ok", code="200", pool="priced", dialect="openai") == 72
    assert seen.sum("gateway_requests_total", outcome="client_error", code="400") == 6
    assert seen.sum("gateway_request_duration_seconds_count") == 78
    assert seen.sum("gateway_time_to_first_byte_seconds_count") == 78
    assert seen.sum("upstream_attempts_total", vendor="openai") == sum(event["attempts"] for event in events)
    for kind in ("input", "cache_read", "cache_write", "output", "reasoning"):
        booked = sum(event["tokens"][kind] for event in events if event["tokens"])
        assert seen.sum("tokens_total", kind=kind) == booked
    assert seen.sum("tokens_total", source="upstream_final") == seen.sum("tokens_total")
    dollars = sum(event["cost"] or 0 for event in events) / 10**9
    assert dollars == pytest.approx(60 * (6 * 3 + 2 * 0.3 + 2 * 15) / 10**6)
    assert seen.sum("spend_usd_total", team=r"team \"A\"") == pytest.approx(dollars)
    assert seen.sum("unpriced_requests_total", model="unlisted-x", vendor="openai") == seen.sum("unpriced_requests_total") == 12
    took = sum(event["duration_us"] for event in events) / 10**6
    assert seen.sum("gateway_request_duration_seconds_sum") == pytest.approx(took)


def test_gauges(gateway: Station, page: int) -> None:
    """The state of every credential, the members of every pool, a heartbeat of each worker, what runs."""
    ask(gateway)
    kit.wait_for(lambda: scrape(page).sum("credential_state") >= 4)
    kit.wait_for(lambda: scrape(page).sum("credential_state", credential="priced", state="healthy"))
    kit.wait_for(lambda: beats(page) == {str(pid) for pid in gateway.workers()})
    seen = scrape(page)
    states = {dict(labels)["state"] for labels in seen.samples["stationmaster_credential_state"]}
    assert states == set(STATES)
    assert seen.sum("credential_state", workspace="acme", credential="priced") >= 1
    assert seen.sum("pool_members", pool="priced") >= 1
    assert seen.sum("pool_members", pool="all") >= 3
    assert seen.sum("build_info") == 1
    assert seen.sum("events_dropped_total") == 0


def test_refusals_are_counted(gateway: Station, page: int) -> None:
    """What a key's limits refused, by which."""
    statuses = [ask(gateway, key=LIMITED).status for _ in range(10)]
    refused = statuses.count(429)
    assert refused >= 8, "each worker lets one in at most"
    seen = counted(page, 10)
    assert seen.sum("limit_refusals_total", kind="rpm") == seen.sum("limit_refusals_total") == refused
    assert seen.sum("gateway_requests_total", outcome="client_error", code="429") == refused


def test_a_killed_worker(gateway: Station, page: int) -> None:
    """What a worker had reported stays counted when it is killed, its heartbeat goes, and its successor adds to it."""
    for _ in range(40):
        ask(gateway)
    before = counted(page, 40)
    kit.wait_for(lambda: len(requests_in(gateway.events)) == 40)
    assert both_served(gateway.events)
    victim = gateway.workers()[0]
    os.kill(victim, signal.SIGKILL)
    gateway.said("starting another")
    kit.wait_for(lambda: len(set(gateway.workers()) - {victim}) == 2)
    kit.wait_for(lambda: beats(page) == {str(pid) for pid in gateway.workers()})
    after = scrape(page)
    for name in ("gateway_requests_total", "tokens_total", "spend_usd_total", "gateway_request_duration_seconds_sum"):
        assert after.sum(name) == before.sum(name) > 0
    for _ in range(20):
        ask(gateway)
    assert counted(page, 60).sum("gateway_requests_total") == 60


def test_a_worker_that_is_told_to_stop(gateway: Station, page: int) -> None:
    """The last report of a worker that ends in good order counts as well."""
    for _ in range(20):
        ask(gateway)
    for pid in gateway.workers():
        os.kill(pid, signal.SIGTERM)
    assert counted(page, 20).sum("gateway_requests_total") == 20


def test_its_form(gateway: Station, page: int) -> None:
    """Prometheus' text format: the content type, a HELP and a TYPE before each metric, every metric there is, no sample
    that its metric does not announce."""
    ask(gateway)
    counted(page, 1)
    answer = plain.ask(page, "GET", "/metrics?name=x", fields=())
    assert answer.header("content-type") == CONTENT_TYPE
    lines = answer.body.decode().splitlines()
    announced = [line.split(" ")[2:4] for line in lines if line.startswith("# TYPE ")]
    assert announced == [[family.name, family.kind] for family in FAMILIES]
    kinds = dict(announced)
    for name in Page("\n".join(lines)).samples:
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in kinds or kinds.get(stem) == "histogram"


def test_nothing_else_is_there(gateway: Station, page: int) -> None:
    """Any other path is 404; what is not GET is refused."""
    targets = ("/", "/metrics/", "/metrics2", "/Metrics", "/v1/models", "/healthz", "/../metrics", "*")
    assert [plain.ask(page, "GET", target, fields=()).status for target in targets] == [404] * len(targets)
    assert plain.ask(page, "POST", "/metrics", b"", ()).status in (404, 405, 501)


def test_only_this_machine(gateway: Station, page: int) -> None:
    """It listens on the loopback address, and the gateway's own port does not have it."""
    assert plain.ask(gateway.port, "GET", "/metrics").status == 404
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", page)) != 0


def test_a_scraper_that_says_nothing(gateway: Station, page: int) -> None:
    """Whoever connects and stays silent stops neither the page nor the gateway."""
    with plain.connected(page), plain.connected(page) as half:
        half.sendall(b"GET /metr")
        assert ask(gateway).status == 200
        assert counted(page, 1).sum("gateway_requests_total") == 1


def test_no_secrets(gateway: Station, page: int) -> None:
    """Neither keys, credentials, prompts nor request ids are on the page."""
    ask(gateway)
    ask(gateway, fault="sandbox-echo-secret")
    text = counted(page, 2).text
    for secret in (*kit.SECRETS.values(), TEAM, rig.sha256(TEAM), "one two three", "req_"):
        assert secret not in text


_FALLS = """
[[credential]]
id = "dead"
vendor = "openai"
base_url = "http://127.0.0.1:{port}/v1"
secret = "env:SECRET_OPENAI"

[[pool]]
id = "dead"
members = [{{ credential = "dead" }}]

[[route]]
models = ["falls-*"]
pool = "dead"
fallback = ["priced"]
"""


def test_an_attempt_is_its_pools(vendor: SandboxServer, page: int) -> None:
    """A failed attempt is counted in the pool in which it was made, the one that answered in the fallback."""
    given = SETTINGS.format(page=page, url=vendor.url, team=rig.sha256(TEAM), limited=rig.sha256(LIMITED))
    with station.deaf_port() as deaf, station.running(vendor.url, given + _FALLS.format(port=deaf)) as gateway:
        assert ask(gateway, "falls-x").status == 200
        seen = counted(page, 1)
    assert seen.sum("upstream_attempts_total", pool="dead", result="failed_over", reason="upstream") == 1
    assert seen.sum("upstream_attempts_total", pool="dead") == 1
    assert seen.sum("upstream_attempts_total", pool="priced") == 1


def test_a_port_in_use(vendor: SandboxServer) -> None:
    """Without its port there is no page: one line says so, and the gateway serves."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with station.running(vendor.url, f"workers = 2\nmetrics_port = {port}") as gateway:
            assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
            said = gateway.said("no metrics on")
    lines = [line for line in said.splitlines() if "metrics" in line]
    assert len(lines) == 1
    assert f"127.0.0.1:{port}" in lines[0]
    assert "/metrics there does not show this one" in lines[0]
    assert "Traceback" not in said


def test_no_page(vendor: SandboxServer) -> None:
    """Port 0: there is none, and nothing is said of it."""
    with station.running(vendor.url, "metrics_port = 0") as gateway:
        assert plain.post(gateway.port, "/v1/responses", plain.responses()).status == 200
        assert "metrics" not in gateway.err.read_text()


def test_it_ends_with_the_gateway(gateway: Station, page: int) -> None:
    """When the gateway has stopped the port is free."""
    assert gateway.end() == 0
    assert not kit.answers(page)


@pytest.mark.parametrize(("host", "asked"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_it_listens_where_it_is_told_to(vendor: SandboxServer, host: str, asked: str) -> None:
    """`metrics_host` is any address of the machine; the start says which."""
    port = station.free_port()
    with station.running(vendor.url, f'metrics_host = "{host}"\nmetrics_port = {port}') as gateway:
        assert f"metrics on http://{f'[{host}]' if ':' in host else host}:{port}/metrics" in gateway.said("metrics on")
        with urllib.request.urlopen(f"http://{asked}:{port}/metrics", timeout=30) as page:
            assert b"stationmaster_build_info" in page.read()
