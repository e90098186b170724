"""The same bytes straight at the gateway and through other people's proxies: nobody disagrees on how many requests there are.

    GARDEN=100000 pytest tests/garden      that many mutations through each, and every row of the wire tests' tables

`GARDEN_SEED` repeats a run; `GARDEN_OUT=file` has the figures written.
"""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from garden import payloads, proxies
from garden.ground import Ground
from garden.visit import Outcome, visit, warm
from gateway import kit
from gateway.station import free_port
from wire.malformed_requests import NAMED_SIZE
from wire.malformed_requests import ROWS as MALFORMED

COUNT = int(os.environ.get("GARDEN", "40"))
SEED = int(os.environ.get("GARDEN_SEED", "1"))
AFRESH = 25     # visits after which the connections' histories are thrown away
DIRECT = "direct"

Visit = Callable[[bytes], Outcome]

WAYS = [DIRECT, *(pytest.param(name, marks=pytest.mark.needs(proxy.program)) for name, proxy in proxies.PROXIES.items())]


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[tuple[str, Ground, Visit]]:
    """A gateway, and the way to it: straight, or through a proxy."""
    name = request.param
    with Ground() as ground:
        if name == DIRECT:
            yield name, ground, _visitor(ground, ground.door, marked=False)
            return
        with tempfile.TemporaryDirectory() as folder, proxies.running(name, ground.door, Path(folder), free_port()) as port:
            yield name, ground, _visitor(ground, port, marked=True)


def _visitor(ground: Ground, port: int, *, marked: bool) -> Visit:
    visits = 0

    def one(data: bytes) -> Outcome:
        nonlocal visits
        if visits % AFRESH == 0:
            warm(ground, port)
        visits += 1
        outcome = visit(ground, port, data, marked=marked)
        if outcome.complaints:
            warm(ground, port)
        return outcome

    return one


def _verdict(name: str, outcome: Outcome, served: int) -> str:
    """In one word what became of a row."""
    if name == DIRECT:
        return "served" if outcome.arrived else "refused"
    if not outcome.forwarded:
        return "refused"
    if not outcome.arrived:
        return "forwarded, refused here"
    return "forwarded, served" if outcome.arrived == served else "rewritten"


def _write(name: str, what: str, figures: dict[str, object]) -> None:
    if out := os.environ.get("GARDEN_OUT"):
        with Path(out).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"way": name, "what": what, "seed": SEED, **figures}) + "\n")


def test_nobody_disagrees_on_the_rows(way: tuple[str, Ground, Visit], record_property: Callable[[str, object], None]) -> None:
    """Of every row the proxy and the gateway see the same requests with the same bodies, and the next visitor gets an answer of
    its own; asked directly the gateway serves what the row says, neither more nor less."""
    name, _, go = way
    wrong: dict[str, object] = {}
    verdicts: dict[str, str] = {}
    for row in payloads.ROWS:
        outcome = go(row.raw)
        verdicts[row.id] = _verdict(name, outcome, row.served)
        if outcome.complaints:
            wrong[row.id] = outcome.complaints
        elif name == DIRECT and outcome.arrived != row.served:
            wrong[row.id] = f"{outcome.arrived} arrived, {row.served} should"
    version = "" if name == DIRECT else proxies.version(name)
    _write(name, "rows", {"version": version, "count": dict(Counter(verdicts.values())), "rows": verdicts})
    record_property("summary", f"garden, {name}: {len(verdicts)} rows, {dict(Counter(verdicts.values()))}")
    assert not wrong, "\n".join(f"{row}: {said}" for row, said in wrong.items())


def test_nobody_disagrees_on_mutations(way: tuple[str, Ground, Visit], record_property: Callable[[str, object], None]) -> None:
    """The same of rows that chance has changed."""
    name, _, go = way
    wrong: list[tuple[bytes, list[str]]] = []
    arrived = forwarded = 0
    for data in payloads.mutations(SEED, COUNT):
        outcome = go(data)
        forwarded += outcome.forwarded
        arrived += outcome.arrived
        if outcome.complaints:
            wrong.append((data, outcome.complaints))
    _write(name, "mutations", {"count": COUNT, "forwarded": forwarded, "arrived": arrived, "wrong": len(wrong)})
    record_property("summary", f"garden, {name}: {COUNT} mutations of seed {SEED}, {arrived} requests arrived")
    assert not wrong, "\n".join(f"{data!r}: {said}" for data, said in wrong[:20])


@pytest.mark.skipif("GARDEN" not in os.environ, reason="the long form: GARDEN=1000")
@pytest.mark.timeout(0)
def test_nobody_disagrees_on_the_wire_tests_tables(way: tuple[str, Ground, Visit]) -> None:
    """The same of the requests that the wire tests refuse."""
    wrong = {row.id: said for row in MALFORMED if (said := way[2](row.raw).complaints)}
    _write(way[0], "malformed", {"count": len(MALFORMED), "wrong": len(wrong)})
    assert not wrong, "\n".join(f"{row}: {said}" for row, said in wrong.items())


def test_events_and_ledger_agree(way: tuple[str, Ground, Visit]) -> None:
    """Behind all of it every request that arrived at the upstream has one event, and none has an event that did not."""
    _, ground, go = way
    assert go(payloads.chat(NAMED_SIZE)).arrived == 1
    kit.wait_for(lambda: len([event for event in ground.gateway.events() if event["upstream_status"]]) == ground.served)
    ids = [event["request_id"] for event in ground.gateway.events()]
    assert len(ids) == len(set(ids))
