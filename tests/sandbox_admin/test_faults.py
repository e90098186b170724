"""A simulated vendor that misbehaves, and what its ledger says of it."""

import base64
import json
import threading
import time
from collections.abc import Callable
from random import Random
from urllib.parse import quote

import httpx
import pytest

from sandbox_admin.kit import Make
from stationmaster.sandbox.admin import Faults, Organisation, Write
from stationmaster.sandbox.admin.faults import NAMES
from stationmaster.sandbox.server import SandboxServer

NEW = "new@example.test"
ANSWERED = {"500": 500, "503": 503, "401": 401, "403": 403, "404": 404, "409": 409, "429": 429, "429-bare": 429, "on-hold": 401,
            "echo-secret": 400, "redirect": 302, "slow": 200}  # fmt: skip
BROKEN = ("timeout", "close", "cut", "garbage")
ODD = ("html", "bad-json", "wrong-shape", "big")


def invite(http: httpx.Client, organisation: Organisation, email: str = NEW, **how: float) -> httpx.Response:
    """An invitation over plain HTTP."""
    headers = {"authorization": f"Bearer {organisation.secret}"}
    body = {"email": email, "role": "reader"}
    return http.post("/v1/organization/invites", json=body, headers=headers, **how)  # type: ignore[arg-type]


def written(organisation: Organisation) -> Write:
    """The only write."""
    (write,) = organisation.writes()
    return write


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_every_fault_is_known_here() -> None:
    """The tests below leave none out."""
    assert set(NAMES) == {*ANSWERED, *BROKEN, *ODD, "hold"}


