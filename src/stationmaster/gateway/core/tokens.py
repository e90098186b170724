"""Token counts of one request, by kind. Owns what the kinds are and how counts are added. May not know dialects or
prices.
"""

from typing import Literal

import msgspec

Source = Literal["upstream_final", "upstream_partial", "estimated", "none"]

MOST = 2**53                     # what every reader of JSON takes; no request has so many tokens


class Tokens(msgspec.Struct, frozen=True):
    """Token counts of one request, by kind. `reasoning` is included in `output`."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.input + self.cache_read + self.cache_write + self.output


class DetailedTokens(Tokens, frozen=True):
    """Tokens of which some have a price that few requests meet: of each kind those of the sort behind its name.

    They are parts of `cache_write`, `input`, `cache_read` and `output`, as `reasoning` is one of `output`. One of them
    is not 0: else it is plain `Tokens`, so that the usual request carries and costs no more for them.
    """

    cache_write_1h: int = 0
    input_audio: int = 0
    cache_read_audio: int = 0
    output_audio: int = 0


def counted(fresh: int, cache_read: int, cache_write: int, output: int, reasoning: int) -> Tokens:
    """Nobody is paid back: what a vendor states below nothing counts as nothing."""
    if (
        fresh < 0 or cache_read < 0 or cache_write < 0 or output < 0 or reasoning < 0
        or fresh + cache_read + cache_write + output + reasoning > MOST
    ):
        return Tokens(sane(fresh), sane(cache_read), sane(cache_write), sane(output), sane(reasoning))
    return Tokens(fresh, cache_read, cache_write, output, reasoning)


def counted_within(prompt: int, cache_read: int, cache_write: int, output: int, reasoning: int) -> Tokens:
    """The same of a vendor whose `prompt` includes what was cached of it. Less than nothing cached makes it no more."""
    fresh = prompt - cache_read - cache_write
    if (
        fresh < 0 or cache_read < 0 or cache_write < 0 or output < 0 or reasoning < 0
        or fresh + cache_read + cache_write + output + reasoning > MOST
    ):
        cache_read, cache_write = sane(cache_read), sane(cache_write)
        return Tokens(sane(sane(prompt) - cache_read - cache_write), cache_read, cache_write, sane(output), sane(reasoning))
    return Tokens(fresh, cache_read, cache_write, output, reasoning)


def sane(count: int) -> int:
    """A count as it may be."""
    return 0 if count < 0 else min(count, MOST)


def with_sound(tokens: Tokens, heard: int, spoken: int, heard_cached: int | None = None) -> Tokens:
    """`tokens` of which so many are sound: `heard` of all input, cached or not, and `spoken` of the output.

    Where the vendor does not say how many of the cached ones are sound, what was cached is text first: the dearer
    reading, so that a budget is never passed unseen.
    """
    stated = heard - tokens.input if heard_cached is None else heard_cached
    cached = max(0, min(stated, heard, tokens.cache_read))
    fresh = max(0, min(heard - cached, tokens.input))
    return detailed(tokens, input_audio=fresh, cache_read_audio=cached, output_audio=max(0, min(spoken, tokens.output)))


def detailed(tokens: Tokens, **parts: int) -> Tokens:
    """`tokens` with the parts that `DetailedTokens` names, if any of them is not 0."""
    return DetailedTokens(*msgspec.structs.astuple(tokens), **parts) if any(parts.values()) else tokens


def added(one: Tokens, other: Tokens) -> Tokens:
    """Both together, kind by kind, no more than 2**53 of each."""
    sums = {kind: sane(getattr(one, kind, 0) + getattr(other, kind, 0)) for kind in DetailedTokens.__struct_fields__}
    return detailed(Tokens(*(sums.pop(kind) for kind in Tokens.__struct_fields__)), **sums)
