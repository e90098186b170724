"""GET /v1/models: the upstreams' lists in three dialects, seen through routes, aliases and keys."""

import time
from typing import Any

import msgspec
import pytest

import rig
from gateway import kit, plain
from gateway.upstream import Request, Upstream
from stationmaster.gateway.core.snapshot import (
    Credential,
    Member,
    Pool,
    Route,
    Settings,
    Snapshot,
    VirtualKey,
)
from stationmaster.gateway.server import catalogue

ANTHROPIC = ("anthropic-version", "2023-06-01")


def list_of(names: list[str]) -> bytes:
    """An answer to a model list's GET."""
    rows = [{"id": name, "object": "model", "created": 1, "owned_by": "o"} for name in names]
    body = plain.dump({"object": "list", "data": rows})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def never(request: Request) -> None:
    """Nothing but lists is asked here."""
    raise OSError


def ids(answer: plain.Answer) -> list[str]:
    """The names in a list, in whichever dialect."""
    value = answer.json()
    rows = value["models"] if "data" not in value else value["data"]
    return [str(row.get("id", row.get("name"))).removeprefix("models/") for row in rows]


def shelf(url: str, *routes: Route, keys: tuple[str, ...] = ("*",), **settings: float) -> Snapshot:
    """One upstream, the routes given, and a key for `keys`."""
    return Snapshot(
        msgspec.convert({"default_pool": "main", **settings}, Settings),
        (Credential("a", "openai", "secret", f"{url}/v1"),),
        (Pool("main", (Member("a"),)),),
        routes,
        (VirtualKey("k", rig.sha256(rig.KEY), models=keys),),
    )


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first caller wait for the lists as long as a busy machine may need for them."""
    monkeypatch.setattr(catalogue, "FIRST_WAIT", 15.0)


@pytest.fixture
def gateway(gateway: rig.Gateway) -> rig.Gateway:
    """The usual gateway, once it has read every vendor's list."""
    kit.wait_for(lambda: {"gpt-sandbox", "claude-sandbox"} <= set(ids(plain.ask(gateway.port, "GET", "/v1/models"))))
    kit.wait_for(lambda: ids(plain.ask(gateway.port, "GET", "/v1beta/models")))
    return gateway


@pytest.mark.parametrize("target", ["/v1/models", "/models", "/openai/v1/models", "/v1/models?limit=1000&a=b"])
def test_one_answer_for_openai_and_anthropic(gateway: rig.Gateway, target: str) -> None:
    """The list has the members that either client reads, and the vendors' models once each."""
    for fields in ([plain.BEARER], [("x-api-key", rig.KEY), ANTHROPIC]):
        answer = plain.ask(gateway.port, "GET", target, None, fields)
        value = answer.json()
        assert answer.status == 200
        assert value["object"] == "list"
        assert (value["has_more"], value["first_id"], value["last_id"]) == (False, ids(answer)[0], ids(answer)[-1])
        assert set(value["data"][0]) >= {"id", "object", "created", "owned_by", "type", "display_name", "created_at"}
        assert {"gpt-sandbox", "claude-sandbox"} <= set(ids(answer))
        assert len(ids(answer)) == len(set(ids(answer)))
        assert value["models"] == []


def test_gemini(gateway: rig.Gateway) -> None:
    """Gemini's list: its models only, as Google describes them; one of them by name."""
    answer = plain.ask(gateway.port, "GET", "/v1beta/models?pageSize=5", None, [("x-goog-api-key", rig.KEY)])
    assert [model["name"] for model in answer.json()["models"]] == ["models/gemini-sandbox"]
    one = plain.ask(gateway.port, "GET", "/v1beta/models/gemini-sandbox")
    assert (one.status, one.json()["name"]) == (200, "models/gemini-sandbox")


@pytest.mark.parametrize("late", ["gemini", "other"])
def test_details_come_from_who_serves(late: str) -> None:
    """A model that two upstreams list is described by the one that serves it, whichever answered last."""
    details = plain.dump({"models": [{"name": "models/gemini-x", "inputTokenLimit": 5}]})
    google = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(details), details)
    with (
        Upstream(never, lists=google, lists_after=0.3 * (late == "gemini")) as ours,
        Upstream(never, lists=list_of(["gemini-x"]), lists_after=0.3 * (late == "other")) as theirs,
    ):
        snapshot = Snapshot(
            Settings(),
            (Credential("g", "gemini", "s", ours.url), Credential("o", "openai_compatible", "s", theirs.url)),
            (Pool("g", (Member("g"),)), Pool("o", (Member("o"),))),
            (Route(("gemini*",), "g"), Route(("*",), "o")),
            (VirtualKey("k", rig.sha256(rig.KEY)),),
        )
        with rig.running_gateway(snapshot) as gateway:

            def told() -> list[Any]:
                return plain.ask(gateway.port, "GET", "/v1beta/models").json()["models"]  # type: ignore[no-any-return]

            kit.wait_for(lambda: ours.listed and theirs.listed)
            kit.wait_for(lambda: [told() for _ in range(9)] == [[{"name": "models/gemini-x", "inputTokenLimit": 5}]] * 9)


