"""What is counted: lost by nobody, bounded whatever clients send, and readable by Prometheus."""

import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core import metrics
from stationmaster.gateway.core.counting import MAX_MODELS, Deltas, outcome
from stationmaster.gateway.core.events import Event
from stationmaster.gateway.core.metrics import FAMILIES, LABELS, Family, Frame, Totals, one_of
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens

ROOT = Path(__file__).parents[2]
Sample = tuple[str, frozenset[tuple[str, str]]]
Samples = dict[Sample, float]

EVENT = Event(
    time=1_800_000_000.0, request_id="req_1", key="k", owner="o", tenant="t", endpoint="chat", dialect="openai",
    method="POST", model="said", sent_model="gpt-x", pool="main", credential="cred", attempts=1, status=200,
    upstream_status=200, upstream_request_id="v", error="", stream=False, client_left=False, client_retry=False,
    first_byte_us=30_000, duration_us=50_000, overhead_us=0, bytes_in=10, bytes_out=20, tokens=None, usage_source="none",
    cost=None, session="", tried=(), skipped=None,
)
ROUTED = {"dialect": "openai", "model": "gpt-x", "pool": "main"}
VENDORS = {"openai-a": "openai", "claude-a": "anthropic"}
REQUESTED = {**ROUTED, "route": "chat", "outcome": "ok", "code": "200"}


def event(**changes: Any) -> Event:
    """A request that went well, but for `changes`."""
    return msgspec.structs.replace(EVENT, **changes)


# The text format, strictly (prometheus.io, "Exposition formats").

_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
_SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? (\S+)")
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')
_UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


def parse(page: bytes) -> Samples:
    """Every sample of a page. Fails on what a strict reader would not take: a line of another form, samples of a
    family apart from its type, a sample or a label twice, a type or a help text twice."""
    assert page.endswith(b"\n")
    samples: Samples = {}
    seen: set[str] = set()
    family = kind = ""
    for line in page.decode().removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            family, kind = line.split(" ")[2], ""
            assert family not in seen
            seen.add(family)
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family
            assert not kind
            kind = line.split(" ")[3]
        else:
            assert kind in ("counter", "gauge", "histogram")
            sample, value = _sample(line)
            tails = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert sample[0] in [family + tail for tail in tails]
            assert sample not in samples
            samples[sample] = value
    return samples


def _sample(line: str) -> tuple[Sample, float]:
    found = _SAMPLE.fullmatch(line)
    assert found, line
    pairs = [(name, re.sub(r"\\.", lambda hit: _UNESCAPED[hit[0]], value)) for name, value in _PAIR.findall(found[2] or "")]
    assert len(dict(pairs)) == len(pairs)
    return (found[1], frozenset(pairs)), float(found[3])


def value(samples: Samples, name: str, **labels: str) -> float | None:
    """One sample's value, or None where there is none."""
    return samples.get((name, frozenset(labels.items())))


def of(samples: Samples, family: Family) -> list[tuple[dict[str, str], float]]:
    """A counter's or gauge's samples: labels, value."""
    return [(dict(labels), found) for (name, labels), found in samples.items() if name == family.name]


def page(*deltas: Deltas) -> Samples:
    """What the page says after each worker's frame came over the wire."""
    totals = Totals("1.2.3")
    for worker, counted in enumerate(deltas):
        totals.add(str(worker), metrics.decode(metrics.encode(counted.take(1.5))))
    return parse(totals.render())


def counted(*observed: Event, known: tuple[str, ...] = ()) -> Samples:
    """The page of one worker that saw these requests."""
    deltas = Deltas()
    deltas.know(known)
    for one in observed:
        deltas.observe([one], VENDORS)
    return page(deltas)


# Adding up.


