"""What gateways report is stored once, whatever comes twice, breaks or lies."""

import threading
import time
from typing import Any

import msgspec
import pytest
from django.db import connection

from controlkit import ADMIN, GATEWAY, OPERATOR, VIEWER, a_credential
from stationmaster.credentials import services as credentials
from stationmaster.errors import Forbidden, StationmasterError
from stationmaster.store.listing import Filter, Query
from stationmaster.usage import services as usage
from stationmaster.usage.models import Batch, DailyUsage, HourlyUsage, UsageEvent
from usage.kit import TOKENS, body, request, sent


def test_a_request_is_shown_as_it_was_told(database: str) -> None:
    """A stored request is listed with its names, tokens, cost and details; what the vendor was sent is its model."""
    told = request(request_id="r1", tried=[{"credential": "openai-b", "status": 429, "outcome": "rate_limited", "code": ""}])
    assert sent(told) == usage.Stored(1, known=False)
    (shown,) = usage.list_events(ADMIN, Query()).items
    assert shown["request_id"] == "r1"
    assert (shown["key"], shown["credential"], shown["pool"], shown["owner"]) == ("team-a", "openai-a", "main", "ada")
    assert (shown["model"], shown["detail"]["asked_model"]) == ("gpt-5-mini", "fast")
    assert (shown["tokens"], shown["cost"], shown["gateway"]) == (TOKENS, 1000, "gw-1")
    assert shown["detail"]["tried"][0]["status"] == 429
    assert abs(shown["at"].timestamp() - told["time"]) < 0.001


def test_a_batch_that_comes_again_is_known(database: str) -> None:
    """The same batch twice is stored once, and the second answer says so; the sums count it once."""
    batch = body(request(), request(), batch="batch-0001")
    assert usage.store(GATEWAY, batch) == usage.Stored(2, known=False)
    assert usage.store(GATEWAY, batch) == usage.Stored(0, known=True)
    assert _counted() == (2, 2, 2)


def test_a_request_in_two_batches_is_stored_once(database: str) -> None:
    """A request counts once even when it comes under another batch id, or twice within one."""
    one, other = request(), request()
    assert sent(one, one).stored == 1
    assert sent(one, other).stored == 1
    assert _counted() == (2, 2, 2)


def test_batches_of_two_gateways_may_have_one_id(database: str) -> None:
    """A batch's id belongs to its gateway."""
    assert sent(request(), gateway="gw-1", batch="same-batch").stored == 1
    assert sent(request(), gateway="gw-2", batch="same-batch").stored == 1


def test_the_same_batch_from_many_connections_is_stored_once(database: str) -> None:
    """Ten connections that hand over one batch at the same moment store it once between them."""
    batch = body(*(request() for _ in range(5)), batch="raced-batch")
    answers: list[usage.Stored] = []
    start = threading.Barrier(10)

    def run() -> None:
        start.wait()
        try:
            answers.append(usage.store(GATEWAY, batch))
        finally:
            connection.close()

    _in_threads(run, 10)
    assert sorted(answer.stored for answer in answers) == [0] * 9 + [5]
    assert _counted() == (5, 5, 5)


