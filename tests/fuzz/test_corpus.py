"""Every input that is kept for a fuzz target keeps its promise, and so do some hundreds that chance makes of them."""

import random
from pathlib import Path

import pytest

from databases import database
from fuzz import scim
from fuzz.run import changed
from fuzz.targets import CORPUS, TARGETS, kept

__all__ = ["database"]

TRIES = 300
PLAIN = [name for name, target in TARGETS.items() if not target.prepared]
INPUTS = [(name, path) for name in PLAIN for path in kept(name)]


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_corpus(name: str) -> None:
    """A target without seeds finds nothing; a corpus without a target is never replayed."""
    assert len(kept(name)) >= 3
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert all(path.stat().st_size <= TARGETS[name].size for path in kept(name))


@pytest.mark.parametrize(("name", "path"), INPUTS, ids=lambda each: Path(each).stem)
def test_kept_inputs(name: str, path: Path) -> None:
    """What was found once is not found again."""
    TARGETS[name].load()(path.read_bytes())


@pytest.mark.parametrize("name", PLAIN)
def test_changed_inputs(name: str) -> None:
    """Beside the kept ones there is nothing to be found at once."""
    chance, seeds = random.Random(1), [path.read_bytes() for path in kept(name)]
    take = TARGETS[name].load()
    for _ in range(TRIES):
        take(changed(chance, seeds)[: TARGETS[name].size])


def test_filters(database: str) -> None:
    """The same for SCIM's filters, on every database."""
    scim.populate()
    chance, seeds = random.Random(1), [path.read_bytes() for path in kept("scim")]
    for data in [*seeds, *(changed(chance, seeds)[: TARGETS["scim"].size] for _ in range(TRIES))]:
        scim.filters(data)