def test_workers_are_added_up_and_their_end_loses_nothing() -> None:
    """Counts of all workers are one number, and stay when a worker ends or begins anew; its gauges and its heartbeat
    go."""
    totals, one, two = Totals("1.2.3"), Deltas(), Deltas()
    one.observe([EVENT], VENDORS)
    one.show(metrics.STICKY_SESSIONS, {("main",): 3})
    two.observe([EVENT], VENDORS)
    two.show(metrics.STICKY_SESSIONS, {("main",): 4})
    totals.add("1", one.take(10.0))
    totals.add("2", two.take(11.5))
    both = parse(totals.render())
    assert value(both, metrics.REQUESTS.name, **REQUESTED) == 2
    assert value(both, metrics.STICKY_SESSIONS.name, pool="main") == 7
    assert [found for _, found in of(both, metrics.HEARTBEAT)] == [10.0, 11.5]
    totals.forget("1")
    left = parse(totals.render())
    assert value(left, metrics.REQUESTS.name, **REQUESTED) == 2
    assert value(left, metrics.STICKY_SESSIONS.name, pool="main") == 4
    assert of(left, metrics.HEARTBEAT) == [({"worker": "2"}, 11.5)]
    again = Deltas()
    again.observe([EVENT], VENDORS)
    totals.add("1", again.take(12.0))
    assert value(parse(totals.render()), metrics.REQUESTS.name, **REQUESTED) == 3


def test_taking_starts_anew() -> None:
    """A second frame holds only what came after the first, and gauges as they stand."""
    deltas = Deltas()
    deltas.observe([EVENT], VENDORS)
    deltas.show(metrics.POOL_MEMBERS, {("main", "healthy"): 2})
    first = deltas.take(1.0)
    assert deltas.take(2.0) == Frame(2.0, {}, first.gauges)
    deltas.observe([EVENT], VENDORS)
    assert deltas.take(3.0) == Frame(3.0, first.sums, first.gauges)
    deltas.show(metrics.POOL_MEMBERS, {})
    assert deltas.take(4.0).gauges == {metrics.POOL_MEMBERS.name: {}}


_EVENTS = st.builds(
    event,
    credential=st.sampled_from(["", "openai-a", "claude-a"]),
    owner=st.sampled_from(["", "desk"]),
    sent_model=st.sampled_from(["gpt-x", "gpt-y", ""]),
    status=st.sampled_from([200, 404, 429, 502]),
    error=st.sampled_from(["", "draining"]),
    pool=st.sampled_from(["", "main"]),
    first_byte_us=st.integers(0, 10**9),
    duration_us=st.integers(0, 10**9),
    overhead_us=st.integers(0, 10**6),
    client_retry=st.booleans(),
    cost=st.one_of(st.none(), st.integers(0, 10**12)),
    tokens=st.one_of(st.none(), st.builds(Tokens, *[st.integers(0, 2**53)] * 5)),
)


@FEW
@given(st.lists(st.tuples(_EVENTS, st.integers(0, 2), st.booleans()), max_size=20))
def test_it_does_not_matter_who_counted(seen: list[tuple[Event, int, bool]]) -> None:
    """However requests are spread over workers and frames, the sums are those of one worker and one frame."""
    totals, alone, workers = Totals("v"), Deltas(), [Deltas(), Deltas(), Deltas()]
    for deltas in (alone, *workers):
        deltas.know(("gpt-x", "gpt-y"))
    for one, worker, cut in seen:
        alone.observe([one], VENDORS)
        workers[worker].observe([one], VENDORS)
        if cut:
            totals.add(str(worker), workers[worker].take(0.0))
    for worker, deltas in enumerate(workers):
        totals.add(str(worker), deltas.take(0.0))
        totals.forget(str(worker))
    together = Totals("v")
    together.add("0", alone.take(0.0))
    together.forget("0")
    assert parse(totals.render()) == parse(together.render())


def test_absurd_numbers_fit_into_a_frame() -> None:
    """What a vendor states in its nonsense cannot stop a worker's reports."""
    deltas = Deltas()
    for _ in range(5000):
        deltas.observe([event(tokens=Tokens(2**53, 0, 0, 2**53), usage_source="upstream_final", cost=2**80)], VENDORS)
    frame = deltas.take(1.0)
    assert metrics.decode(metrics.encode(frame)) == frame


@pytest.mark.parametrize(
    "frame",
    [
        Frame(1.0, {"stationmaster_of_tomorrow_total": {("a",): (1,)}}, {"stationmaster_of_tomorrow": {("a",): 1.0}}),
        Frame(1.0, {metrics.REQUESTS.name: {("openai", "chat"): (1,)}}, {metrics.POOL_MEMBERS.name: {("main",): 1.0}}),
        Frame(1.0, {metrics.DURATION.name: {("openai", "m", "p"): (1, 2, 3)}}, {}),
    ],
    ids=["unknown family", "other labels", "other buckets"],
)
def test_a_frame_of_another_version_does_no_harm(frame: Frame) -> None:
    """What is not known in its shape is left out, and the page stays whole."""
    totals, empty = Totals("v"), Totals("v")
    totals.add("1", frame)
    empty.add("1", Frame(1.0, {}, {}))
    assert totals.render() == empty.render()


