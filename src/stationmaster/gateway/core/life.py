"""A credential's life: six states, and one table that says what moves a credential between them.

Owns: the table. May not know vendors, statuses or the clock: what happened arrives as a `Happening`, and `now` and
every `until` are seconds on the caller's own clock. docs/reference/credential-life.md tells operators the same, its
diagram made from this table.
"""

from collections.abc import Callable
from typing import Literal, get_args

import msgspec

State = Literal["unknown", "healthy", "cooling", "suspect", "disabled", "probing"]
Signal = Literal[
    "ok", "limited", "upstream_fault", "credential_fault", "terminal", "elapsed",
    "probe_started", "probe_ok", "probe_failed", "refreshed", "operator_disable", "operator_enable",
]
STATES: tuple[State, ...] = get_args(State)
SIGNALS: tuple[Signal, ...] = get_args(Signal)

OWN_FAULTS: frozenset[Signal] = frozenset({"credential_fault", "terminal", "probe_failed"})
OF_SECRETS = frozenset({"invalid_key", "denied"})      # causes that lie with a secret, and may be over with another
OPERATOR = "operator"
RATE_LIMITED = "rate_limited"
UPSTREAM = "upstream"
_MOST_DOUBLINGS = 40


class Life(msgspec.Struct, frozen=True):
    """What is known of one credential; 0 in a time means that none is known.

    `cause` says why it is cooling, suspect or disabled, `code` is the vendor's word for it. `until`: when cooling ends,
    or when a disabled one is said to work again. `faults`: credential faults in a row, and `doubt` the cause of the
    last, kept while another cause cools it. `strikes`: upstream faults in a row. `probes`: failed probes in a row.
    """

    state: State = "unknown"
    cause: str = ""
    code: str = ""
    until: float = 0.0
    faults: int = 0
    strikes: int = 0
    probes: int = 0
    next_probe: float = 0.0
    doubt: str = ""


class Happening(msgspec.Struct, frozen=True):
    """One thing that happened. `until` is for `limited` and, where the vendor told, for `terminal`."""

    signal: Signal
    cause: str = ""
    code: str = ""
    until: float = 0.0


class Rules(msgspec.Struct, frozen=True):
    """How many faults in a row count, and how long pauses are, in seconds; each pause doubles up to its cap."""

    error_threshold: int = 5
    breaker_threshold: int = 3
    breaker_base: float = 1.0
    breaker_cap: float = 60.0
    probe_base: float = 30.0
    probe_cap: float = 3600.0


UNKNOWN = Life()
HEALTHY = Life("healthy")
OK = Happening("ok")
REFRESHED = Happening("refreshed")
ELAPSED = Happening("elapsed")

Step = Callable[[Life, Happening, float, Rules], Life]


class Next(msgspec.Struct, frozen=True):
    """One cell: the step that makes the next life, every state it may lead to with what decides that (empty:
    nothing else does), and whether the state may also stay as it is."""

    step: Step
    to: dict[State, str]
    stays: bool = False