@pytest.mark.parametrize("name", [name for name in ANSWERED if name != "slow"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_error_that_came_before_or_after_the_work(make: Make, http: httpx.Client, name: str, after: bool) -> None:
    """Plain: nothing was done. With -after: it was, whatever the status says. The ledger tells which, and it happens once."""
    organisation = make("openai")
    organisation.faults.set(name + "-after" * after, on="POST *invites*")
    assert invite(http, organisation, ).status_code == ANSWERED[name]
    assert (written(organisation).done, written(organisation).status) == (after, ANSWERED[name])
    assert organisation.invitations(NEW) == len(organisation.invites()) == after
    organisation.forget()
    assert invite(http, organisation, "next@example.test").status_code == 200


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_answer_that_does_not_come(make: Make, http: httpx.Client, name: str, after: bool) -> None:
    """The client has nothing; the work is done or not as the name says."""
    organisation = make("openai")
    organisation.faults.set(name + "-after" * after, on="writes")
    with pytest.raises(httpx.HTTPError):
        invite(http, organisation, timeout=0.5 if name == "timeout" else 20)
    assert written(organisation).done == after
    assert organisation.invitations(NEW) == after


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_answer_that_is_none(make: Make, http: httpx.Client, name: str, after: bool) -> None:
    """200, and not what was expected."""
    organisation = make("openai")
    organisation.faults.set(name + "-after" * after, on="writes")
    answer = invite(http, organisation)
    assert answer.status_code == 200
    try:
        assert "status" not in answer.json()
    except json.JSONDecodeError:
        assert name in ("html", "bad-json")
    assert (written(organisation).done, organisation.invitations(NEW)) == (after, after)


def test_how_long_to_wait(make: Make, http: httpx.Client) -> None:
    """Told in seconds, or not at all."""
    organisation = make("openai")
    for name, seconds in (("429", 37.0), ("429", 0.0), ("429-bare", 5.0)):
        organisation.faults.set(name, seconds=seconds)
    waits = [invite(http, organisation).headers.get("retry-after") for _ in range(3)]
    assert waits == ["37", "1", None]


@pytest.mark.parametrize("name", ["hold", "hold-after"])
def test_a_held_answer_waits_for_its_release(make: Make, http: httpx.Client, name: str) -> None:
    """Nobody has an answer until then; what is done is done once."""
    organisation = make("openai")
    organisation.faults.set(name, on="writes")
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(invite(http, organisation).status_code))
    asking.start()
    until(lambda: organisation.faults.held == 1)
    assert (answers, organisation.invitations(NEW)) == ([], name == "hold-after")
    organisation.release()
    asking.join(20)
    assert (answers, organisation.invitations(NEW), organisation.faults.held) == ([200], 1, 0)


@pytest.mark.parametrize(("name", "done"), [("hold", 0), ("hold-after", 1)])
def test_whoever_leaves_a_held_answer(make: Make, http: httpx.Client, name: str, done: int) -> None:
    """A client that is killed while it waits: work that was done stays, work that was not is never done."""
    organisation = make("openai")
    organisation.faults.set(name, on="writes")
    with pytest.raises(httpx.ReadTimeout):
        invite(http, organisation, timeout=0.3)
    until(lambda: organisation.faults.held == 0)
    organisation.release()
    assert invite(http, organisation, "next@example.test").status_code == 200
    assert organisation.invitations(NEW) == done == sum(write.whom == NEW for write in organisation.writes())


def test_slow_is_an_answer_all_the_same(make: Make, http: httpx.Client) -> None:
    """Late, and right."""
    organisation = make("openai")
    organisation.faults.set("slow", seconds=0.05)
    assert invite(http, organisation).status_code == 200
    assert organisation.invitations(NEW) == 1


def test_which_calls_it_meets() -> None:
    """By method and path, by reading or writing, so many times, and by chance as the seed says."""
    faults = Faults(Random(5))
    faults.set("500", on="GET /v1/organization/users*", times=2)
    faults.set("503", on="writes", times=None)
    met = [faults.take(method, path) for method, path in (
        ("GET", "/v1/organization/users"), ("GET", "/v1/organization/invites"), ("GET", "/v1/organization/users/u"),
        ("GET", "/v1/organization/users"), ("POST", "/v1/organization/users"), ("DELETE", "/v1/organization/users/u"),
    )]  # fmt: skip
    assert [fault and fault.name for fault in met] == ["500", None, "500", None, "503", "503"]
    faults.clear()
    assert faults.take("POST", "/v1/organization/users") is None
    chances = []
    for _ in range(2):
        some = Faults(Random(5))
        some.set("500", times=None, chance=0.5)
        chances.append([some.take("GET", "/x") is not None for _ in range(40)])
    assert chances[0] == chances[1]
    assert 5 < sum(chances[0]) < 35


def test_an_unknown_fault_is_refused() -> None:
    """Before anything could rely on it."""
    with pytest.raises(ValueError, match="no fault"):
        Faults(Random(1)).set("gremlins")


def test_a_vendor_that_repeats_the_credential(make: Make, http: httpx.Client) -> None:
    """In every spelling that a client has to look out for."""
    organisation = make("openai")
    organisation.faults.set("echo-secret")
    words = invite(http, organisation).text
    encoded = base64.b64encode(f"{organisation.secret}:".encode()).decode()
    assert all(spelling in words for spelling in (organisation.secret, encoded, quote(organisation.secret, safe="")))


def test_the_ledgers_hold_no_secret(sandbox: SandboxServer, make: Make, http: httpx.Client) -> None:
    """Neither that of writes nor that of all requests, whichever way the credential came."""
    organisation, team = make("openai"), make("cursor")
    invite(http, organisation)
    http.post("/teams/remove-member", json={"email": "member-002@example.test"}, auth=(team.secret, ""))
    basic = base64.b64encode(f"{team.secret}:".encode()).decode()
    shown = repr([entry.plain() for entry in sandbox.asked()]) + repr(organisation.writes()) + repr(team.writes())
    assert NEW in shown
    for secret in (organisation.secret, team.secret, basic):
        assert secret not in shown


def test_the_ledger_says_what_whom_and_how_it_ended(make: Make, http: httpx.Client) -> None:
    """Refusals too; reading is counted and not listed."""
    organisation = make("openai")
    headers = {"authorization": f"Bearer {organisation.secret}"}
    invite(http, organisation)
    invite(http, organisation, NEW.upper())
    http.delete(f"/v1/organization/users/{organisation.members()[1].id}", headers=headers)
    http.get("/v1/organization/users", headers=headers)
    told = [(write.operation.partition("/users/")[0], write.whom, write.done, write.status) for write in organisation.writes()]
    assert told == [
        ("POST /v1/organization/invites", NEW, True, 200),
        ("POST /v1/organization/invites", NEW.upper(), False, 400),
        ("DELETE /v1/organization", "member-002@example.test", True, 200),
    ]
    assert organisation.requests == 4
    assert [write.sequence for write in organisation.writes()] == [1, 2, 3]