def test_counting_with_wrong_labels_is_refused() -> None:
    """A mistake in the code shows where it is made, not as a hole in the page."""
    with pytest.raises(ValueError, match="has the labels"):
        Deltas().count(metrics.ATTEMPTS, ("openai", "main"))


# What one request counts.

OUTCOMES: list[tuple[str, Event, str]] = [
    ("ok", event(), "ok"),
    ("switched", event(status=101), "ok"),
    ("caller's error", event(status=400), "client_error"),
    ("unknown key", event(status=401, error="unknown_key"), "client_error"),
    ("own limit of the key", event(status=429, error="rate_limited"), "client_error"),
    ("vendor's limit", event(status=429, upstream_status=429), "no_capacity"),
    ("no member", event(status=503, error="no_member"), "no_capacity"),
    ("pool at its limits", event(status=429, error="pool_rate_limited"), "no_capacity"),
    ("no room", event(status=503, error="bodies_over_budget"), "no_capacity"),
    ("drained in a stream", event(status=200, error="draining"), "no_capacity"),
    ("vendor's own 503", event(status=503, upstream_status=503), "upstream_error"),
    ("vendor overloaded", event(status=529), "upstream_error"),
    ("unreachable", event(status=502, error="upstream_unreachable"), "upstream_error"),
    ("stream broke", event(status=200, error="upstream_disconnected"), "upstream_error"),
    ("left before", event(status=499, client_left=True), "cancelled"),
    ("left in a stream", event(client_left=True), "cancelled"),
    ("left, then it broke", event(client_left=True, error="upstream_disconnected"), "cancelled"),
    ("stalled", event(error="client_stalled"), "cancelled"),
]


@pytest.mark.parametrize(("name", "ended", "word"), OUTCOMES, ids=[row[0] for row in OUTCOMES])
def test_outcomes(name: str, ended: Event, word: str) -> None:
    """Each end of a request is one of five words, told by who is to blame for it."""
    assert outcome(ended) == word
    labels, _ = of(counted(EVENT, ended), metrics.REQUESTS)[-1]
    assert (labels["outcome"], labels["code"]) == (word, str(ended.status))


def test_tokens_and_money() -> None:
    """Every kind of token is counted with its source, and money to the nanodollar."""
    used = event(tokens=Tokens(10, 8, 2, 9, 4), usage_source="upstream_final", cost=1_000_000_001, credential="openai-a",
                 owner="desk")
    samples = counted(used, used)
    tokens = {labels["kind"]: found for labels, found in of(samples, metrics.TOKENS)}
    assert tokens == {"input": 20, "cache_read": 16, "cache_write": 4, "output": 18, "reasoning": 8}
    assert {labels["source"] for labels, _ in of(samples, metrics.TOKENS)} == {"upstream_final"}
    assert of(samples, metrics.SPEND) == [({"vendor": "openai", "model": "gpt-x", "team": "desk"}, 2.000000002)]
    assert of(samples, metrics.UNPRICED) == []


def test_kinds_that_few_requests_have() -> None:
    """Sound and hour-long cache writes are kinds of their own where there are any, beside requests without."""
    sound = event(tokens=DetailedTokens(10, 8, 2, 9, 4, 1, 5, 3, 7), usage_source="upstream_final")
    plain = event(tokens=Tokens(1), usage_source="upstream_final")
    tokens = {labels["kind"]: found for labels, found in of(counted(sound, plain, sound), metrics.TOKENS)}
    assert tokens == {"input": 21, "cache_read": 16, "cache_write": 4, "output": 18, "reasoning": 8, "cache_write_1h": 2,
                      "input_audio": 10, "cache_read_audio": 6, "output_audio": 14}