def _stay(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    return life


def _recover(_life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    return HEALTHY


def _recover_cooling(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    """A request sent before a 429 may well succeed after it; the vendor's pause holds all the same."""
    if life.cause == UPSTREAM:
        return HEALTHY
    return Life("cooling", life.cause, life.code, life.until)


def _cool(life: Life, happening: Happening, now: float, _rules: Rules) -> Life:
    """A 429 is an answer to a valid key: credential faults are forgotten. The end only ever moves away."""
    longest = max(life.until if life.state == "cooling" else now, happening.until)
    return Life("cooling", happening.cause or RATE_LIMITED, happening.code, longest, strikes=life.strikes)


def _strike(life: Life, happening: Happening, now: float, rules: Rules) -> Life:
    """An upstream fault. The threshold's opens the breaker, and so does each one after it, for twice as long."""
    strikes = life.strikes + 1
    again = strikes - rules.breaker_threshold
    if again < 0:
        return msgspec.structs.replace(life, strikes=strikes)
    until = now + _doubled(rules.breaker_base, again, rules.breaker_cap)
    return Life("cooling", UPSTREAM, happening.code, until, life.faults, strikes, doubt=life.doubt)


def _fault(life: Life, happening: Happening, now: float, rules: Rules) -> Life:
    faults = life.faults + 1
    cause, code = happening.cause, happening.code
    if faults >= rules.error_threshold:
        wait = now + rules.probe_base
        return Life("disabled", cause, code, faults=faults, strikes=life.strikes, next_probe=wait, doubt=cause)
    if life.state == "cooling":   # sent before; it will be suspect when the pause is over
        return msgspec.structs.replace(life, faults=faults, doubt=cause)
    return Life("suspect", cause, code, faults=faults, strikes=life.strikes, doubt=cause)


def _terminate(life: Life, happening: Happening, now: float, rules: Rules) -> Life:
    probe = max(happening.until, now + rules.probe_base)
    return Life(
        "disabled", happening.cause, happening.code, happening.until, life.faults, life.strikes, next_probe=probe,
        doubt=life.doubt,
    )


def _elapse(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    """Strikes are kept: until something succeeds, one more upstream fault opens the breaker again."""
    if life.faults:
        return Life("suspect", life.doubt, faults=life.faults, strikes=life.strikes, doubt=life.doubt)
    return Life(strikes=life.strikes)


def _begin_probe(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    return life if life.cause == OPERATOR else msgspec.structs.replace(life, state="probing", next_probe=0.0)


def _revive(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    """A probe's result counts though its start was not told here: another worker may have run it."""
    return life if life.cause == OPERATOR else HEALTHY


def _put_back(life: Life, happening: Happening, now: float, rules: Rules) -> Life:
    """A probe failed: disabled again, the next one twice as far away and never before a time that is known."""
    if life.cause == OPERATOR:
        return life
    probes, until = life.probes + 1, happening.until or life.until
    wait = max(until, now + _doubled(rules.probe_base, probes, rules.probe_cap))
    return msgspec.structs.replace(
        life, state="disabled", cause=happening.cause or life.cause, code=happening.code or life.code,
        until=until, probes=probes, next_probe=wait,
    )


def _postpone(life: Life, _happening: Happening, now: float, rules: Rules) -> Life:
    """The probe met a failing upstream, which says nothing of the key: not counted, tried again later."""
    wait = now + _doubled(rules.probe_base, life.probes, rules.probe_cap)
    return msgspec.structs.replace(life, state="disabled", next_probe=max(life.until, wait))


def _forgive(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    """Another token of the same identity: refusals of the one before it are no news. Pauses and the vendor's own faults stay."""
    if life.state == "cooling":
        return msgspec.structs.replace(life, faults=0, doubt="")
    return Life(strikes=life.strikes)


def _pardon(life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    """The same for one that is out of service: not where money is missing, say, which no token mends."""
    return Life(strikes=life.strikes) if life.cause in OF_SECRETS else life


def _take_out(_life: Life, happening: Happening, _now: float, _rules: Rules) -> Life:
    return Life("disabled", OPERATOR, happening.code)


def _let_in(_life: Life, _happening: Happening, _now: float, _rules: Rules) -> Life:
    return UNKNOWN


def _doubled(base: float, times: int, cap: float) -> float:
    return min(base * 2.0 ** min(times, _MOST_DOUBLINGS), cap)


_NOT_BY_OPERATOR = "unless by an operator"
_AT_THRESHOLD = "at the threshold"

_STAY = Next(_stay, {}, stays=True)
_RECOVER = Next(_recover, {"healthy": ""})
_OK_COOL = Next(_recover_cooling, {"healthy": "unless rate limited"}, stays=True)
_COOL = Next(_cool, {"cooling": ""})
_STRIKE = Next(_strike, {"cooling": _AT_THRESHOLD}, stays=True)
_FAULT = Next(_fault, {"suspect": "", "disabled": _AT_THRESHOLD})
_F_COOL = Next(_fault, {"disabled": _AT_THRESHOLD}, stays=True)
_TERMINAL = Next(_terminate, {"disabled": ""})
_ELAPSE = Next(_elapse, {"suspect": "after credential faults", "unknown": "otherwise"})
_PROBE = Next(_begin_probe, {"probing": _NOT_BY_OPERATOR}, stays=True)
_REVIVE = Next(_revive, {"healthy": _NOT_BY_OPERATOR}, stays=True)
_BACK = Next(_put_back, {"disabled": ""})
_LATER = Next(_postpone, {"disabled": ""})
_FORGIVE = Next(_forgive, {"unknown": ""})
_F_PAUSE = Next(_forgive, {}, stays=True)
_PARDON = Next(_pardon, {"unknown": "where the secret was refused"}, stays=True)
_TAKE_OUT = Next(_take_out, {"disabled": ""})
_LET_IN = Next(_let_in, {"unknown": ""})

# A request under way when its credential was disabled or began to cool says nothing new (_STAY): what fails then is
# the same incident, and a late success does not prove a probe. In `probing`, faults are taken for the probe's answer.
_ROWS: dict[Signal, tuple[Next, Next, Next, Next, Next, Next]] = {
    #                   unknown    healthy    cooling    suspect    disabled   probing
    "ok":               (_RECOVER, _RECOVER,  _OK_COOL,  _RECOVER,  _STAY,     _STAY),
    "limited":          (_COOL,    _COOL,     _COOL,     _COOL,     _STAY,     _COOL),
    "upstream_fault":   (_STRIKE,  _STRIKE,   _STAY,     _STRIKE,   _STAY,     _LATER),
    "credential_fault": (_FAULT,   _FAULT,    _F_COOL,   _FAULT,    _STAY,     _BACK),
    "terminal":         (_TERMINAL, _TERMINAL, _TERMINAL, _TERMINAL, _STAY,    _BACK),
    "elapsed":          (_STAY,    _STAY,     _ELAPSE,   _STAY,     _STAY,     _STAY),
    "probe_started":    (_STAY,    _STAY,     _STAY,     _STAY,     _PROBE,    _STAY),
    "probe_ok":         (_RECOVER, _RECOVER,  _OK_COOL,  _RECOVER,  _REVIVE,   _RECOVER),
    "probe_failed":     (_FAULT,   _FAULT,    _F_COOL,   _FAULT,    _BACK,     _BACK),
    "refreshed":        (_STAY,    _STAY,     _F_PAUSE,  _FORGIVE,  _PARDON,   _PARDON),
    "operator_disable": (_TAKE_OUT, _TAKE_OUT, _TAKE_OUT, _TAKE_OUT, _TAKE_OUT, _TAKE_OUT),
    "operator_enable":  (_STAY,    _STAY,     _STAY,     _STAY,     _LET_IN,   _LET_IN),
}
TRANSITIONS: dict[tuple[State, Signal], Next] = {
    (state, signal): cell for signal, row in _ROWS.items() for state, cell in zip(STATES, row, strict=True)
}


def settled(life: Life) -> bool:
    """Whether an `ok` would change nothing, so that a caller need not even tell it."""
    return life is HEALTHY or (life.state == "healthy" and life.strikes == 0)


def advance(life: Life, happening: Happening, now: float, rules: Rules) -> Life:
    """The life after `happening` at `now`; the same object when it changes nothing."""
    if happening.signal == "ok" and settled(life):
        return life
    after = TRANSITIONS[life.state, happening.signal].step(life, happening, now, rules)
    return life if after == life else after


_RANKS: dict[State, int] = {"unknown": 0, "healthy": 0, "suspect": 1, "cooling": 2, "disabled": 2, "probing": 2}


def eligible(life: Life) -> int:
    """0: may serve. 1: may serve when none of rank 0 can. 2: may not."""
    return _RANKS[life.state]


def diagram() -> str:
    """The table as a Mermaid state diagram, without what leaves the state as it is."""
    lines = ["stateDiagram-v2", "    [*] --> unknown"]
    for source in STATES:
        for target in STATES:
            labels = _labels(source, target)
            if source != target and labels:
                lines.append(f"    {source} --> {target}: {', '.join(labels)}")
    return "\n".join(lines) + "\n"


def _labels(source: State, target: State) -> list[str]:
    cells = [(signal, TRANSITIONS[source, signal].to.get(target)) for signal in SIGNALS]
    return [f"{signal} ({guard})" if guard else signal for signal, guard in cells if guard is not None]
