"""Limits of keys and of pool members at the gateway: refused in time and in words that clients understand, given back
whatever becomes of the call."""

import calendar
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import msgspec
import openai
import pytest

import rig
from gateway import kit, plain
from stationmaster.gateway.core.prices import Clause, ModelPrice, Rates, rate
from stationmaster.gateway.core.snapshot import Budget, Credential, Member, Pool, Route, Snapshot, VirtualKey
from stationmaster.sandbox.server import SandboxServer

USD = 10**9                 # nanodollars
EXPENSIVE = (ModelPrice(Clause("pattern", "*"), Rates(rate(10**6 * USD, 10**6 * USD))),)    # a dollar a token
LATER = 4e9


def priced(snapshot: Snapshot) -> Snapshot:
    """The same, where every token costs a dollar."""
    dear = tuple(msgspec.structs.replace(each, prices=EXPENSIVE) for each in snapshot.credentials)
    return msgspec.structs.replace(snapshot, credentials=dear)


def key(name: str, **limits: Any) -> VirtualKey:
    """A virtual key, presented as `name`."""
    return VirtualKey(name, rig.sha256(name), **limits)


LIMITED: dict[str, dict[str, Any]] = {
    "rpm": {"rpm": 1},
    "tpm": {"tpm": 60},
    "calls": {"max_concurrency": 1},
    "expired": {"expires": 1.8e9 - 1e9},
    "day": {"budget": Budget(day=1)},
    "month": {"budget": Budget(month=1)},
    "total": {"budget": Budget(total=1)},
    "today": {"budget": Budget(day=1980 * USD)},
    "this month": {"budget": Budget(month=1980 * USD)},
    "elsewhere": {"pools": ("azure_openai",)},
    "expires": {"expires": LATER},
}


def with_keys(snapshot: Snapshot, *keys: VirtualKey) -> Snapshot:
    """The same with these keys as well."""
    return msgspec.structs.replace(snapshot, keys=(*snapshot.keys, *keys))


@pytest.fixture
def limited(vendor: SandboxServer) -> Iterator[rig.Gateway]:
    """A gateway of its own for each test, with a key for each kind of limit."""
    made = with_keys(priced(rig.snapshot_for(vendor.url)), *(key(name, **limits) for name, limits in LIMITED.items()))
    with rig.running_gateway(made) as running:
        yield running


Door = tuple[str, dict[str, object]]
DOORS: dict[str, Door] = {
    "openai": ("/v1/chat/completions", plain.chat()),
    "responses": ("/v1/responses", plain.responses()),
    "anthropic": ("/v1/messages", plain.messages()),
    "gemini": ("/v1beta/models/gemini-x:generateContent", plain.gemini()),
    "azure": ("/openai/deployments/azure-x/chat/completions", plain.chat()),
}


_FORTY = "say OK words:37"        # three words in, 37 out
LONG_DOORS: dict[str, Door] = {
    "openai": ("/v1/chat/completions", plain.chat(said=_FORTY)),
    "responses": ("/v1/responses", plain.responses(said=_FORTY)),
    "anthropic": ("/v1/messages", plain.messages(said=_FORTY)),
    "gemini": ("/v1beta/models/gemini-x:generateContent", plain.gemini(_FORTY)),
}


def ask(gateway: rig.Gateway, name: str, door: Door = DOORS["openai"], *fields: tuple[str, str]) -> plain.Answer:
    """A request with one of the keys."""
    given = [("authorization", f"Bearer {name}"), plain.JSON, *fields]
    return plain.ask(gateway.port, "POST", door[0], plain.dump(door[1]), given)


def code_of(answer: plain.Answer) -> str:
    """Our code in whichever envelope."""
    error = answer.json()["error"]
    return error["details"][0]["reason"].lower() if "details" in error else error["code"]  # type: ignore[no-any-return]


def midnight(month: bool = False) -> float:
    """Seconds until the next UTC day or month."""
    now = time.time()
    today = time.gmtime(now)
    days = calendar.monthrange(today.tm_year, today.tm_mon)[1] - today.tm_mday + 1 if month else 1
    return days * 86_400 - (today.tm_hour * 3600 + today.tm_min * 60 + today.tm_sec + now % 1)


