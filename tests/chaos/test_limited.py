"""F19: storms of 429 over twenty accounts, their Retry-After in every spelling, through a gateway as people run it."""

import math
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from email.utils import formatdate

import pytest

from chaos import kit, pools
from chaos.kit import LONG
from chaos.pools import Member
from gateway import kit as waiting
from gateway import plain
from gateway.test_storms import MEMBERS, Pause, Storm
from gateway.upstream import Upstream
from stationmaster.gateway.core.pauses import DEFAULT_PAUSE, MAX_PAUSE

ROUNDS, SECONDS, EVERY = (8, 16.0, 0.02) if LONG else (1, 2.6, 0.05)     # of a round; between calls to a pool
EVERYBODY, HALF = range(MEMBERS), range(0, MEMBERS, 2)
SETTINGS = "workers = 1\ndrain_seconds = 5"


def _said(*lines: str, wait: float) -> Pause:
    return lambda: (lines, time.time() + wait)


def _dated() -> tuple[tuple[str, ...], float]:
    until = math.ceil(time.time()) + 1
    return (f"retry-after: {formatdate(until, usegmt=True)}",), float(until)


RESET = ("x-ratelimit-limit-requests: 60", "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 700ms")
FORMS: dict[str, Pause] = {
    "seconds": _said("retry-after: 2", wait=2.0), "parts": _said("retry-after: 0.5", wait=0.5), "date": _dated,
    "ms": _said("retry-after: 9", "retry-after-ms: 600", wait=0.6), "reset": _said(*RESET, wait=0.7),
    "huge": _said("retry-after: 1000000000", wait=MAX_PAUSE),
}  # fmt: skip
if LONG:      # what states nothing rests for five seconds
    FORMS |= {"none": _said(wait=DEFAULT_PAUSE), "negative": _said("retry-after: -5", wait=DEFAULT_PAUSE),
              "words": _said("retry-after: soon", wait=DEFAULT_PAUSE)}  # fmt: skip


class Accounts(Storm):
    """Twenty of them, and those that call them one after the other; `wrong` holds what should not have come of it."""

    def __init__(self, form: str) -> None:
        super().__init__(FORMS[form])
        self.form, self.asked, self.late = form, 0, 0.0
        self.got: Counter[int] = Counter()
        self.wrong: list[str] = []
        self.until = 0.0

    def ask(self, port: int) -> plain.Answer:
        """One call, unlike all before."""
        self.asked += 1
        answer = plain.post(port, "/v1/responses", plain.responses(f"{self.form}-x", f"say {self.asked}"))
        self.got[answer.status] += 1
        return answer

    def round(self, port: int, limited: range) -> None:
        """Let some or all refuse once, and call meanwhile: half of them stand in for the others, all are back in time."""
        self.rage(*limited)
        self._until.clear()
        end, waits = time.monotonic() + SECONDS, len(limited) == MEMBERS
        while time.monotonic() < end:
            answer = self.ask(port)
            if waits and answer.status == 200:
                waits, self.late = False, max(self.late, time.time() - min(self._until.values()))
            if answer.status != (429 if waits else 200):
                self.wrong.append(f"{answer.status} where {len(limited)} are limited")
            if waits and not 1 <= int(answer.header("retry-after") or 0) <= MAX_PAUSE + 1:
                self.wrong.append("a wait that is none")
            time.sleep(EVERY)

    def storms(self, port: int) -> "Accounts":
        """All, then half, and again; of those that ask for thirty years there is one. Then everybody serves."""
        if self.form == "huge":
            self.round(port, EVERYBODY)
            return self
        for at in range(ROUNDS):
            self.round(port, HALF if at % 2 else EVERYBODY)
            waiting.wait_for(lambda: self.ask(port).status == 200 and self.served == set(EVERYBODY))
        return self


@pytest.mark.timeout(900)
def test_storms_of_429() -> None:
    """Whatever an account's 429 says of waiting, it is left alone for as long, each is refused once a storm, callers are told to
    wait where all rest and hear nothing where others can serve, and all serve again within a second."""
    done = (f"{ROUNDS} storms of 429 at {len(FORMS)} pools of {MEMBERS} accounts, all, then half of them; retry-after in "
            f"seconds, parts, ms, a date, a limit's reset, none, negative, words, 10^9")  # fmt: skip
    reach = "0 asked before their time, all valid, back within 1 s, requests to accounts at most 1.1 times the calls answered"
    with kit.figure("F19", done, reach) as tell, ExitStack() as stack:
        accounts = [Accounts(form) for form in FORMS]
        vendors = {each.form: stack.enter_context(Upstream(each)) for each in accounts}
        where = {f"{form}-*": [Member(f"{form}-{at}", f"{each.url}/v1") for at in EVERYBODY] for form, each in vendors.items()}
        gateway = stack.enter_context(pools.running(where, SETTINGS))
        with ThreadPoolExecutor(len(accounts)) as threads:
            list(threads.map(lambda each: each.storms(gateway.port), accounts))
        short = [each for each in accounts if each.form != "huge"]
        early = sum(len(each.early) for each in accounts)
        answered = sum(each.got[200] for each in accounts)
        refused = sum(each.refused for each in accounts)
        share = sum(each.requests for each in vendors.values()) / answered
        late = max(each.late for each in short)
        wrong = [why for each in accounts for why in each.wrong]
        tell(f"{refused:,} times 429, {early} asked before their time; all served again (but those that asked for 10^9 s), the "
             f"first {late:.2f} s after its time at most; {answered:,} calls answered, {share:.3f} requests for each",
             not (early or wrong) and late <= 1 and share <= 1.1)  # fmt: skip
        assert (early, wrong) == (0, [])
        assert all(each.got.keys() == {200, 429} for each in short)
        assert {each.refused for each in short} == {MEMBERS * (ROUNDS - ROUNDS // 2) + len(HALF) * (ROUNDS // 2)}
