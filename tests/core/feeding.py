"""The one way in which every parser is fed: whole, one byte at a time, and with bytes behind it."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hypothesis import settings

R = TypeVar("R")
CORPUS = Path(__file__).parent / "corpus"

# Examples are few in every run; `--hypothesis-seed` repeats one, and finds are kept in corpus/ by hand.
FEW = settings(max_examples=150, deadline=None, database=None)
MANY = settings(max_examples=500, deadline=None, database=None)


def single(data: bytes) -> list[bytes]:
    """Every byte a piece."""
    return [data[at : at + 1] for at in range(len(data))]


def feed_three_ways(data: bytes, run: Callable[[Sequence[bytes]], R], behind: bytes = b"") -> R:
    """Run a parser over `data` whole, byte by byte, and with `behind` following in the same piece; all three
    results must be equal. `run` makes a parser of its own, feeds it the pieces and tells what came of it: for
    a parser that knows its end without what it left over, for one that refuses the refusal."""
    whole = run([data])
    assert run(single(data)) == whole, "byte by byte differs"
    if behind:
        assert run([data + behind]) == whole, "with bytes behind differs"
    return whole


@contextmanager
def costing(most: float) -> Iterator[None]:
    """Raises AssertionError when the block takes more than `most` seconds of the processor. What other threads and the
    interpreter's garbage collector take is left out, so that it says the same on a busy machine."""
    gc.disable()
    try:
        began = time.thread_time()
        yield
        taken = time.thread_time() - began
    finally:
        gc.enable()
    assert taken < most, f"{taken:.3f} s"


def seeds(name: str) -> list[bytes]:
    """The kept inputs of one parser."""
    found = [file.read_bytes() for file in sorted((CORPUS / name).glob("*.bin"))]
    assert found, f"no seeds for {name}"
    return found
