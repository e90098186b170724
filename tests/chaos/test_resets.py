"""F8: an upstream resets before it answers, behind its head, and at every byte of a stream of 200 events."""

import json
import re
from typing import NamedTuple

import pytest

from chaos import kit, lines, pools, replies
from chaos.kit import LONG
from gateway import plain

EARLY = 20 if LONG else 1                        # times that each place before the first event is cut at
STEP = 1 if LONG else 211
PLACES = [*(*range(0, replies.FIRST, 1 if LONG else 5),) * EARLY, *range(replies.FIRST, replies.LAST, STEP)]
NUMBER = re.compile(r"(\d+) ")


class Seen(NamedTuple):
    """What a caller got where its upstream was reset at byte `at`; `right`: that, and nothing twice, and an end that is told."""

    at: int
    whole: bool
    right: bool
    what: bytes


def judged(at: int, answer: plain.Answer) -> Seen:
    """Every number once, in order; all of them, or as many as there are and then the error event and no end."""
    parts = [part for part in answer.body.split(b"\n\n") if part.startswith(b"data: ")]
    texts = [_text(part) for part in parts]
    told = [int(found) for text in texts for found in NUMBER.findall(text)]
    done, error = b"data: [DONE]" in parts, sum(b"stationmaster_error" in part for part in parts)
    whole = answer.status == 200 and told == list(range(replies.EVENTS)) and done and not error
    cut = answer.status == 200 and told == list(range(len(told))) and told != [] and not done and error == 1
    return Seen(at, whole, whole or (cut and b"stationmaster_error" in parts[-1]), answer.body[-300:])


def _text(part: bytes) -> str:
    value = {} if part == b"data: [DONE]" else json.loads(part.removeprefix(b"data: "))
    return str(value["choices"][0]["delta"]["content"]) if value.get("choices") else ""


def cut(caller: lines.Caller, at: int) -> Seen:
    """One stream that is reset, and a call that succeeds, by which the member is well again."""
    seen = judged(at, caller.stream(f"cut-{at}"))
    assert caller.ask("fine").status == 200
    return seen


@pytest.mark.timeout(900)
def test_an_upstream_resets() -> None:
    """Before anything was told the other member answers, whole; after that nobody is asked again, no number comes twice, and the
    caller is told by an error event."""
    early = sum(at < replies.FIRST for at in PLACES)
    done = (f"resets at {early:,} places before the first event, {len(PLACES) - early:,} after it, of a stream of "
            f"{replies.EVENTS} events; one good account of two")  # fmt: skip
    reach = "99.9 % answered before the first event; after it an error event, no second request, nothing twice"
    with kit.figure("F8", done, reach) as tell, lines.wires() as url, \
            pools.running(lines.pairs(url), "workers = 1\ndrain_seconds = 5") as gateway:  # fmt: skip
        found = lines.by_all(gateway.port, PLACES, cut)
        asked = kit.ledger(url)
        saved = sum(each.whole for each in found if each.at < replies.FIRST)
        told = sum(each.right and not each.whole for each in found)
        wrong = [each for each in found if not each.right]
        tell(f"{saved:,} of {early:,} answered by the other; {told:,} told by an error event, {len(wrong)} otherwise; "
             f"{asked.get('asked good', 0):,} requests to the other", saved >= 0.999 * early and not wrong)  # fmt: skip
        assert wrong == []
        assert saved == early
        assert asked["asked good"] == sum(each.whole for each in found), "nobody is asked again once something was told"
