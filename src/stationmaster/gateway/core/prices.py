"""What a request cost, from its token counts. Owns: price lists as plain data, the search in them, the sum.

May not know where prices come from. Rates are whole nanodollars (1e-9 USD) per million tokens, so that a price
of 0.003625 USD per million is exact; a cost is whole nanodollars, rounded once, behind the sum. Only the standard
price per token is known here: not batch, flex and priority service, searches, or images at their own rate.
"""

import operator
import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal

import msgspec

from stationmaster.gateway.core.tokens import DetailedTokens, Tokens

MAX_NAME = 256           # characters of a model's name that is looked for; vendors' own are far shorter
MAX_COST = 2**53         # nine million dollars: what every reader of JSON takes
_MILLION = 1_000_000
_HALF = _MILLION // 2

Kind = Literal["equals", "starts_with", "ends_with", "contains", "regex", "pattern", "any", "all"]


class Clause(msgspec.Struct, frozen=True, array_like=True):
    """One test of a model's name: `text` by `kind`, or `parts` together for `any` and `all`.

    `regex` is for the price data that we ship; what an operator writes becomes a shell-style `pattern`.
    """

    kind: Kind
    text: str = ""
    parts: tuple["Clause", ...] = ()


class Rate(msgspec.Struct, frozen=True, array_like=True):
    """Nanodollars per million tokens of each kind. Made by `rate`, which fills in what has no price of its own."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cache_write_1h: int
    input_audio: int
    cache_read_audio: int
    output_audio: int


class Tier(msgspec.Struct, frozen=True, array_like=True):
    """The rate of every token of a request whose input, cache included, is more than `above` tokens."""

    above: int
    rate: Rate


class Rates(msgspec.Struct, frozen=True, array_like=True):
    """A model's price: `base`, and tiers in ascending order that replace it for large requests."""

    base: Rate
    tiers: tuple[Tier, ...] = ()


class ModelPrice(msgspec.Struct, frozen=True, array_like=True):
    """The models that `match` takes cost `rates`; None: they are known, and have no price per token."""

    match: Clause
    rates: Rates | None = None


class PriceList(msgspec.Struct, frozen=True):
    """Each vendor's entries, the first that matches counts. A vendor that is not here has no prices."""

    vendors: dict[str, tuple[ModelPrice, ...]] = {}


def rate(paid_in: int, paid_out: int, cache_read: int | None = None, cache_write: int | None = None,
         reasoning: int | None = None, *, cache_write_1h: int | None = None, input_audio: int | None = None,
         cache_read_audio: int | None = None, output_audio: int | None = None) -> Rate:
    """A rate from the prices that there are: cache costs what input does, and reasoning what output does.

    What is written for an hour costs twice the input, if that is not less than other writes do (Anthropic's page on
    prompt caching, "Pricing"). Sound costs what text does; cached sound, where sound has a price, as much as other sound.
    """
    written = _or(cache_write, paid_in)
    cached = _or(cache_read, paid_in)
    return Rate(
        input=paid_in,
        cache_read=cached,
        cache_write=written,
        output=paid_out,
        reasoning=_or(reasoning, paid_out),
        cache_write_1h=_or(cache_write_1h, max(2 * paid_in, written)),
        input_audio=_or(input_audio, paid_in),
        cache_read_audio=_or(cache_read_audio, _or(input_audio, cached)),
        output_audio=_or(output_audio, paid_out),
    )


def _or(price: int | None, fallback: int) -> int:
    """A price of nothing is one."""
    return fallback if price is None else price


def find(prices: PriceList, vendor: str, model: str, overrides: tuple[ModelPrice, ...] = ()) -> Rates | None:
    """What `model`, as the vendor is asked for it, costs at `vendor`; None: not known, which is not "nothing".

    `overrides` come first and see the name as it is, as routes do. Lists are searched in lower case, and once
    more with a date like -20251211 written -2025-12-11. Takes up to a millisecond: callers keep the answer.
    """
    if not model or len(model) > MAX_NAME:
        return None
    listed, lower = prices.vendors.get(vendor, ()), model.lower()
    found = _first(overrides, model) or _first(listed, lower)
    if found is None and (dashed := _COMPACT.sub(r"-\1-\2-\3", lower)) != lower:
        found = _first(listed, dashed)
    return found.rates if found else None


_COMPACT = re.compile(r"-(20[0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])(?=[-:]|$)")


def _first(entries: tuple[ModelPrice, ...], name: str) -> ModelPrice | None:
    return next((entry for entry in entries if matches(entry.match, name)), None)


def matches(clause: Clause, name: str) -> bool:
    """Whether a model's name passes the clause. Upper and lower case differ."""
    if clause.kind == "any":
        return any(matches(part, name) for part in clause.parts)
    if clause.kind == "all":
        return all(matches(part, name) for part in clause.parts)
    return _TESTS[clause.kind](name, clause.text)


_compiled = cache(re.compile)      # as many as the shipped data has


def _searched(name: str, expression: str) -> bool:
    return _compiled(expression).search(name) is not None


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": operator.eq,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": operator.contains,
    "regex": _searched,
    "pattern": fnmatchcase,
}


def cost(rates: Rates, tokens: Tokens) -> int:
    """What `tokens` cost in nanodollars, half a one rounded up; no more than `MAX_COST`."""
    paid = _applying(rates, tokens.input + tokens.cache_read + tokens.cache_write) if rates.tiers else rates.base
    total = tokens.input * paid.input + tokens.output * paid.output
    if tokens.cache_read or tokens.cache_write:
        total += tokens.cache_read * paid.cache_read + tokens.cache_write * paid.cache_write
    if tokens.reasoning:    # a part of output, whatever a vendor states
        total += min(tokens.reasoning, tokens.output) * (paid.reasoning - paid.output)
    if type(tokens) is DetailedTokens:
        total += _difference(paid, tokens)
    nanodollars = (total + _HALF) // _MILLION
    if nanodollars > MAX_COST:      # `min` takes three times as long
        return MAX_COST
    return nanodollars


def _difference(paid: Rate, tokens: DetailedTokens) -> int:
    """What the parts of a sort of their own cost beyond their kind's price. None is larger than its kind, and sound in
    the output is no reasoning, whatever a vendor states."""
    spoken = min(tokens.output_audio, max(0, tokens.output - tokens.reasoning))
    return (
        min(tokens.cache_write_1h, tokens.cache_write) * (paid.cache_write_1h - paid.cache_write)
        + min(tokens.input_audio, tokens.input) * (paid.input_audio - paid.input)
        + min(tokens.cache_read_audio, tokens.cache_read) * (paid.cache_read_audio - paid.cache_read)
        + spoken * (paid.output_audio - paid.output)
    )


def _applying(rates: Rates, size: int) -> Rate:
    """The rate of a request with `size` tokens of input: the highest tier that it exceeds (vendors' price pages:
    a prompt *over* 200k tokens), for all of its tokens."""
    for tier in reversed(rates.tiers):
        if size > tier.above:
            return tier.rate
    return rates.base
