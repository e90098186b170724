"""What an operator is told of credentials, and when nothing is."""

import pytest

from stationmaster.gateway.core.authority import Authority, Report
from stationmaster.gateway.core.life import STATES, Happening, Life
from stationmaster.gateway.core.memory import proof_of
from stationmaster.gateway.core.notices import notice
from stationmaster.gateway.core.snapshot import Credential, Settings, Snapshot

EPOCH = 1_800_000_000.0    # 2027-01-15 08:00:00 UTC
OUT = ("disabled", "probing")
FIRST = Credential("one", "openai", "sk-first")
PROOF = proof_of(FIRST)
TERMINAL = Happening("terminal", "billing", "insufficient_quota")


def told(before: Life, after: Life, *, probed: bool = True) -> str:
    """The line for a step."""
    return notice("one", before, after, epoch=EPOCH, probed=probed)


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_a_line_for_out_and_for_back(before: str, after: str) -> None:
    """Only going out of service, and coming back, is told; a probe under way is neither."""
    line = told(Life(before), Life(after, "denied"))  # type: ignore[arg-type]
    if (before in OUT) == (after in OUT):
        assert line == ""
    elif after in OUT:
        assert line == "credential one is out of service: denied"
    else:
        assert line == "credential one is back in service"


def test_the_next_probe() -> None:
    """Its time is told where there will be one."""
    out = Life("disabled", "billing", "insufficient_quota", next_probe=90.0)
    words = "credential one is out of service: billing (insufficient_quota)"
    assert told(Life(), out) == f"{words}, next probe 2027-01-15 08:01:30 UTC"
    assert told(Life(), out, probed=False) == words


def lines(steps: list[tuple[str, Life, Life]]) -> list[str]:
    """What is told of them."""
    return [line for name, before, after in steps if (line := notice(name, before, after, epoch=EPOCH, probed=True))]


def test_once_for_all_workers() -> None:
    """Whichever workers saw it, in whatever order: once out, once back."""
    house = Authority({})
    for worker in ("1", "2"):
        house.join(worker)
    story = [("1", TERMINAL), ("2", TERMINAL), ("2", Happening("ok")), ("1", Happening("probe_started")),
             ("1", Happening("probe_failed")), ("1", Happening("probe_started")), ("1", Happening("probe_ok")),
             ("2", Happening("ok"))]
    found = [lines(house.take(worker, Report(happenings=[("one", PROOF, each)]), 1.0, EPOCH)) for worker, each in story]
    assert [len(each) for each in found] == [1, 0, 0, 0, 0, 0, 1, 0]
    both = Report(happenings=[("one", PROOF, TERMINAL), ("one", PROOF, Happening("probe_ok"))])
    together = lines(house.take("1", both, 2.0, EPOCH))
    assert ["out" in line for line in together] == [True, False]


def taken_out(credential: Credential) -> Authority:
    """The shared state of a gateway whose only credential was disabled."""
    house = Authority({})
    house.apply(Snapshot(Settings(), (credential,)))
    house.join("1")
    house.take("1", Report(happenings=[("one", PROOF, TERMINAL)]), 1.0, EPOCH)
    return house




@pytest.mark.parametrize(
    ("then", "words", "stays"),
    [
        (FIRST, [], True),
        (Credential("one", "openai", "sk-second"), ["credential one is back in service"], False),
        (Credential("one", "openai", "sk-first", disabled=True), [], False),
    ],
)
def test_a_reload(then: Credential, words: list[str], stays: bool) -> None:
    """Another secret puts a credential back, for workers that begin later as well; what is left alone stays out, and what
    a person takes out is nobody's news."""
    house = taken_out(FIRST)
    assert lines(house.apply(Snapshot(Settings(), (then,)))) == words
    house.join("2")
    news = house.news("2")
    assert ("one" in news.lives if news is not None else False) is stays


def test_what_befell_the_secret_before() -> None:
    """A worker that still goes by the old configuration saw the old secret refused once more: it says nothing of the new one,
    which stays in service for everybody."""
    house = taken_out(FIRST)
    second = Credential("one", "openai", "sk-second")
    house.apply(Snapshot(Settings(), (second,)))
    house.join("2")
    house.news("2")
    assert house.take("1", Report(happenings=[("one", PROOF, TERMINAL)]), 2.0, EPOCH) == []
    assert house.news("2") is None
    house.join("3")
    news = house.news("3")
    assert news is None or not news.lives
    assert lines(house.take("2", Report(happenings=[("one", proof_of(second), TERMINAL)]), 3.0, EPOCH)) != []