def test_one_model(gateway: rig.Gateway) -> None:
    """One model by name, escaped or not; an unknown one is 404 in the caller's dialect."""
    for target in ("/v1/models/gpt-sandbox", "/models/gpt%2Dsandbox"):
        assert plain.ask(gateway.port, "GET", target).json()["id"] == "gpt-sandbox"
    gone = plain.ask(gateway.port, "GET", "/v1/models/no-such", None, [("x-api-key", rig.KEY), ANTHROPIC])
    assert (gone.status, gone.json()["type"], gone.json()["error"]["code"]) == (404, "error", "model_not_found")
    google = plain.ask(gateway.port, "GET", "/v1beta/models/no-such", None, [("x-goog-api-key", rig.KEY)])
    assert (google.status, google.json()["error"]["status"]) == (404, "NOT_FOUND")


def test_head(gateway: rig.Gateway) -> None:
    """HEAD of the list: its length, no body."""
    whole = plain.ask(gateway.port, "GET", "/v1/models")
    head = plain.ask(gateway.port, "HEAD", "/v1/models")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(whole.body)))


def test_through_routes() -> None:
    """Only models that some route takes are listed; names written out in routes are listed without being told."""
    with Upstream(never, lists=list_of(["gpt-4o", "gpt-5", "secret-model"])) as upstream:
        snapshot = shelf(upstream.url, Route(("gpt-*", "gpt-4.1-mini"), "main"))
        with rig.running_gateway(snapshot) as gateway:
            assert ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["gpt-4o", "gpt-5"]


def test_through_aliases_and_keys() -> None:
    """An alias is listed where its target is; a key sees what it may use, by what it says and what is sent."""
    lists = list_of(["gpt-4o", "gpt-4o-mini", "o9"])
    route = Route(("*",), "main", {"fast": "gpt-4o-mini", "best": "o9"})
    with Upstream(never, lists=lists) as upstream:
        with rig.running_gateway(shelf(upstream.url, route)) as gateway:
            assert ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["best", "fast", "gpt-4o", "gpt-4o-mini", "o9"]
        with rig.running_gateway(shelf(upstream.url, route, keys=("gpt-4o*", "fast", "best"))) as gateway:
            answer = plain.ask(gateway.port, "GET", "/v1/models")
            assert ids(answer) == ["fast", "gpt-4o", "gpt-4o-mini"]
            assert plain.ask(gateway.port, "GET", "/v1/models/o9").status == 404
            assert plain.ask(gateway.port, "GET", "/v1/models/fast").status == 200


def test_what_is_listed_can_be_used(gateway: rig.Gateway) -> None:
    """Every listed model answers a request, and every one the key may not use is 403."""
    answer = plain.ask(gateway.port, "GET", "/v1/models", None, [("authorization", f"Bearer {kit.NARROW}")])
    assert set(ids(answer)) <= {"fast", "gpt-4o", "gpt-4o-mini"}
    for name in ("gpt-sandbox", "claude-sandbox"):
        narrow = [("authorization", f"Bearer {kit.NARROW}"), plain.JSON]
        refused = plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses(name)), narrow)
        assert refused.status == 403


def test_an_upstream_that_is_down() -> None:
    """The list is answered at once when the upstream cannot be: what routes say is listed."""
    with Upstream(never) as gone:
        pass
    with rig.running_gateway(shelf(gone.url, Route(("gpt-*", "gpt-4.1"), "main"))) as gateway:
        assert ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["gpt-4.1"]


def test_an_upstream_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hanging upstream costs the first caller the first wait, which is less than a second (Claude Code waits for
    three), and not the time that a list may take."""
    monkeypatch.undo()
    assert catalogue.FIRST_WAIT < 1.0
    monkeypatch.setattr(catalogue, "FETCH_TIMEOUT", 600.0)
    with (
        Upstream(never, lists=b"") as upstream,
        rig.running_gateway(shelf(upstream.url, Route(("gpt-*", "gpt-4.1"), "main"))) as gateway,
    ):
        assert ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["gpt-4.1"]


def test_a_list_outlives_its_upstream() -> None:
    """A list that was read once stays when the upstream is gone; it is fetched anew in the background."""
    with Upstream(never, lists=list_of(["gpt-4o"])) as upstream:
        snapshot = shelf(upstream.url, Route(("gpt-*",), "main"), models_refresh=0.1)
        with rig.running_gateway(snapshot) as gateway:
            kit.wait_for(lambda: ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["gpt-4o"])
            upstream.lists = list_of(["gpt-4o", "gpt-5"])
            kit.wait_for(lambda: len(ids(plain.ask(gateway.port, "GET", "/v1/models"))) == 2)
            upstream.__exit__(None, None, None)
            for _ in range(4):
                time.sleep(0.15)
                assert len(ids(plain.ask(gateway.port, "GET", "/v1/models"))) == 2


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"data":{}}', b'{"data":[{"id":5}]}', b"{", b'{"data":[{"id":"a","created":"x"}]}']
)
def test_a_list_that_is_none(body: bytes) -> None:
    """An upstream that answers nonsense to the list does not spoil it."""
    lists = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    with (
        Upstream(never, lists=lists) as upstream,
        rig.running_gateway(shelf(upstream.url, Route(("gpt-*", "gpt-4.1"), "main"))) as gateway,
    ):
        assert ids(plain.ask(gateway.port, "GET", "/v1/models")) == ["gpt-4.1"]
