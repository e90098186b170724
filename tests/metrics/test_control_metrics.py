"""The control plane's page for Prometheus: who may read it, what it says, and what it never says."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from api.kit import Callers, code
from controlkit import ADMIN, CLI, a_credential
from internal.kit import Control
from stationmaster.credentials import services as credentials
from stationmaster.entrances.metrics import page, process, standing
from stationmaster.operators import services as operators
from stationmaster.people import services as people
from stationmaster.routing import services as routing
from stationmaster.settings import load

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "stationmaster_control_"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is held from a test before."""
    monkeypatch.setattr(page, "_STANDING", standing.Standing())


def read(client: httpx.Client, url: str, accept: str = "") -> dict[str, Any]:
    """The page's families by name."""
    answer = client.get(f"{url}/metrics", headers={"accept": accept} if accept else {})
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"]
    parse = openmetrics if kind.startswith("application/openmetrics-text") else plain
    return {family.name: family for family in parse(answer.text)}


def value(families: dict[str, Any], name: str, **labels: str) -> float:
    """One sample."""
    found = [sample.value for family in families.values() for sample in family.samples
             if sample.name == PREFIX + name and labels.items() <= sample.labels.items()]  # fmt: skip
    assert len(found) == 1, (name, labels, found)
    return float(found[0])


def test_who_may_read_it(control: Control, callers: Callers) -> None:
    """Every role but a member's reads it; nobody in particular is refused as a program is, without a way to log in."""
    for role in ("viewer", "operator", "admin", "auditor"):
        assert callers[role].get(f"{control.url}/metrics").status_code == 200, role
    assert callers["member"].get(f"{control.url}/metrics").status_code == 403
    nobody = callers["anonymous"].get(f"{control.url}/metrics")
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    assert code(nobody).startswith("error.access.")
    assert callers["viewer"].post(f"{control.url}/metrics").status_code == 405
    assert callers["viewer"].get(f"{control.url}/metrics/").status_code == 404


def test_a_token_for_nothing_else(control: Control) -> None:
    """A token that may read metrics alone reads all of them, and nothing else; a gateway's reads none."""
    text = operators.create_token(CLI, {"name": "prometheus", "role": "viewer", "scopes": ["metrics:read"]}).secret.text
    with httpx.Client(headers={"authorization": f"Bearer {text}"}, trust_env=False, timeout=30) as client:
        assert value(read(client, control.url), "workspaces") == 0
        assert client.get(f"{control.url}/api/v1/credentials").status_code == 403
    with httpx.Client(headers={"authorization": f"Bearer {control.token}"}, trust_env=False, timeout=30) as client:
        assert client.get(f"{control.url}/metrics").status_code == 401


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0", "text/plain",
                                    "application/openmetrics-text;version=a.b"])
def test_what_it_counts(control: Control, callers: Callers, accept: str) -> None:
    """States count what there is of each, in both formats, and what there is none of is 0 and not absent."""
    credentials.create_credential(ADMIN, a_credential())
    credentials.create_credential(ADMIN, a_credential("off"))
    credentials.update_credential(ADMIN, "off", {"disabled": True})
    for name in ("ada", "eve"):
        people.create_person(ADMIN, {"email": f"{name}@example.com"})
    people.update_person(ADMIN, "eve@example.com", {"active": False})
    families = read(callers["viewer"], control.url, accept)
    assert (value(families, "credentials", state="unknown"), value(families, "credentials", state="off")) == (1, 1)
    assert value(families, "credentials", state="disabled") == 0
    assert (value(families, "people", state="active"), value(families, "people", state="left")) == (1, 1)
    assert {sample.labels["state"] for sample in families[f"{PREFIX}seats"].samples} == set(standing.SEATS)
    assert {sample.labels["state"] for sample in families[f"{PREFIX}jobs"].samples} == set(standing.JOBS)
    assert value(families, "configuration_revision") > 0
    assert (value(families, "job_worker_alive"), value(families, "jobs_due")) == (0, 0)
    assert value(families, "gateways", state="known") == 0