@pytest.mark.parametrize(
    ("tokens", "cost", "unpriced"),
    [(Tokens(5), None, 1.0), (Tokens(5), 0, None), (Tokens(), None, None), (None, None, None)],
    ids=["unknown price", "costs nothing", "used nothing", "unmetered"],
)
def test_an_unknown_price_is_unknown(tokens: Tokens | None, cost: int | None, unpriced: float | None) -> None:
    """Tokens without a price are counted as such, and add nothing to what was spent."""
    samples = counted(event(tokens=tokens, cost=cost, credential="openai-a"))
    assert value(samples, metrics.UNPRICED.name, vendor="openai", model="gpt-x") == unpriced
    assert of(samples, metrics.SPEND) == []


def test_what_events_do_not_say() -> None:
    """Retries, overheads and plain counters arrive under their labels; unmeasured ones leave no observation."""
    deltas = Deltas()
    deltas.observe([event(client_retry=True, overhead_us=70)], VENDORS)
    deltas.observe([event(first_byte_us=0)], VENDORS)
    deltas.count(metrics.ATTEMPTS, ("openai", "main", "limited", "rate_limited"), 2)
    deltas.count(metrics.EVENTS_DROPPED, (), 7)
    samples = page(deltas)
    assert value(samples, metrics.CLIENT_RETRIES.name, dialect="openai") == 1
    assert value(samples, metrics.OVERHEAD.name + "_sum", **ROUTED) == pytest.approx(0.00007)
    assert value(samples, metrics.OVERHEAD.name + "_count", **ROUTED) == 1
    assert value(samples, metrics.FIRST_BYTE.name + "_count", **ROUTED) == 1
    assert value(samples, metrics.DURATION.name + "_count", **ROUTED) == 2
    limited = {"vendor": "openai", "pool": "main", "result": "limited", "reason": "rate_limited"}
    assert value(samples, metrics.ATTEMPTS.name, **limited) == 2
    assert value(samples, metrics.EVENTS_DROPPED.name) == 7


def test_states() -> None:
    """A credential has 1 in one state and 0 in the others; where workers differ, each one's state is shown."""
    states = ("healthy", "cooling", "disabled")
    deltas = [Deltas(), Deltas()]
    deltas[0].show(metrics.CREDENTIAL_STATE, one_of({("acme", "a"): "healthy", ("acme", "b"): "disabled"}, states))
    deltas[1].show(metrics.CREDENTIAL_STATE, one_of({("acme", "a"): "cooling", ("acme", "b"): "disabled"}, states))
    shown = {(labels["credential"], labels["state"]): found for labels, found in of(page(*deltas), metrics.CREDENTIAL_STATE)}
    assert shown == {
        ("a", "healthy"): 1, ("a", "cooling"): 1, ("a", "disabled"): 0,
        ("b", "healthy"): 0, ("b", "cooling"): 0, ("b", "disabled"): 1,
    }  # fmt: skip


# The text.


def test_an_idle_gateway_has_a_whole_page() -> None:
    """Before the first request every family is described, and what has no labels is zero."""
    text = Totals("1.2.3").render()
    assert parse(text) == {
        (metrics.EVENTS_DROPPED.name, frozenset()): 0, (metrics.SPANS_DROPPED.name, frozenset()): 0,
        (metrics.BUILD_INFO.name, frozenset({("version", "1.2.3")})): 1,
    }
    described = re.findall(r"^# TYPE (\S+) (\S+)$", text.decode(), re.MULTILINE)
    assert described == [(family.name, family.kind) for family in FAMILIES]


@FEW
@given(st.text(st.characters(codec="utf-8")), st.text(st.sampled_from('\\"\nn,{}= ')))
def test_label_values_survive(first: str, second: str) -> None:
    """Whatever is in a label's value, a reader gets it back."""
    deltas = Deltas()
    deltas.count(metrics.STICKY_MOVES, (first, second))
    deltas.show(metrics.STICKY_SESSIONS, {(second,): 1})
    samples = page(deltas)
    assert value(samples, metrics.STICKY_MOVES.name, pool=first, reason=second) == 1
    assert value(samples, metrics.STICKY_SESSIONS.name, pool=second) == 1


def test_what_is_no_text_stops_nothing() -> None:
    """A lone surrogate in a label is replaced."""
    totals, deltas = Totals("v"), Deltas()
    deltas.count(metrics.STICKY_MOVES, ("\ud800", "x"))
    totals.add("1", deltas.take(1.0))
    assert value(parse(totals.render()), metrics.STICKY_MOVES.name, pool="?", reason="x") == 1


