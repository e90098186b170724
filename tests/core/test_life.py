"""A credential's life: every cell of the table, and what must hold whatever happens in whatever order."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.life import (
    HEALTHY,
    OK,
    SIGNALS,
    STATES,
    TRANSITIONS,
    Happening,
    Life,
    Rules,
    Signal,
    State,
    advance,
    diagram,
    eligible,
    settled,
)

NOW = 1000.0
RULES = Rules()
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "credential-life.md"

# One life in each state, as it is met with: some faults counted, times still to come.
UNKNOWN = Life()
COOLING = Life("cooling", "rate_limited", "slow_down", until=1010.0)
BROKEN = Life("cooling", "upstream", until=1004.0, strikes=5)
SUSPECT = Life("suspect", "denied", faults=2, strikes=1, doubt="denied")
DISABLED = Life("disabled", "billing", "insufficient_quota", probes=1, next_probe=1030.0)
BY_OPERATOR = Life("disabled", "operator")
PROBING = Life("probing", "billing", "insufficient_quota", probes=1)
LIVES: dict[State, Life] = {
    "unknown": UNKNOWN, "healthy": HEALTHY, "cooling": COOLING, "suspect": SUSPECT, "disabled": DISABLED,
    "probing": PROBING,
}

SAID: dict[Signal, Happening] = {
    "ok": OK,
    "limited": Happening("limited", "rate_limited", "rate_limit_exceeded", 1020.0),
    "upstream_fault": Happening("upstream_fault", "upstream"),
    "credential_fault": Happening("credential_fault", "invalid_key", "invalid_api_key"),
    "terminal": Happening("terminal", "terminated", "account_deactivated"),
    "elapsed": Happening("elapsed"),
    "probe_started": Happening("probe_started"),
    "probe_ok": Happening("probe_ok"),
    "probe_failed": Happening("probe_failed"),
    "refreshed": Happening("refreshed"),
    "operator_disable": Happening("operator_disable"),
    "operator_enable": Happening("operator_enable"),
}
_LIMITED = Life("cooling", "rate_limited", "rate_limit_exceeded", 1020.0)
_GONE = Life("disabled", "terminated", "account_deactivated", next_probe=1030.0)
_DOUBTED = Life("suspect", "invalid_key", "invalid_api_key", faults=1, doubt="invalid_key")
_DOUBTED_BY_PROBE = Life("suspect", faults=1)

EXPECTED: dict[tuple[State, Signal], Life] = {
    ("unknown", "ok"): HEALTHY,
    ("unknown", "limited"): _LIMITED,
    ("unknown", "upstream_fault"): Life(strikes=1),
    ("unknown", "credential_fault"): _DOUBTED,
    ("unknown", "terminal"): _GONE,
    ("unknown", "elapsed"): UNKNOWN,
    ("unknown", "probe_started"): UNKNOWN,
    ("unknown", "probe_ok"): HEALTHY,
    ("unknown", "probe_failed"): _DOUBTED_BY_PROBE,
    ("unknown", "refreshed"): UNKNOWN,
    ("unknown", "operator_disable"): BY_OPERATOR,
    ("unknown", "operator_enable"): UNKNOWN,
    ("healthy", "ok"): HEALTHY,
    ("healthy", "limited"): _LIMITED,
    ("healthy", "upstream_fault"): Life("healthy", strikes=1),
    ("healthy", "credential_fault"): _DOUBTED,
    ("healthy", "terminal"): _GONE,
    ("healthy", "elapsed"): HEALTHY,
    ("healthy", "probe_started"): HEALTHY,
    ("healthy", "probe_ok"): HEALTHY,
    ("healthy", "probe_failed"): _DOUBTED_BY_PROBE,
    ("healthy", "refreshed"): HEALTHY,
    ("healthy", "operator_disable"): BY_OPERATOR,
    ("healthy", "operator_enable"): HEALTHY,
    ("cooling", "ok"): COOLING,
    ("cooling", "limited"): _LIMITED,
    ("cooling", "upstream_fault"): COOLING,
    ("cooling", "credential_fault"): Life("cooling", "rate_limited", "slow_down", 1010.0, faults=1, doubt="invalid_key"),
    ("cooling", "terminal"): _GONE,
    ("cooling", "elapsed"): UNKNOWN,
    ("cooling", "probe_started"): COOLING,
    ("cooling", "probe_ok"): COOLING,
    ("cooling", "probe_failed"): Life("cooling", "rate_limited", "slow_down", 1010.0, faults=1),
    ("cooling", "refreshed"): COOLING,
    ("cooling", "operator_disable"): BY_OPERATOR,
    ("cooling", "operator_enable"): COOLING,
    ("suspect", "ok"): HEALTHY,
    ("suspect", "limited"): Life("cooling", "rate_limited", "rate_limit_exceeded", 1020.0, strikes=1),
    ("suspect", "upstream_fault"): Life("suspect", "denied", faults=2, strikes=2, doubt="denied"),
    ("suspect", "credential_fault"): Life(
        "suspect", "invalid_key", "invalid_api_key", faults=3, strikes=1, doubt="invalid_key"
    ),
    ("suspect", "terminal"): Life(
        "disabled", "terminated", "account_deactivated", faults=2, strikes=1, next_probe=1030.0, doubt="denied"
    ),
    ("suspect", "elapsed"): SUSPECT,
    ("suspect", "probe_started"): SUSPECT,
    ("suspect", "probe_ok"): HEALTHY,
    ("suspect", "probe_failed"): Life("suspect", faults=3, strikes=1),
    ("suspect", "refreshed"): Life(strikes=1),
    ("suspect", "operator_disable"): BY_OPERATOR,
    ("suspect", "operator_enable"): SUSPECT,
    ("disabled", "ok"): DISABLED,
    ("disabled", "limited"): DISABLED,
    ("disabled", "upstream_fault"): DISABLED,
    ("disabled", "credential_fault"): DISABLED,
    ("disabled", "terminal"): DISABLED,
    ("disabled", "elapsed"): DISABLED,
    ("disabled", "probe_started"): PROBING,
    ("disabled", "probe_ok"): HEALTHY,
    ("disabled", "probe_failed"): Life("disabled", "billing", "insufficient_quota", probes=2, next_probe=1120.0),
    ("disabled", "refreshed"): DISABLED,
    ("disabled", "operator_disable"): BY_OPERATOR,
    ("disabled", "operator_enable"): UNKNOWN,
    ("probing", "ok"): PROBING,
    ("probing", "limited"): _LIMITED,
    ("probing", "upstream_fault"): Life("disabled", "billing", "insufficient_quota", probes=1, next_probe=1060.0),
    ("probing", "credential_fault"): Life("disabled", "invalid_key", "invalid_api_key", probes=2, next_probe=1120.0),
    ("probing", "terminal"): Life("disabled", "terminated", "account_deactivated", probes=2, next_probe=1120.0),
    ("probing", "elapsed"): PROBING,
    ("probing", "probe_started"): PROBING,
    ("probing", "probe_ok"): HEALTHY,
    ("probing", "probe_failed"): Life("disabled", "billing", "insufficient_quota", probes=2, next_probe=1120.0),
    ("probing", "refreshed"): PROBING,
    ("probing", "operator_disable"): BY_OPERATOR,
    ("probing", "operator_enable"): UNKNOWN,
}
CELLS = [(state, signal) for state in STATES for signal in SIGNALS]


def walk(life: Life, *happenings: Happening, now: float = NOW, rules: Rules = RULES) -> Life:
    """The life after `happenings`, one second apart."""
    for second, happening in enumerate(happenings):
        life = advance(life, happening, now + second, rules)
    return life


@pytest.mark.parametrize(("state", "signal"), CELLS, ids=[f"{state}-{signal}" for state, signal in CELLS])
def test_every_cell(state: State, signal: Signal) -> None:
    """Each signal moves each state as written here, and where it changes nothing the object stays the same."""
    before = LIVES[state]
    after = advance(before, SAID[signal], NOW, RULES)
    assert after == EXPECTED[state, signal]
    assert after is before or after != before


def test_the_table_is_whole() -> None:
    """Every state answers every signal, and nothing else is in the table."""
    assert set(TRANSITIONS) == set(CELLS) == set(EXPECTED)


OTHERS: list[tuple[str, Life, list[Happening], Life]] = [
    ("the third upstream fault in a row opens the breaker", HEALTHY, [SAID["upstream_fault"]] * 3,
     Life("cooling", "upstream", until=1003.0, strikes=3)),
    ("faults of requests under way do not make the pause longer", HEALTHY, [SAID["upstream_fault"]] * 9,
     Life("cooling", "upstream", until=1003.0, strikes=3)),
    ("after the pause one more opens it again, for twice as long", HEALTHY,
     [*[SAID["upstream_fault"]] * 3, SAID["elapsed"], SAID["upstream_fault"]],
     Life("cooling", "upstream", until=1006.0, strikes=4)),
    ("the breaker's pause has a cap", Life(strikes=2000), [SAID["upstream_fault"]],
     Life("cooling", "upstream", until=1060.0, strikes=2001)),
    ("an upstream that answers has closed the breaker", BROKEN, [OK], HEALTHY),
    ("a 429 behind an open breaker makes it a rate limit, with the later end",
     Life("cooling", "upstream", until=1060.0, strikes=9), [SAID["limited"]],
     Life("cooling", "rate_limited", "rate_limit_exceeded", 1060.0, strikes=9)),
    ("upstream faults of a suspect do not count as the key's", SUSPECT, [SAID["upstream_fault"]] * 2,
     Life("cooling", "upstream", until=1002.0, faults=2, strikes=3, doubt="denied")),
    ("what was suspect before its pause is suspect after it",
     Life("cooling", "upstream", until=1002.0, faults=2, strikes=3, doubt="denied"), [SAID["elapsed"]],
     Life("suspect", "denied", faults=2, strikes=3, doubt="denied")),
    ("the fifth credential fault in a row disables", HEALTHY, [SAID["credential_fault"]] * 5,
     Life("disabled", "invalid_key", "invalid_api_key", faults=5, next_probe=1034.0, doubt="invalid_key")),
    ("a 429 breaks a row of credential faults", HEALTHY,
     [*[SAID["credential_fault"]] * 4, SAID["limited"], SAID["elapsed"], SAID["credential_fault"]], _DOUBTED),
    ("faults told while it cools count as well", COOLING, [SAID["credential_fault"]] * 5,
     Life("disabled", "invalid_key", "invalid_api_key", faults=5, next_probe=1034.0, doubt="invalid_key")),
    ("a limit that is over when it is told is over", HEALTHY, [Happening("limited", until=3.0), SAID["elapsed"]], UNKNOWN),
    ("no probe before the time the vendor named", HEALTHY,
     [Happening("terminal", "billing", until=5000.0), SAID["probe_started"], SAID["probe_failed"]],
     Life("disabled", "billing", until=5000.0, probes=1, next_probe=5000.0)),
    ("the probe's pause has a cap", Life("disabled", "denied", probes=3000), [SAID["probe_failed"]],
     Life("disabled", "denied", probes=3001, next_probe=4600.0)),
    ("another token ends what the former one was refused for", HEALTHY, [*[SAID["credential_fault"]] * 5, SAID["refreshed"]],
     UNKNOWN),
    ("and what is found in a probe of the former one", HEALTHY,
     [*[SAID["credential_fault"]] * 5, SAID["probe_started"], SAID["refreshed"]], UNKNOWN),
    ("refusals of the former token do not wait behind a pause", COOLING,
     [SAID["credential_fault"], SAID["refreshed"], Happening("elapsed")], UNKNOWN),
    ("no token mends missing money", HEALTHY, [Happening("terminal", "billing", until=5000.0), SAID["refreshed"]],
     Life("disabled", "billing", until=5000.0, next_probe=5000.0)),
    ("an operator who disables a probed one is not overruled by the probe", PROBING,
     [SAID["operator_disable"], SAID["probe_ok"]], BY_OPERATOR),
]


@pytest.mark.parametrize(("before", "happenings", "after"), [row[1:] for row in OTHERS], ids=[row[0] for row in OTHERS])
def test_courses(before: Life, happenings: list[Happening], after: Life) -> None:
    """What several happenings in a row lead to."""
    assert walk(before, *happenings) == after


@pytest.mark.parametrize("signal", [signal for signal in SIGNALS if signal != "operator_enable"])
def test_an_operators_word_stands(signal: Signal) -> None:
    """One that an operator disabled is moved by nothing but an operator."""
    assert advance(BY_OPERATOR, SAID[signal], NOW, RULES) is BY_OPERATOR
    assert advance(BY_OPERATOR, SAID["operator_enable"], NOW, RULES) == UNKNOWN


def test_ranks() -> None:
    """Suspects come after the rest; cooling, disabled and probing ones serve nobody."""
    assert {state: eligible(Life(state)) for state in STATES} == {
        "unknown": 0, "healthy": 0, "suspect": 1, "cooling": 2, "disabled": 2, "probing": 2,
    }


def test_settled() -> None:
    """Exactly those that a success would leave alone may be spared it; one decoded from a frame is one of them."""
    copied = msgspec.json.decode(msgspec.json.encode(HEALTHY), type=Life)
    assert settled(HEALTHY)
    assert settled(copied)
    assert advance(copied, OK, NOW, RULES) is copied
    assert not any(settled(life) for life in (UNKNOWN, SUSPECT, COOLING, DISABLED, PROBING, Life("healthy", strikes=1)))


times = st.floats(0, 5000)
causes = st.sampled_from(("rate_limited", "invalid_key", "denied", "billing", ""))
happenings = st.builds(Happening, st.sampled_from(SIGNALS), causes, until=times)
courses = st.lists(st.tuples(happenings, st.floats(0, 100)), max_size=40)
rules = st.builds(Rules, st.integers(1, 6), st.integers(1, 6))


def lead(course: list[tuple[Happening, float]], rule: Rules) -> tuple[Life, float]:
    """Where a course leads a new credential, and when."""
    life, now = Life(), NOW
    for happening, later in course:
        now += later
        life = advance(life, happening, now, rule)
    return life, now


@FEW
@given(courses, rules, happenings)
def test_every_step_is_in_the_table(course: list[tuple[Happening, float]], rule: Rules, then: Happening) -> None:
    """No step leads where its cell does not say, and what changes nothing is the same object."""
    life, now = lead(course, rule)
    cell = TRANSITIONS[life.state, then.signal]
    after = advance(life, then, now, rule)
    assert after.state in cell.to or (cell.stays and after.state == life.state)
    assert after is life or after != life


@FEW
@given(courses, rules)
def test_a_success_resets(course: list[tuple[Happening, float]], rule: Rules) -> None:
    """After a success nothing is counted, but of one that is disabled; only a stated rate limit outlasts it."""
    life, now = lead(course, rule)
    after = advance(life, OK, now, rule)
    if life.state in ("disabled", "probing"):
        assert after is life
    elif life.state == "cooling" and life.cause != "upstream":
        assert (after.state, after.until, after.faults, after.strikes) == ("cooling", life.until, 0, 0)
    else:
        assert after == HEALTHY


@FEW
@given(st.lists(st.tuples(st.sampled_from(("limited", "upstream_fault", "ok", "elapsed")), times), max_size=60), rules)
def test_limits_and_upstream_faults_never_disable(course: list[tuple[Signal, float]], rule: Rules) -> None:
    """However many 429s and 5xx come, the key is taken for a good one."""
    life = Life()
    for signal, until in course:
        life = advance(life, Happening(signal, until=until), NOW, rule)
        assert life.state in ("unknown", "healthy", "cooling")
        assert life.faults == 0


@FEW
@given(st.lists(st.tuples(times, st.floats(0, 10)), min_size=1, max_size=30))
def test_repeated_limits_only_extend(course: list[tuple[float, float]]) -> None:
    """A later 429 with a shorter pause does not end the longer one."""
    life, now = Life(), NOW
    for until, later in course:
        now += later
        after = advance(life, Happening("limited", "rate_limited", until=until), now, RULES)
        assert after.until >= max(life.until, until)
        life = after


@FEW
@given(courses, rules)
def test_what_is_disabled_has_a_next_probe(course: list[tuple[Happening, float]], rule: Rules) -> None:
    """Nothing but an operator's word leaves one disabled without a time at which it is tried again."""
    life, now = lead(course, rule)
    if life.state == "disabled":
        assert (life.next_probe == 0) == (life.cause == "operator")
    disabled = advance(life, Happening("terminal", "denied"), now, rule)
    if disabled.cause != "operator" and life.state != "disabled":
        assert disabled.next_probe >= now + rule.probe_base


def test_the_page_shows_the_table() -> None:
    """The diagram on the reference page is the table's."""
    shown = re.search(r"<!-- diagram -->\n```mermaid\n(.*?)```\n<!-- /diagram -->", PAGE.read_text(), re.DOTALL)
    assert shown is not None
    assert shown[1] == diagram()


def test_the_page_explains_every_state_and_signal() -> None:
    """Each state and each signal of the table has exactly one row on the reference page."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert {name: rows.count(name) for name in (*STATES, *SIGNALS)} == dict.fromkeys((*STATES, *SIGNALS), 1)
