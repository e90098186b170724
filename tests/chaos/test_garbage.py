"""F15: an upstream answers garbage, by seed."""

import time
from collections import Counter
from typing import NamedTuple

import pytest

from chaos import kit, lines, pools, replies
from chaos.kit import LONG
from gateway import plain, processes

# One worker: three faults in a row rest a credential, and each worker counts for itself.
FIRST, BATCH, SECONDS = 1_500_000, 400, 110.0 if LONG else 0.0
SETTINGS = "workers = 1\ndrain_seconds = 5\nanswer_timeout_seconds = 5\nidle_timeout_seconds = 5"


class Seen(NamedTuple):
    """What came of one reply: its kind, an outcome in words, and whether that is one that may come of it."""

    seed: int
    kind: str
    outcome: str
    right: bool


def tried(caller: lines.Caller, seed: int) -> Seen:
    """One reply, to a call or to a stream; and a good call behind it, which must get its own answer."""
    kind, _ = replies.garbage(seed)
    answer = caller.stream(f"garbage-{seed}") if seed % 2 else caller.ask(f"garbage-{seed}")
    after = caller.ask("fine")
    outcome = judged(answer)
    own = (after.status, after.body) == (200, replies.BODY)
    return Seen(seed, kind, outcome if own else f"{outcome}, then {after.status}",
                own and (outcome == "502" or (outcome != "nothing" and kind not in replies.BROKEN)))  # fmt: skip


def judged(answer: plain.Answer) -> str:
    """Our own 502 in the caller's dialect, an answer that is cut, one that is passed on, or nothing that is an answer."""
    if answer.status == 0:
        return "nothing"
    if answer.status in (502, 504):
        error = answer.json()["error"]
        return "502" if error["type"] == "stationmaster_error" and error["code"].startswith("upstream_") else "another's error"
    return "passed" if answer.whole and b"stationmaster_error" not in answer.body else "cut"


REACH = "502 in the caller's dialect, no such connection used again, no worker dies"


@pytest.mark.timeout(900)
def test_garbage() -> None:
    """Whatever bytes an upstream answers, the caller gets 502 in its dialect where nothing was told yet; no connection that
    carried garbage serves again, the next call gets its own answer, and no worker dies of it."""
    with lines.wires() as url, pools.running(lines.lone(url), SETTINGS) as gateway:
        workers, found, began = processes.children(gateway.process.pid), list[Seen](), time.monotonic()
        while not found or time.monotonic() - began < SECONDS:
            seeds = range(FIRST + len(found), FIRST + len(found) + BATCH)
            found += lines.by_all(gateway.port, seeds, tried)
        asked, same = kit.ledger(url), processes.children(gateway.process.pid) == workers
        said = gateway.err.read_text()
    wrong = [each for each in found if not each.right]
    sound = Counter(each.outcome for each in found if each.kind in replies.SOUND)
    counts = Counter(each.outcome for each in found if each.kind not in replies.SOUND)
    kinds = [each for each in replies.GARBAGE if each not in replies.SOUND]
    with kit.figure("F15", f"replies for {SECONDS:g} s (seeds from {FIRST}): {', '.join(kinds)}", REACH) as tell:
        tell(f"of {counts.total():,} {counts['502']:,} were 502, {counts['cut']:,} cut amid and told so, "
             f"{counts['passed']:,} passed, being whole HTTP to their length, {len(wrong)} otherwise; "
             f"{asked.get('reused', 0)} connections used again, {0 if same else 'some'} workers died",
             not wrong and not asked.get("reused") and same)  # fmt: skip
    with kit.figure("F15", f"replies beside them, with 200: {', '.join(replies.SOUND)}", REACH) as tell:
        tell(f"of {sound.total():,} {sound['502']:,} were 502; {sound['passed']:,} passed byte by byte, as every answer is",
             not sound["passed"])  # fmt: skip
    assert wrong == [], counts
    assert (asked.get("reused", 0), same) == (0, True)
    assert "Traceback" not in said