@FEW
@given(st.lists(st.one_of(st.integers(0, 2 * 10**9), st.sampled_from([9_999, 10_000, 10_001, 655_360_000, 655_360_001]))))
def test_histograms_are_cumulative(times: list[int]) -> None:
    """A bucket holds all observations up to and with its bound; the last one holds all, as many as the count says."""
    deltas = Deltas()
    for time in times:
        deltas.observe([event(duration_us=time)], VENDORS)
    samples = page(deltas)
    buckets = {
        float(dict(labels)["le"]): found for (name, labels), found in samples.items() if name == metrics.DURATION.name + "_bucket"
    }
    expected = [*(0.01 * 2**step for step in range(17)), math.inf] if times else []
    assert list(buckets) == pytest.approx(expected)
    for bound, found in buckets.items():
        assert found == sum(time / 1e6 <= bound for time in times)
    if times:
        assert value(samples, metrics.DURATION.name + "_count", **ROUTED) == len(times)
        assert value(samples, metrics.DURATION.name + "_sum", **ROUTED) == pytest.approx(sum(times) / 1e6)


# Bounds.


def test_clients_cannot_make_series() -> None:
    """A model that no vendor served is `other`, one of a refused request is empty; one that was served or is the
    operator's keeps its name, also when it fails afterwards."""
    invented = [event(sent_model=f"gpt-{at}", status=404, upstream_status=404) for at in range(5000)]
    refused = event(model="gpt-y", sent_model="", pool="", status=404, error="model_not_found", upstream_status=0)
    down = event(status=502, error="upstream_unreachable", upstream_status=0)
    written = msgspec.structs.replace(down, sent_model="by-hand")
    hidden = event(sent_model="a\nb")
    samples = counted(*invented, refused, down, EVENT, down, written, hidden, known=("by-hand",))
    requests = [(labels["model"], labels["code"], found) for labels, found in of(samples, metrics.REQUESTS)]
    assert sorted(requests) == [
        ("", "404", 1), ("by-hand", "502", 1), ("gpt-x", "200", 1), ("gpt-x", "502", 1),
        ("other", "200", 1), ("other", "404", 5000), ("other", "502", 1),
    ]  # fmt: skip


def test_the_operators_models_change() -> None:
    """A name that a new configuration leaves out is no label any more, although it was one."""
    deltas = Deltas()
    down = event(status=502, error="upstream_unreachable", upstream_status=0)
    for known in (("gpt-x",), ()):
        deltas.know(known)
        deltas.observe([down], VENDORS)
    assert [labels["model"] for labels, _ in of(page(deltas), metrics.REQUESTS)] == ["gpt-x", "other"]


def test_served_models_are_bounded_too() -> None:
    """A vendor that serves whatever it is asked for fills a bounded number of labels."""
    samples = counted(*[event(sent_model=f"m-{at}") for at in range(3000)])
    found = {labels["model"]: count for labels, count in of(samples, metrics.REQUESTS)}
    assert len(found) == MAX_MODELS + 1
    assert found["other"] == 3000 - MAX_MODELS


def test_label_sets_are_bounded() -> None:
    """A family has at most 2,000 label sets, in a worker and in all together; none of its counts is lost."""
    deltas = [Deltas(), Deltas()]
    for at in range(3000):
        for worker, one in enumerate(deltas):
            one.count(metrics.STICKY_MOVES, (f"{worker}-{at}", "x"))
            one.observe([event(pool=f"{worker}-{at}")], VENDORS)
    frame = deltas[0].take(1.0)
    assert {len(frame.sums[family.name]) for family in (metrics.STICKY_MOVES, metrics.REQUESTS)} == {2000}
    totals = Totals("v")
    totals.add("0", frame)
    totals.add("1", deltas[1].take(1.0))
    samples = parse(totals.render())
    for family in (metrics.STICKY_MOVES, metrics.REQUESTS):
        assert len(of(samples, family)) == 2000
        assert sum(found for _, found in of(samples, family)) == 6000
    assert value(samples, metrics.STICKY_MOVES.name, pool="other", reason="other") == 6000 - 1999


def test_no_identity_is_on_the_page() -> None:
    """Keys, owners, tenants, request ids and what the client called the model are in no metric."""
    secret = "sentinel"
    told = event(key=secret, owner=secret, tenant=secret, request_id=secret, model=secret, upstream_request_id=secret)
    deltas, totals = Deltas(), Totals("v")
    deltas.observe([told], VENDORS)
    totals.add("1", deltas.take(1.0))
    assert secret.encode() not in totals.render()


