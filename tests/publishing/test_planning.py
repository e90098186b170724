"""Plans as values: what is wanted and what is there decide alone."""

import pytest

from stationmaster.publishing import planning
from stationmaster.publishing.planning import Candidate, Step, counted, digest_of, leaving_step, step_of
from stationmaster.publishing.terms import Terms, concurrency_of, models_of, priority_of, terms_of
from stationmaster.targets._base import Entry

ID = "cred_1"
EXPECTED = Entry("", ID, name="key", models=("a",), priority=50)


def entry(number: str = "7", **more: object) -> Entry:
    """What a target has."""
    return Entry(**({"id": number, "marker": ID, "name": "key", "models": ("a",), "priority": 50} | more))  # type: ignore[arg-type]


def one(*found: Entry, **more: object) -> Candidate:
    """A credential that is published and in line, unless told otherwise."""
    given = {"known": True, "same_secret": True, "expected": EXPECTED} | more
    return Candidate(ID, "key", found=found, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("candidate", "action", "fields", "reason"), [
    (one(), "create", (), ""),
    (one(known=False), "create", (), ""),
    (one(entry()), "skip", (), planning.SAME),
    (one(entry(priority=3)), "update", ("priority",), ""),
    (one(entry(), same_secret=False), "update", ("secret",), ""),
    (one(entry(), entry("8")), "update", ("duplicate",), ""),
    (one(entry(), known=False), "adopt", (), ""),
    (one(entry(models=("b",)), known=False, same_secret=False), "adopt", ("models", "secret"), ""),
    (one(unfit=planning.VENDOR), "skip", (), planning.VENDOR),
    (one(entry(priority=3), unfit=planning.REFRESHED), "skip", (), planning.REFRESHED),
    (one(expected=None), "skip", (), planning.CANNOT_HOLD),
])  # fmt: skip
def test_what_is_there_decides(candidate: Candidate, action: str, fields: tuple[str, ...], reason: str) -> None:
    """Missing: created; another: brought in line, by what differs; ours without a row: adopted; else left alone."""
    step = step_of(candidate)
    assert (step.action, step.fields, step.reason) == (action, fields, reason)


def test_only_what_we_published_is_taken_away() -> None:
    """An entry that we have no row of stays, whatever its marker says."""
    assert leaving_step(one(entry())).action == "withdraw"
    assert leaving_step(one(entry(), known=False)).reason == planning.NOT_THERE


def test_a_hash_stands_for_all_of_a_plan() -> None:
    """The same steps have the same hash; another target, action, field or term has another."""
    steps = [Step(ID, "key", "create", terms=Terms(priority=3))]
    others = [
        [Step(ID, "key", "update", terms=Terms(priority=3))], [Step(ID, "key", "create", terms=Terms(priority=4))],
        [Step(ID, "key", "create", ("name",), terms=Terms(priority=3))], [*steps, *steps], [],
    ]  # fmt: skip
    hashes = {digest_of("t", each) for each in [steps, *others]} | {digest_of("u", steps)}
    assert len(hashes) == len(others) + 2
    assert digest_of("t", steps) == digest_of("t", list(steps))
    assert counted(steps) == {"create": 1, "update": 0, "adopt": 0, "skip": 0, "withdraw": 0}


def test_every_reason_has_a_sentence() -> None:
    """Whatever a step is left out for, people are told in words."""
    codes = {value for name, value in vars(planning).items() if name.isupper() and isinstance(value, str)}
    assert codes == set(planning.REASONS)


@pytest.mark.parametrize(("target", "member", "ours"), [(50, 0, 50), (50, 2, 52), (50, 900, 100), (1, 0, 1), (99, 5, 100)])
def test_tiers_of_a_pool_keep_their_order(target: int, member: int, ours: int) -> None:
    """A pool's first tier has the target's own priority, the next ones follow, as far as numbers go."""
    assert priority_of(target, member) == ours


@pytest.mark.parametrize(("patterns", "target", "named"), [
    (["*"], ["a", "b"], ("a", "b")), (["*"], [], ()), (["a"], [], ("a",)), (["a", "c"], ["a", "b"], ("a",)),
    (["gpt-*"], ["gpt-1", "other"], ("gpt-1",)), (["gpt-*"], [], None), (["c"], ["a"], None),
])  # fmt: skip
def test_patterns_become_names(patterns: list[str], target: list[str], named: tuple[str, ...] | None) -> None:
    """A target is never given more models than the pool's member takes, and never a pattern."""
    assert models_of(patterns, target) == named


def test_terms_go_through_json() -> None:
    """What a step keeps is what the job reads."""
    terms = Terms(("a",), 3, 4, ("g",), "pool_1")
    assert terms_of(terms.plain()) == terms
    assert [concurrency_of(*pair) for pair in ((0, 0), (5, 0), (0, 3), (5, 3))] == [0, 5, 3, 3]