def test_requests_that_two_gateways_tell_at_once_are_stored_once(database: str) -> None:
    """Batches of several gateways that share requests lose none and count none twice."""
    shared = [request() for _ in range(20)]
    start, answers = threading.Barrier(6), list[int]()

    def run(name: str) -> None:
        start.wait()
        try:
            answers.append(sent(*shared, request(), gateway=name).stored)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(f"gw-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(answers) == 26
    assert _counted() == (26, 26, 26)


@pytest.mark.parametrize("broken", [
    {"event": "request", "time": 1.0}, {"event": "newer"}, "text", None, 7, {"event": "request", "time": float("nan"),
    "request_id": "x", "status": 200}, request(status="200"), request(request_id=""), request(cost=-1), request(cost=2**60),
    request(request_id="x" * 65), request(request_id="a b"), request(tokens={"input": -1}), request(time=None),
])  # fmt: skip
def test_an_event_that_cannot_be_read_holds_no_other_back(database: str, broken: Any) -> None:
    """A broken event is left out and counted; the rest of its batch is stored, so that the gateway can go on."""
    assert sent(request(), broken, request()) == usage.Stored(2, known=False, refused=1)


@pytest.mark.parametrize("body_", [
    b"", b"\xff", b"{}", msgspec.msgpack.encode([]), msgspec.msgpack.encode({"gateway": "gw", "batch": "12345678"}),
    msgspec.msgpack.encode({"gateway": "", "batch": "12345678", "events": []}),
    msgspec.msgpack.encode({"gateway": "gw\n", "batch": "12345678", "events": []}),
    msgspec.msgpack.encode({"gateway": "gw", "batch": "1", "events": []}),
    msgspec.msgpack.encode({"gateway": "gw", "batch": "12345678", "events": [None] * 20_001}),
    b"\x91" * 100_000,
])  # fmt: skip
def test_what_is_no_batch_is_refused_whole(database: str, body_: bytes) -> None:
    """Something that is no batch changes nothing and gets a 400, which tells the gateway not to send it again."""
    with pytest.raises(StationmasterError) as refused:
        usage.store(GATEWAY, body_)
    assert (refused.value.code, refused.value.status) == ("error.internal.bad_batch", 400)
    assert not Batch.objects.exists()


def test_clients_cannot_break_the_store_with_their_texts(database: str) -> None:
    """Names that clients choose are kept within what every database holds: no NUL, no endless text."""
    told = request(model="m\0" + "x" * 5000, sent_model="", error="é\0", endpoint="\u202e" * 300, credential="")
    assert sent(told).stored == 1
    (shown,) = usage.list_events(ADMIN, Query()).items
    assert len(shown["model"]) == 256
    assert "\0" not in repr(shown)


def test_a_clock_that_is_wrong_loses_no_money(database: str) -> None:
    """A request whose time cannot be is counted at its arrival."""
    sent(request(time=0.0), request(time=time.time() + 90 * 86_400), request(time=1e300))
    now = time.time()
    assert [abs(item["at"].timestamp() - now) < 60 for item in usage.list_events(ADMIN, Query()).items] == [True] * 3


def test_models_that_no_vendor_knew_make_no_rows(database: str) -> None:
    """Sums have a row for a model only once a vendor took it: callers may send any name."""
    for number in range(20):
        sent(
            request(model=f"made-up-{number}", sent_model="", credential="", status=404, tokens=None, cost=None),
            request(model=f"odd-{number}", sent_model=f"odd-{number}", upstream_status=404, status=404, tokens=None, cost=None),
        )
    assert set(HourlyUsage.objects.values_list("model", flat=True)) == {""}
    assert {item["model"] for item in usage.list_events(ADMIN, Query()).items} >= {"made-up-3", "odd-4"}


def test_health_reaches_the_credential(database: str) -> None:
    """A change of state that a gateway saw shows on the credential; an older one that comes late does not undo it."""
    credentials.create_credential(ADMIN, a_credential())
    now = time.time()
    event = {"event": "credential", "credential": "openai-a", "before": "healthy", "request_id": "", "upstream_status": 401}
    sent({**event, "time": now, "state": "disabled", "cause": "terminated", "code": "account_deactivated"})
    sent({**event, "time": now - 60, "state": "cooling", "cause": "rate_limited", "code": ""})
    shown = credentials.get_credential(ADMIN, "openai-a")
    assert (shown["health"], shown["health_cause"]) == ("disabled", "terminated")
    assert shown["reports"][0]["gateway"] == "gw-1"


def test_health_of_an_unknown_credential_is_let_go(database: str) -> None:
    """A report about a credential that was deleted meanwhile is no reason to refuse a batch."""
    gone = {"event": "credential", "time": time.time(), "credential": "gone", "state": "healthy"}
    assert sent(gone, request()) == usage.Stored(1, known=False)


def test_lost_events_are_counted(database: str) -> None:
    """What a gateway had to drop shows on it."""
    sent({"event": "events_dropped", "count": 7})
    sent({"event": "events_dropped", "count": 5})
    (gateway,) = usage.list_gateways(ADMIN, Query()).items
    assert gateway["events_dropped"] == 12


def test_nobody_else_may_report(database: str) -> None:
    """Operators, whatever their role but admin's, write no usage."""
    for actor in (VIEWER, OPERATOR):
        with pytest.raises(Forbidden):
            usage.store(actor, body(request()))
        with pytest.raises(Forbidden):
            usage.hello(actor, msgspec.msgpack.encode({"gateway": "gw-1"}))


def test_a_gateway_may_not_read_usage(database: str) -> None:
    """A gateway's token writes events; it reads none."""
    with pytest.raises(Forbidden):
        usage.list_events(GATEWAY, Query())


def test_a_hello_shows_on_the_list(database: str) -> None:
    """A gateway that said hello is listed with what it said, and is connected; later words replace earlier ones."""
    for revision in (3, 4):
        usage.hello(GATEWAY, msgspec.msgpack.encode({"gateway": "gw-1", "version": "0.2", "revision": revision, "workers": 4}))
    (shown,) = usage.list_gateways(VIEWER, Query()).items
    assert (shown["name"], shown["revision"], shown["workers"], shown["connected"]) == ("gw-1", 4, 4, True)
    assert usage.list_gateways(VIEWER, Query(filters=(Filter("revision", "gt", 4),))).items == []


@pytest.mark.parametrize("body_", [b"", b"\xc1", msgspec.msgpack.encode({"gateway": "gw\x00"}),
                                   msgspec.msgpack.encode({"gateway": "gw", "workers": -1})])  # fmt: skip
def test_what_is_no_hello_is_refused(database: str, body_: bytes) -> None:
    """Something else than a hello gets a 400."""
    with pytest.raises(StationmasterError, match="no hello"):
        usage.hello(GATEWAY, body_)


def test_a_batch_that_fails_midway_leaves_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its sums cannot be written, a batch is not stored either, and can be sent again."""
    batch = body(request(), batch="half-batch")
    with monkeypatch.context() as patch:
        patch.setattr("stationmaster.usage.intake.rollups.add", _fail)
        with pytest.raises(RuntimeError):
            usage.store(GATEWAY, batch)
    assert _counted() == (0, 0, 0)
    assert usage.store(GATEWAY, batch).stored == 1


def _fail(_: object) -> None:
    raise RuntimeError


def _counted() -> tuple[int, int, int]:
    """Requests stored, and counted in the hourly and in the daily sums."""
    hours, days = (sum(table.objects.values_list("requests", flat=True)) for table in (HourlyUsage, DailyUsage))
    return UsageEvent.objects.count(), hours, days


def _in_threads(run: Any, number: int) -> None:
    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