# The table, its page and its dashboard.


def test_names_follow_the_rules() -> None:
    """Prefix, `_total` on counters and on nothing else, labels that are explained, each name once."""
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert re.fullmatch(r"stationmaster_[a-z_]+", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert bool(family.bounds) == (family.kind == "histogram")
        assert list(family.bounds) == sorted(set(family.bounds))
    assert {label for family in FAMILIES for label in family.labels} == set(LABELS)


def test_the_reference_says_what_is_there() -> None:
    """metrics.md has every family and every label of the table, in its words, and no other."""
    text = (ROOT / "docs/reference/metrics.md").read_text()
    families = [
        f"| `{family.name}` | {family.kind} | {', '.join(f'`{label}`' for label in family.labels) or 'none'} | {family.help} |"
        for family in FAMILIES
    ]
    labels = [f"| `{name}` | {meaning} |" for name, meaning in LABELS.items()]
    assert re.findall(r"^\| `.*\|$", text, re.MULTILINE) == families + labels


DASHBOARD = json.loads((ROOT / "deploy/grafana/stationmaster.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES: list[tuple[str, str, str]] = [
    *((panel["title"], target["expr"], target["legendFormat"]) for panel in PANELS for target in panel["targets"]),
    *((entry["name"], entry["definition"], "") for entry in DASHBOARD["templating"]["list"] if entry["type"] == "query"),
]
# What may stand in an expression besides metrics and labels (prometheus.io, "Querying"; Grafana, "Template variables").
_FUNCTIONS = {"sum", "max", "by", "rate", "increase", "histogram_quantile", "time", "label_values"}
_EXPORTED = {
    family.name + tail: {*family.labels, *(["le"] if tail == "_bucket" else [])}
    for family in FAMILIES
    for tail in (("_bucket", "_sum", "_count") if family.kind == "histogram" else ("",))
}


def words(expression: str) -> tuple[set[str], set[str]]:
    """The metrics and the labels that an expression names; every other word of it must be a function."""
    bare = re.sub(r"\[[^]]*\]", "", re.sub(r'"[^"]*"', '""', expression))
    names = set(re.findall(r"[a-zA-Z_][a-zA-Z0-9_]*", bare))
    used = {name for name in names if name.startswith("stationmaster")}
    return used, names - used - _FUNCTIONS


@pytest.mark.parametrize(("title", "expression", "legend"), QUERIES, ids=[f"{row[0]}-{at}" for at, row in enumerate(QUERIES)])
def test_the_dashboard_asks_for_what_is_there(title: str, expression: str, legend: str) -> None:
    """Each expression names one metric of the table and only labels that it has; each legend only labels that the
    expression keeps."""
    used, labels = words(expression)
    assert len(used) == 1
    exported = _EXPORTED[used.pop()]
    assert labels <= exported
    kept = re.findall(r"^\w+ by \(([^)]*)\)", re.sub(r"^histogram_quantile\([^,]*, ", "", expression))
    grouped = set(kept[0].split(", ")) if kept else exported
    assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= grouped
    assert expression.count("(") == expression.count(")")


def test_the_dashboard_shows_everything() -> None:
    """Every family of the table is somewhere on the dashboard."""
    asked = {name for _, expression, _ in QUERIES for name in words(expression)[0]}
    assert {re.sub("_bucket$", "", name) for name in asked} == {family.name for family in FAMILIES}


def test_the_dashboard_can_be_imported() -> None:
    """A fixed uid, a schema that Grafana still reads, the data source chosen by the reader; panels with ids of their
    own that fill rows of 24 columns without lying on one another."""
    assert DASHBOARD["uid"] == "stationmaster"
    assert DASHBOARD["schemaVersion"] >= 39
    assert [entry["name"] for entry in DASHBOARD["templating"]["list"] if entry["type"] == "datasource"] == ["datasource"]
    for part in (*PANELS, *(target for panel in PANELS for target in panel["targets"])):
        assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(places)) == len(places) == 24 * (1 + max(y for _, y in places))


def test_the_dashboards_rows() -> None:
    """The rows an operator looks for, in this order."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Traffic", "Credentials", "Sessions", "Tokens and money", "Health of the gateway"]
