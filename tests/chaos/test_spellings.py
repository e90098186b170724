"""F14: event streams in every spelling, in two pieces that part at any byte, and cut off at any byte."""

import pytest

from chaos import kit, lines, pools, replies
from chaos.kit import LONG

STEP = 1 if LONG else 37
PLACES = [(name, at) for name, raw in replies.SPELT.items() for at in range(1, len(raw), STEP)]
LARGE = (*range(1, 120, 20), *range(1000, len(replies.LARGE), len(replies.LARGE) // (30 if LONG else 3)))
MARK = b"\xef\xbb\xbf"


def told(stream: bytes) -> list[bytes]:
    """The data of each event (WHATWG HTML 9.2.6); one that has no blank line behind it is none."""
    found: list[bytes] = []
    data: list[bytes] = []
    for line in stream.removeprefix(MARK).splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        if text == line:
            break
        if text.startswith(b"data:"):
            data.append(text[5:].removeprefix(b" "))
        elif not text and data:
            found.append(b"\n".join(data))
            data = []
    return found


def same(caller: lines.Caller, place: tuple[str, int]) -> bool:
    """Whether a stream in two pieces has the events that it has in one."""
    name, at = place
    answer = caller.stream(f"split-{name}-{at}")
    return answer.whole and answer.body == replies.SPELT.get(name, replies.LARGE)


def honest(caller: lines.Caller, place: tuple[str, int]) -> bool:
    """Whether a stream that is cut is told as one: whole events of it, then the error; or nothing was told, which is 502."""
    name, at = place
    whole = told(replies.SPELT.get(name, replies.LARGE))
    answer = caller.stream(f"end-{name}-{at}")
    assert caller.ask("fine").status == 200
    if answer.status == 502:
        return True
    events = told(answer.body)
    if b"[DONE]" in events:      # all of it had come: that the last chunk did not is no loss
        return events == whole
    return b"stationmaster_error" in events[-1] and events[:-1] == whole[: len(events) - 1]


@pytest.mark.timeout(900)
def test_event_streams_in_every_spelling() -> None:
    """In whatever pieces a stream comes, the caller gets its bytes; and one that is cut is never told as whole."""
    done = (f"streams with LF, CR, CRLF, all mixed, a byte order mark: {len(PLACES):,} places to part at and to cut at; one with "
            f"an event of 10 MiB at {len(LARGE)}")  # fmt: skip
    reach = "the same events as in one piece; a cut stream never told as whole"
    with kit.figure("F14", done, reach) as tell, lines.wires() as url, \
            pools.running(lines.pairs(url), "workers = 1\ndrain_seconds = 5") as gateway:  # fmt: skip
        everywhere = [*PLACES, *(("large", at) for at in LARGE)]
        parted = lines.by_all(gateway.port, everywhere, same)
        cut = lines.by_all(gateway.port, everywhere, honest)
        tell(f"{sum(parted):,} of {len(parted):,} the same in two pieces; {sum(cut):,} of {len(cut):,} cut ones told as cut",
             all(parted) and all(cut))  # fmt: skip
        assert all(parted)
        assert all(cut)
