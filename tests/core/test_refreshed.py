"""A short-lived token that was refreshed: the credential goes on as it stood, and the former token's refusals are no news."""

from typing import Any

import pytest

from stationmaster.gateway.core.authority import Authority, Report
from stationmaster.gateway.core.health import Health, Transition
from stationmaster.gateway.core.life import Happening, Life
from stationmaster.gateway.core.memory import Memory, Standing, proof_of
from stationmaster.gateway.core.pauses import Quota
from stationmaster.gateway.core.snapshot import Credential, Settings, Snapshot

NOW, EPOCH = 1000.0, 1_800_000_000.0
REFUSED = Happening("credential_fault", "invalid_key", "token_expired")
TERMINAL = Happening("terminal", "billing", "insufficient_quota")
LIMITED = Happening("limited", "rate_limited", "", NOW + 30)
FAILED = Happening("upstream_fault", "upstream")


def token(number: int, generation: int = 3, **more: Any) -> Credential:
    """The credential with its token number so-and-so."""
    return Credential("one", "openai", f"token-number-{number}", generation=generation, **more)


class Worker:
    """What one worker knows of the credential, at a moment that stands still."""

    def __init__(self) -> None:
        self.memory, self.events = Memory(), list[Transition]()
        self.health = Health(self.memory, Settings(), lambda: NOW, EPOCH, self.events.append)

    def has(self, credential: Credential) -> Standing:
        """It goes by this record from now on."""
        return self.memory.standing(credential)

    @property
    def life(self) -> Life:
        """How the credential stands."""
        return self.memory.standings["one"].life


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([Happening("ok")], "healthy"), ([LIMITED], "cooling"), ([FAILED] * 3, "cooling"), ([TERMINAL], "disabled"),
        ([REFUSED], "unknown"), ([REFUSED] * 5, "unknown"), ([Happening("terminal", "denied")], "unknown"),
        ([LIMITED, *[REFUSED] * 2], "cooling"),
    ],
)  # fmt: skip
def test_a_refresh_keeps_what_is_the_credentials(before: list[Happening], after: str) -> None:
    """Health, pauses and missing money go on over a refresh; what the former token was refused for is over."""
    worker = Worker()
    former = worker.has(token(1))
    for happening in before:
        worker.health.tell(former, happening)
    fresh = worker.has(token(2))
    assert (fresh.life.state, fresh.life.faults) == (after, 0)
    assert fresh.life.until == (0.0 if after != "cooling" else former.life.until)


@pytest.mark.parametrize(("was", "now"), [(token(1), token(2, 4)), (token(1, 0), token(2, 0)), (token(1, 2), token(2, 3))])
def test_another_secret_begins_anew(was: Credential, now: Credential) -> None:
    """Another generation is another secret, and so is any where nobody counts generations: nothing is known of it."""
    worker = Worker()
    worker.health.tell(worker.has(was), TERMINAL)
    assert worker.has(now).life == Life()


def test_a_late_refusal_of_the_former_token_is_no_news() -> None:
    """Requests sent with the expired token are answered after the refresh: neither five 401s nor a final one take the fresh token
    out, no event is written, and other workers are told nothing."""
    worker = Worker()
    former = worker.has(token(1))
    fresh = worker.has(token(2))
    for happening in [*[REFUSED] * 5, Happening("terminal", "invalid_key")]:
        worker.health.tell(former, happening)
    assert (worker.life, fresh.rank, worker.events, worker.health.told) == (Life(), 0, [], [])


def test_a_late_pause_for_the_former_token_holds() -> None:
    """Limits are the account's, not the token's: a 429 that is told after two refreshes pauses the credential."""
    worker = Worker()
    former = worker.has(token(1))
    worker.has(token(2))
    worker.has(token(3))
    worker.health.tell(former, LIMITED)
    assert (worker.life.state, worker.life.until) == ("cooling", LIMITED.until)
    assert worker.health.told == [("one", proof_of(token(3)), LIMITED)]
    worker.health.learn(former, Quota(0.01, 20.0))
    assert worker.memory.standings["one"].low_until == NOW + 20.0


@pytest.mark.parametrize(("happening", "state"), [(REFUSED, "unknown"), (TERMINAL, "unknown"), (LIMITED, "cooling")])
def test_what_another_worker_tells_of_the_former_token(happening: Happening, state: str) -> None:
    """Workers go by a refresh at different moments: what is told of the former token counts here, but for its own faults."""
    worker = Worker()
    worker.has(token(1))
    worker.has(token(2))
    worker.health.overhear(("one", proof_of(token(1)), happening))
    assert worker.life.state == state


def test_a_person_who_took_it_out_is_not_overruled() -> None:
    """A refresh brings nothing back that an operator disabled; once it is let in it is unknown."""
    worker = Worker()
    worker.has(token(1, disabled=True))
    assert worker.has(token(2, disabled=True)).life.cause == "operator"
    assert worker.has(token(2)).life == Life()


# What workers share.


def house(*told: Happening) -> Authority:
    """The state that workers share, after this befell the first token."""
    shared = Authority({})
    shared.apply(Snapshot(Settings(), (token(1),)))
    shared.join("1")
    shared.join("2")
    for each in told:
        shared.take("1", Report(happenings=[("one", proof_of(token(1)), each)]), NOW, EPOCH)
    shared.news("2")
    return shared


@pytest.mark.parametrize(("before", "after"), [([TERMINAL], "disabled"), ([LIMITED], "cooling"), ([REFUSED] * 5, "unknown")])
def test_workers_that_begin_later_hear_the_same(before: list[Happening], after: str) -> None:
    """A worker that begins after a refresh is told how the credential stands, as those know it that saw the refresh."""
    shared = house(*before)
    shared.apply(Snapshot(Settings(), (token(2),)))
    shared.join("3")
    news = shared.news("3")
    assert news is not None
    assert news.lives["one"].state == after


@pytest.mark.parametrize(("happening", "passed"), [(REFUSED, False), (LIMITED, True)])
def test_what_a_worker_tells_of_the_former_token_is_passed_on(happening: Happening, passed: bool) -> None:
    """The other workers hear of its pauses and not of its refusals."""
    shared = house()
    shared.apply(Snapshot(Settings(), (token(2),)))
    told = ("one", proof_of(token(1)), happening)
    shared.take("1", Report(happenings=[told]), NOW, EPOCH)
    news = shared.news("2")
    assert ([told] if passed else []) == (news.happenings if news is not None else [])


def test_nothing_of_a_former_token_is_kept_after_a_rotation() -> None:
    """Once another generation serves, what is told of the tokens before it is nobody's."""
    shared = house()
    for record in (token(2), token(3, 4)):
        shared.apply(Snapshot(Settings(), (record,)))
    for number in (1, 2):
        shared.take("1", Report(happenings=[("one", proof_of(token(number)), LIMITED)]), NOW, EPOCH)
    assert shared.news("2") is None
