"""The simulated organisations, steered over HTTP from another process."""

from typing import Any

import httpx
import pytest

from sandbox_admin.kit import Make

ROOT = "/sandbox/admin"


@pytest.fixture
def place(make: Make) -> str:
    """The path of a new organisation of two."""
    return f"{ROOT}/openai/{make('openai', people=2).name}"


def test_there_is_something_to_try(http: httpx.Client) -> None:
    """Every vendor has a demo with a few people, whose credential and address are shown: they are made up."""
    listed = {(each["vendor"], each["name"]) for each in http.get(ROOT).json()}
    assert {(vendor, "demo") for vendor in ("openai", "anthropic", "github_copilot", "cursor")} <= listed
    demo = http.get(f"{ROOT}/openai/demo").json()
    assert [person["email"] for person in demo["members"]] == [f"member-{number:03d}@example.test" for number in (1, 2, 3)]
    answer = httpx.get(demo["base_url"] + "/organization/users", headers={"authorization": f"Bearer {demo['secret']}"})
    assert len(answer.json()["data"]) == 3


def test_made_changed_and_dropped(http: httpx.Client) -> None:
    """With people and settings; a name is used once; what is dropped opens nothing."""
    made = http.post(f"{ROOT}/anthropic", json={"name": "made", "people": 2, "seats": 3, "allowed_domains": ["example.test"]})
    assert (made.status_code, made.json()["settings"]["seats"], len(made.json()["members"])) == (201, 3, 2)
    assert http.post(f"{ROOT}/anthropic", json={"name": "made"}).status_code == 400
    changed = http.patch(f"{ROOT}/anthropic/made", json={"listed_after": 2.5, "allowed_domains": ["b.test", "a.test"]}).json()
    assert (changed["settings"]["listed_after"], changed["settings"]["allowed_domains"]) == (2.5, ["a.test", "b.test"])
    headers = {"x-api-key": made.json()["secret"]}
    assert http.get("/v1/organizations/me", headers=headers).json()["name"] == "made"
    http.delete(f"{ROOT}/anthropic/made")
    assert http.get("/v1/organizations/me", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/openai", {"name": "x", "sheats": 3}, 400),
        ("POST", "/altavista", {"name": "x"}, 400),
        ("PATCH", "/openai/demo", {"sheats": 3}, 400),
        ("POST", "/openai/demo/faults", {"name": "gremlins"}, 400),
        ("POST", "/openai/demo/accept", {"email": "stranger@example.test"}, 400),
        ("POST", "/openai/demo/accept", [], 400),
        ("GET", "/openai/nobody", None, 404),
        ("GET", "/openai/nobody/writes", None, 404),
    ],
)
def test_mistakes_are_told(http: httpx.Client, method: str, path: str, body: Any, status: int) -> None:
    """A typo does not pass for a setting, nor an unknown name for an organisation."""
    assert http.request(method, ROOT + path, json=body).status_code == status


def test_people_do_what_people_do(http: httpx.Client, place: str) -> None:
    """They are added, accept, let an invitation run out, and leave."""
    secret = http.get(place).json()["secret"]
    for email in ("a@example.test", "b@example.test"):
        body = {"email": email, "role": "reader"}
        http.post("/v1/organization/invites", json=body, headers={"authorization": f"Bearer {secret}"})
    http.post(f"{place}/accept", json={"email": "A@example.test"})
    http.post(f"{place}/expire", json={"email": "b@example.test"})
    http.post(f"{place}/add", json={"email": "c@example.test", "role": "owner"})
    state = http.post(f"{place}/leave", json={"email": "member-002@example.test"}).json()
    assert [(row["email"], row["role"]) for row in state["members"]] == [
        ("member-001@example.test", "owner"), ("a@example.test", "reader"), ("c@example.test", "owner"),
    ]  # fmt: skip
    ended = {row["email"]: row["status"] for row in state["invites"]}
    assert ended == {"a@example.test": "accepted", "b@example.test": "expired"}
    assert http.get(f"{place}/invitations", params={"email": "A@EXAMPLE.test"}).json()["count"] == 1
    assert [write["whom"] for write in http.get(f"{place}/writes").json()] == ["a@example.test", "b@example.test"]
    http.delete(f"{place}/writes")
    assert http.get(f"{place}/writes").json() == []


def test_faults_are_set_seen_and_taken_away(http: httpx.Client, place: str) -> None:
    """With everything that Python can say."""
    wanted = {"name": "429-after", "on": "reads", "times": 2, "seconds": 9.0, "chance": 1.0}
    assert http.post(f"{place}/faults", json=wanted).json() == {"faults": [wanted], "held": 0}
    secret = http.get(place).json()["secret"]
    answer = http.get("/v1/organization/users", headers={"authorization": f"Bearer {secret}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
    assert http.get(f"{place}/faults").json()["faults"] == [wanted | {"times": 1}]
    assert http.delete(f"{place}/faults").json()["faults"] == []
    assert http.post(f"{place}/release").status_code == 200