@contextlib.contextmanager
def open_call(gateway: rig.Gateway, name: str, fault: str = "sandbox-hang") -> Iterator[socket.socket]:
    """A call under way; its client leaves behind the block."""
    body = plain.dump(plain.responses(fault, stream=True))
    fields = [("authorization", f"Bearer {name}"), plain.JSON]
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", "/v1/responses", fields, length=len(body)) + body)
        yield sock


REFUSED = [
    # key, calls before, status, code, seconds until it may be tried again (None: it is not said)
    ("rpm", 1, 429, "key_requests_limited", lambda: 60.0),
    ("tpm", 1, 429, "key_tokens_limited", lambda: 40.0),
    ("expired", 0, 403, "key_expired", None),
    ("day", 0, 402, "budget_spent", None),       # dearer than all of it: no wait helps
    ("month", 0, 402, "budget_spent", None),
    ("total", 0, 402, "budget_spent", None),
    ("elsewhere", 0, 403, "pool_not_allowed", None),
]


@pytest.mark.parametrize("dialect", [name for name in DOORS if name != "azure"])
@pytest.mark.parametrize(("name", "before", "status", "code", "wait"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_refusal(
    limited: rig.Gateway, dialect: str, name: str, before: int, status: int, code: str, wait: Callable[[], float] | None
) -> None:
    """Every limit in every dialect: its status and code in the dialect's envelope, the true time after which to come
    back, and beyond a minute (or for ever) the advice not to try again."""
    waits = [wait()] if wait else []
    for _ in range(before):
        assert ask(limited, name, LONG_DOORS[dialect]).status == 200
    answer = ask(limited, name, DOORS[dialect])
    assert (answer.status, code_of(answer)) == (status, code)
    assert set(answer.json()) >= ({"type", "error"} if dialect == "anthropic" else {"error"})
    after = answer.header("retry-after")
    if wait is None:
        assert (after, answer.header("x-should-retry")) == (None, "false")
        return
    assert after is not None
    waits.append(wait())     # another one, when it is midnight between them
    assert any(true - 15 <= int(after) <= true + 6 for true in waits)
    assert (answer.header("x-should-retry") == "false") == (int(after) > 60)
    event = limited.event(answer.request_id)
    assert (event["error"], event["status"], event["attempts"], event["tokens"]) == (code, status, 0, None)


@pytest.mark.parametrize(("name", "wait"), [("today", midnight), ("this month", lambda: midnight(month=True))])
def test_a_budget_that_begins_anew(limited: rig.Gateway, name: str, wait: Callable[[], float]) -> None:
    """Where the next day or month has room, the answer names the budget and says when that is."""
    door = ("/v1/chat/completions", plain.chat(said=_FORTY, max_tokens=1930))
    waits = [wait()]
    assert ask(limited, name, door).status == 200
    answer = ask(limited, name, door)
    waits.append(wait())     # another one, when it is midnight between them
    assert (answer.status, code_of(answer)) == (402, "budget_spent")
    after = answer.header("retry-after")
    assert after is not None
    assert any(true - 15 <= int(after) <= true + 6 for true in waits)
    told = answer.json()["error"]
    assert f"budget for the {name.split()[-1].replace('today', 'day')} has no room" in told["message"]
    assert "max_tokens" in told["hint"]


def test_a_call_dearer_than_its_budget(limited: rig.Gateway) -> None:
    """No wait makes room for a call that is dearer than all of a budget; a smaller one has it."""
    answer = ask(limited, "today", ("/v1/chat/completions", plain.chat(max_tokens=2100)))
    assert (answer.status, code_of(answer), answer.header("retry-after")) == (402, "budget_spent", None)
    assert answer.header("x-should-retry") == "false"
    assert "larger than this virtual key's whole budget for the day" in answer.json()["error"]["message"]
    assert "Waiting does not help" in answer.json()["error"]["hint"]
    assert ask(limited, "today", ("/v1/chat/completions", plain.chat(max_tokens=100))).status == 200


@pytest.mark.parametrize("name", ["day", "expired", "elsewhere"])
def test_a_refusal_of_azure(limited: rig.Gateway, name: str) -> None:
    """Azure's own paths are refused alike, but for the pool that the key may use."""
    assert ask(limited, name, DOORS["azure"]).status == {"day": 402, "expired": 403, "elsewhere": 200}[name]


@pytest.mark.parametrize(("method", "target"), [("GET", "/v1/models"), ("GET", "/v1/responses/resp_1")])
def test_an_expired_key_opens_nothing(limited: rig.Gateway, method: str, target: str) -> None:
    """Lists and reads are refused as well."""
    answer = plain.ask(limited.port, method, target, None, [("authorization", "Bearer expired")])
    assert (answer.status, code_of(answer)) == (403, "key_expired")


def test_an_unexpired_key(limited: rig.Gateway) -> None:
    """Until its time comes a key works."""
    assert ask(limited, "expires").status == 200


@pytest.mark.parametrize("dialect", list(DOORS))
def test_too_many_calls(limited: rig.Gateway, ledger: SandboxServer, dialect: str) -> None:
    """A key with one call under way is refused a second, which never reaches the vendor."""
    with open_call(limited, "calls"):
        kit.until_last(ledger, model="sandbox-hang")
        answer = ask(limited, "calls", DOORS[dialect], ("x-sandbox-nonce", "beef"))
        assert (answer.status, code_of(answer), answer.header("retry-after")) == (429, "key_calls_limited", "1")
        assert answer.header("x-should-retry") is None
        assert not kit.asked(ledger, "beef")


GIVEN_BACK = ["", "sandbox-500", "sandbox-429-bare", "sandbox-close", "sandbox-garbage", "sandbox-cut", "sandbox-400",
              "sandbox-html"]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", GIVEN_BACK)
def test_room_is_given_back(limited: rig.Gateway, fault: str, stream: bool) -> None:
    """However a call ends, the next may begin at once."""
    fields = [("x-sandbox-fault", fault)] if fault else []
    door = ("/v1/responses", plain.responses(stream=stream))
    assert not any(b"key_calls_limited" in ask(limited, "calls", door, *fields).body for _ in range(3))
    assert ask(limited, "calls").status == 200


@pytest.mark.parametrize("fault", ["sandbox-hang", "sandbox-stall"])
def test_room_of_a_client_that_left(ledger: SandboxServer, fault: str) -> None:
    """A client that leaves frees its room when its upstream is let go: before an answer at once, in the middle of a
    stream after the short while that it is read on."""
    made = with_keys(rig.snapshot_for(ledger.url, drain_after_disconnect=0.2), key("calls", max_concurrency=1))
    with rig.running_gateway(made) as gateway:
        with open_call(gateway, "calls", fault) as sock:
            kit.until_last(ledger, model=fault)
            if fault == "sandbox-stall":
                plain.until(sock, b"response.created")
            assert ask(gateway, "calls").status == 429
        kit.wait_for(lambda: ask(gateway, "calls").status == 200)


def test_refusals_take_no_room(limited: rig.Gateway) -> None:
    """Whoever asks while refused does not push the end of it further away."""
    assert ask(limited, "rpm").status == 200
    waits = [int(ask(limited, "rpm").header("retry-after") or 0) for _ in range(20)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 60


def test_tokens_are_settled(vendor: SandboxServer) -> None:
    """A call whose estimate was high gives back what it did not use: of 3,000 a minute, many calls of a few tokens,
    each expected to take a thousand."""
    made = with_keys(rig.snapshot_for(vendor.url), key("tokens", tpm=3000))
    with rig.running_gateway(made) as gateway:
        assert {ask(gateway, "tokens").status for _ in range(20)} == {200}
        big = ("/v1/chat/completions", plain.chat("gpt-4o", "say OK words:4000"))
        assert ask(gateway, "tokens", big).status == 200
        answer = ask(gateway, "tokens")
        assert (answer.status, code_of(answer)) == (429, "key_tokens_limited"), "more than was expected counts too"


def test_several_keys(limited: rig.Gateway) -> None:
    """One key at its limit does not disturb another."""
    assert [ask(limited, "rpm").status for _ in range(2)] == [200, 429]
    assert ask(limited, "expires").status == 200
    assert ask(limited, rig.KEY).status == 200


def test_a_reload_is_no_fresh_minute(limited: rig.Gateway, vendor: SandboxServer) -> None:
    """Another snapshot keeps what was used; a larger limit holds at once."""
    assert ask(limited, "rpm").status == 200
    base = priced(rig.snapshot_for(vendor.url))
    limited.apply(with_keys(base, key("rpm", rpm=1)))
    assert ask(limited, "rpm").status == 429
    limited.apply(with_keys(base, key("rpm", rpm=0)))
    assert ask(limited, "rpm").status == 200


# Through the official clients.

SDK_ROWS = [
    ("rpm", 429, "RateLimitError"),
    ("expired", 403, "PermissionDeniedError"),
    ("elsewhere", 403, "PermissionDeniedError"),
    ("day", 402, "APIStatusError"),
    ("total", 402, "APIStatusError"),
]


@pytest.mark.parametrize(("name", "status", "kind"), SDK_ROWS)
def test_openai_client(limited: rig.Gateway, name: str, status: int, kind: str) -> None:
    """OpenAI's client raises the class that its users catch, with our code."""
    with openai.OpenAI(base_url=f"{limited.url}/v1", api_key=name, max_retries=0, timeout=20) as client:
        with contextlib.suppress(openai.APIStatusError):
            client.responses.create(model="gpt-4o", input="say OK")
        with pytest.raises(getattr(openai, kind)) as caught:
            client.responses.create(model="gpt-4o", input="say OK")
    assert caught.value.status_code == status
    assert caught.value.type == "stationmaster_error"


@pytest.mark.parametrize(("name", "status", "kind"), SDK_ROWS)
def test_anthropic_client(limited: rig.Gateway, name: str, status: int, kind: str) -> None:
    """Anthropic's client likewise."""
    said: list[anthropic.types.MessageParam] = [{"role": "user", "content": "say OK"}]
    with anthropic.Anthropic(base_url=limited.url, api_key=name, max_retries=0, timeout=20) as client:
        with contextlib.suppress(anthropic.APIStatusError):
            client.messages.create(model="claude-x", max_tokens=9, messages=said)
        with pytest.raises(getattr(anthropic, kind)) as caught:
            client.messages.create(model="claude-x", max_tokens=9, messages=said)
    assert caught.value.status_code == status


@pytest.mark.parametrize("name", ["day", "month", "total", "expired"])
def test_clients_do_not_try_again(limited: rig.Gateway, name: str) -> None:
    """What waiting will not mend is asked once, however often the client would."""
    with openai.OpenAI(base_url=f"{limited.url}/v1", api_key=name, max_retries=3, timeout=20) as client, \
            pytest.raises(openai.APIStatusError):  # fmt: skip
        client.responses.create(model="gpt-4o", input="say OK")
    kit.wait_for(limited.events)
    assert len([event for event in limited.events() if event["key"] == name]) == 1


def test_a_client_waits_for_a_call_to_end(limited: rig.Gateway) -> None:
    """A client that tries again after the stated time gets through once the call under way is over."""
    with open_call(limited, "calls", "sandbox-slow") as sock:
        plain.until(sock, b"response.created")
        with openai.OpenAI(base_url=f"{limited.url}/v1", api_key="calls", max_retries=4, timeout=20) as client:
            assert client.responses.create(model="gpt-4o", input="say OK").output_text == "OK"


# Members of a pool.


def pool_of(url: str, *members: Member, fallback: tuple[str, ...] = ()) -> Snapshot:
    """A pool of OpenAI credentials: `one` and `two`, and a pool `spare` of `three`."""
    base = rig.snapshot_for(url)
    credentials = tuple(Credential(name, "openai", f"secret-{name}", f"{url}/v1") for name in ("one", "two", "three"))
    pools = (Pool("openai", members), Pool("spare", (Member("three"),)))
    return msgspec.structs.replace(
        base, credentials=credentials, pools=pools, routes=(Route(("*",), "openai", {}, fallback),)
    )


STEERED: list[tuple[dict[str, Any], str]] = [({"max_concurrency": 1}, "concurrency"), ({"rpm": 1}, "rpm"), ({"tpm": 60}, "tpm")]


def credential_of(gateway: rig.Gateway, answer: plain.Answer) -> tuple[str, dict[str, str] | None]:
    """Who answered, and who was passed over why."""
    event = gateway.event(answer.request_id)
    return event["credential"], event["skipped"]


@pytest.mark.parametrize(("limits", "why"), STEERED)
def test_a_full_member_is_passed_over(vendor: SandboxServer, limits: dict[str, Any], why: str) -> None:
    """A member at its limit leaves the call to the next one, and the event says why."""
    with rig.running_gateway(pool_of(vendor.url, Member("one", **limits), Member("two", priority=1))) as gateway, \
            _one_under_way(gateway, why):  # fmt: skip
        assert credential_of(gateway, ask(gateway, rig.KEY)) == ("two", {"one": why})


@contextlib.contextmanager
def _one_under_way(gateway: rig.Gateway, why: str) -> Iterator[None]:
    """Fill the first member: by a call that hangs, or by one that is over."""
    if why == "concurrency":
        with open_call(gateway, rig.KEY):
            kit.wait_for(lambda: gateway.worker.upstreams and _rooms(gateway)["one"] == 1)
            yield
    else:
        long = ("/v1/chat/completions", plain.chat("gpt-4o", "say OK words:80"))
        assert ask(gateway, rig.KEY, long).status == 200
        yield


def _rooms(gateway: rig.Gateway) -> dict[str, int]:
    pools = gateway.worker.table.pools.values()
    return {member.id: member.room.under_way for pool in pools for member in pool.members if member.room is not None}


@pytest.mark.parametrize(("limits", "why"), STEERED)
def test_all_members_full(vendor: SandboxServer, limits: dict[str, Any], why: str) -> None:
    """When all are at their limits the answer is 429 with the shortest wait; the fallback's pool takes the call instead
    where there is one."""
    with rig.running_gateway(pool_of(vendor.url, Member("one", **limits))) as gateway, _one_under_way(gateway, why):
        answer = ask(gateway, rig.KEY)
        assert (answer.status, code_of(answer)) == (429, "pool_rate_limited")
        assert 1 <= int(answer.header("retry-after") or 0) <= {"concurrency": 1, "rpm": 60, "tpm": 30}[why]
        assert gateway.event(answer.request_id)["skipped"] == {"one": why}
    made = pool_of(vendor.url, Member("one", **limits), fallback=("spare",))
    with rig.running_gateway(made) as gateway, _one_under_way(gateway, why):
        assert credential_of(gateway, ask(gateway, rig.KEY)) == ("three", {"one": why})


@pytest.mark.parametrize("fault", GIVEN_BACK)
def test_members_get_their_room_back(vendor: SandboxServer, fault: str) -> None:
    """Whatever became of a call, failed over or not, nobody is held inside afterwards."""
    made = pool_of(vendor.url, Member("one", max_concurrency=2), Member("two", max_concurrency=2))
    with rig.running_gateway(made) as gateway:
        for stream in (False, True) * 3:
            ask(gateway, rig.KEY, ("/v1/responses", plain.responses(stream=stream)), ("x-sandbox-fault", fault or "none"))
        kit.wait_for(lambda: _rooms(gateway) == {"one": 0, "two": 0})


def test_a_session_comes_back_to_a_member_with_room(vendor: SandboxServer) -> None:
    """A session that had to move stays where it moved (docs: sessions)."""
    made = pool_of(vendor.url, Member("one", rpm=1), Member("two", priority=1))
    with rig.running_gateway(made) as gateway:
        said = ("x-stationmaster-session", "s-1")
        names = [credential_of(gateway, ask(gateway, rig.KEY, DOORS["openai"], said))[0] for _ in range(3)]
        assert names == ["one", "two", "two"]