def test_requests_count_by_their_route(control: Control, callers: Callers) -> None:
    """A request counts under its route as declared, however it was spelled; paths and methods that somebody makes up count under
    one name each."""
    before = read(callers["viewer"], control.url)
    for number in range(3):
        callers["viewer"].get(f"/credentials/nobody-{number}")
        callers["viewer"].get(f"{control.url}/made-up-{number}")
        callers["viewer"].request(f"MADE{number}", f"{control.url}/metrics")
    after = read(callers["viewer"], control.url)
    routes = {sample.labels["route"] for sample in after[f"{PREFIX}requests"].samples}
    assert not [route for route in routes if "nobody" in route or "made-up" in route]
    (route,) = [each for each in routes if re.fullmatch(r"/api/v1/credentials/[<{].*[>}]", each)]
    assert _asked(after, route=route, status="404") - _asked(before, route=route, status="404") == 3
    assert _asked(after, route="other", status="404") - _asked(before, route="other", status="404") >= 3
    assert {sample.labels["method"] for sample in after[f"{PREFIX}requests"].samples} <= {*process.METHODS, "other"}


def _asked(families: dict[str, Any], **labels: str) -> float:
    samples = families[f"{PREFIX}requests"].samples
    return float(sum(each.value for each in samples if each.name.endswith("_total") and labels.items() <= each.labels.items()))


def test_it_names_nobody(control: Control, callers: Callers) -> None:
    """Names of people, keys, credentials and workspaces, and secrets, are not on the page."""
    marks = ["zaphod", "trillian", "marvin-key"]
    credentials.create_credential(ADMIN, a_credential(marks[1], secret="sk-zaphods-secret-key"))
    people.create_person(ADMIN, {"email": f"{marks[0]}@example.com", "display_name": marks[0]})
    routing.create_key(ADMIN, {"name": marks[2], "owner": f"{marks[0]}@example.com"})
    text = callers["admin"].get(f"{control.url}/metrics").text.lower()
    assert not [mark for mark in (*marks, "example.com", "sk-") if mark in text]


@pytest.mark.usefixtures("database")
def test_it_asks_seldom() -> None:
    """However often it is read, the database is asked once in a while, and never per row."""
    people.create_person(ADMIN, {"email": "p@example.com"})
    now = [0.0]
    collector = standing.Standing(lambda: now[0])
    with CaptureQueriesContext(connection) as first:
        list(collector.collect())
    for number in range(30):
        people.create_person(ADMIN, {"email": f"p{number}@example.com"})
    with CaptureQueriesContext(connection) as held:
        list(collector.collect())
    now[0] += standing.FRESH
    with CaptureQueriesContext(connection) as again:
        list(collector.collect())
    assert (len(held), len(first)) == (0, len(again))


def test_the_certificate_is_shown_where_there_is_one() -> None:
    """Its end, and whether its files hold another that cannot be used."""
    process.certified(1_900_000_000.0, refused=True)
    found = {sample.name: sample.value for family in process.REGISTRY.collect() for sample in family.samples}
    assert found[f"{PREFIX}tls_certificate_expiry_timestamp_seconds"] == 1_900_000_000.0
    assert found[f"{PREFIX}tls_certificate_refused"] == 1


def rows(families: Any) -> list[str]:
    """The table of docs/reference/control-metrics.md, as it has to be."""
    made = []
    for family in families:
        if not family.name.startswith(PREFIX):
            continue
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"}, key=_ORDER.index)
        name = family.name + ("_total" if family.type == "counter" else "")
        words = ", ".join(f"`{each}`" for each in labels) or "none"
        made.append(f"| `{name}` | {family.type} | {words} | {family.documentation} |")
    return made


_ORDER = ["method", "route", "status", "state", "expiry", "version"]


@pytest.mark.usefixtures("database")
def test_the_reference_says_what_is_there() -> None:
    """The page of the documentation has every family in its words, and no other."""
    process.count("GET", "/metrics", 200, 0.01)
    process.certified(1_900_000_000.0, refused=False)
    text = (ROOT / "docs/reference/control-metrics.md").read_text()
    told = re.findall(rf"^\| `{PREFIX}[a-z_]+` \|.*\|$", text, re.MULTILINE)
    assert told == rows(standing.Standing().collect()) + rows(process.REGISTRY.collect())


def test_what_prometheus_asks(tmp_path: Path) -> None:
    """The page's part of a configuration is one job, that asks the console's port with a token from a file."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/reference/control-metrics.md").read_text(), re.DOTALL)
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"stationmaster.example.com:{load(environ={}, folder=tmp_path).console.port}"]}]
    assert job["authorization"].keys() == {"credentials_file"}
    assert job.keys() == {"job_name", "scheme", "authorization", "static_configs"}      # the path is Prometheus' own
