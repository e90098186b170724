"""What a request cost: the search in a price list, and the sum in whole nanodollars."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.core.prices import (
    MAX_COST,
    MAX_NAME,
    Clause,
    ModelPrice,
    PriceList,
    Rate,
    Rates,
    Tier,
    cost,
    find,
    matches,
    rate,
)
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens

USD = 1_000_000_000            # one USD per million tokens; a token then costs a thousand nanodollars
RATE = Rate(input=2 * USD, cache_read=USD, cache_write=3 * USD, output=10 * USD, reasoning=20 * USD,
            cache_write_1h=4 * USD, input_audio=32 * USD, cache_read_audio=5 * USD, output_audio=64 * USD)  # fmt: skip
DEAR = Rate(*(2 * price for price in msgspec.structs.astuple(RATE)))
DEAREST = Rate(*([100 * USD] * 9))
FLAT, TIERED = Rates(RATE), Rates(RATE, (Tier(100, DEAR), Tier(1000, DEAREST)))


def literal(name: str, rates: Rates | None = FLAT) -> ModelPrice:
    """One model's price."""
    return ModelPrice(Clause("equals", name), rates)


def pattern(text: str, rates: Rates | None) -> ModelPrice:
    """What an operator wrote."""
    return ModelPrice(Clause("pattern", text), rates)


# Matching.

A, B = Clause("contains", "a"), Clause("contains", "b")


@pytest.mark.parametrize(
    ("clause", "taken", "left"),
    [
        (Clause("equals", "o1"), ["o1"], ["o1-mini", "xo1", "O1", ""]),
        (Clause("starts_with", "o1"), ["o1", "o1-mini"], ["xo1", "O1"]),
        (Clause("ends_with", "-mini"), ["o1-mini", "-mini"], ["o1-mini-1", "mini"]),
        (Clause("contains", "4o"), ["gpt-4o", "4o", "gpt-4o-mini"], ["gpt-4", "o4"]),
        (Clause("regex", r"^o[13]-\d"), ["o1-2", "o3-2024"], ["o2-2", "xo1-2", "o1-x"]),
        (Clause("regex", r"\d$"), ["o1"], ["o1-x"]),
        (Clause("pattern", "gpt-4o*"), ["gpt-4o", "gpt-4o-mini"], ["gpt-4", "GPT-4o"]),
        (Clause("pattern", "gpt-4.*"), ["gpt-4.1"], ["gpt-4o", "gpt-4"]),
        (Clause("pattern", "(o)+"), ["(o)+"], ["o", "oo"]),
        (Clause("any", parts=(A, B)), ["a", "b", "ab"], ["c", ""]),
        (Clause("all", parts=(A, B)), ["ab", "ba"], ["a", "b", ""]),
        (Clause("all", parts=(A, Clause("any", parts=(B, Clause("equals", "a"))))), ["a", "ab"], ["b", "ac"]),
        (Clause("any"), [], ["a", ""]),
    ],
    ids=lambda value: f"{value.kind}-{value.text}" if isinstance(value, Clause) else None,
)
def test_what_a_clause_takes(clause: Clause, taken: list[str], left: list[str]) -> None:
    """Each kind of clause takes what its name says, in the case it is written in, and nothing else."""
    assert [name for name in taken + left if matches(clause, name)] == taken


# The search.

OTHER = Rates(DEAR)
LIST = PriceList({
    "openai": (
        literal("gpt-4o", OTHER),
        ModelPrice(Clause("starts_with", "gpt-4"), FLAT),
        literal("whisper-1", None),
        ModelPrice(Clause("contains", "whisper"), FLAT),
        literal("gpt-9-2025-12-11", TIERED),
        literal("gpt-8-20251211", FLAT),
        literal("gpt-8-2025-12-11", OTHER),
        literal("gpt-7-20251211", None),
        literal("gpt-7-2025-12-11", OTHER),
        ModelPrice(Clause("starts_with", "gpt-6-2025-12-11"), FLAT),
    ),
    "anthropic": (literal("claude-x"),),
})


@pytest.mark.parametrize(
    ("vendor", "model", "rates"),
    [
        ("openai", "gpt-4o", OTHER),
        ("openai", "GPT-4o", OTHER),
        ("openai", "gpt-4.1", FLAT),
        ("openai", "whisper-1", None),              # known to have no price per token: no later entry counts
        ("openai", "whisper-2", FLAT),
        ("openai", "gpt-9-20251211", TIERED),
        ("openai", "gpt-9-20251211:tuned", None),
        ("openai", "gpt-9-20251311", None),
        ("openai", "gpt-9-120251211", None),
        ("openai", "gpt-8-20251211", FLAT),         # as written comes first
        ("openai", "gpt-7-20251211", None),
        ("openai", "gpt-6-20251211", FLAT),
        ("openai", "gpt-6-20251211-eu", FLAT),
        ("openai", "gpt-6-20251211:tuned", FLAT),
        ("openai", "gpt-6-202512110", None),        # no date
        ("openai", "claude-x", None),
        ("anthropic", "claude-x", FLAT),
        ("anthropic", "gpt-4o", None),
        ("openai_compatible", "gpt-4o", None),
        ("nobody", "gpt-4o", None),
        ("openai", "", None),
        ("openai", "gpt-4" + "x" * (MAX_NAME - 5), FLAT),
        ("openai", "gpt-4" + "x" * (MAX_NAME - 4), None),
    ],
)
def test_a_listed_price(vendor: str, model: str, rates: Rates | None) -> None:
    """The first entry of the vendor's own list counts, in any case and with its date in either form; else None."""
    assert find(LIST, vendor, model) == rates


OVERRIDES = (pattern("gpt-4o", FLAT), pattern("gpt-*", TIERED), pattern("local/*", OTHER), pattern("whisper-1", OTHER))


@pytest.mark.parametrize(
    ("vendor", "model", "rates"),
    [
        ("openai", "gpt-4o", FLAT),
        ("openai", "gpt-4o-mini", TIERED),
        ("openai", "GPT-4o", OTHER),
        ("openai", "whisper-1", OTHER),
        ("openai", "whisper-2", FLAT),
        ("openai_compatible", "local/llama", OTHER),
        ("openai_compatible", "Local/llama", None),
        ("anthropic", "claude-x", FLAT),
    ],
)
def test_an_operators_price(vendor: str, model: str, rates: Rates | None) -> None:
    """What an operator wrote comes before every list, the first that matches counts, and case matters, as in routes."""
    assert find(LIST, vendor, model, OVERRIDES) == rates


def test_a_price_list_travels() -> None:
    """A list is plain data: what a worker unpacks is what the supervisor packed, nested clauses included."""
    nested = Clause("any", parts=(A, Clause("all", parts=(B, Clause("regex", "^o")))))
    sent = PriceList({**LIST.vendors, "gemini": (ModelPrice(nested, TIERED),)})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sent), type=PriceList) == sent


# The sum.


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (rate(2, 9), (2, 2, 2, 9, 9, 4, 2, 2, 9)),
        (rate(2, 9, cache_read=1), (2, 1, 2, 9, 9, 4, 2, 1, 9)),
        (rate(2, 9, cache_write=3), (2, 2, 3, 9, 9, 4, 2, 2, 9)),
        (rate(2, 9, cache_write=5), (2, 2, 5, 9, 9, 5, 2, 2, 9)),       # an hour is never cheaper than five minutes
        (rate(2, 9, reasoning=4), (2, 2, 2, 9, 4, 4, 2, 2, 9)),
        (rate(2, 9, 0, 0, 0), (2, 0, 0, 9, 0, 4, 2, 0, 9)),
        (rate(2, 9, cache_write=3, cache_write_1h=1), (2, 2, 3, 9, 9, 1, 2, 2, 9)),
        (rate(2, 9, input_audio=7), (2, 2, 2, 9, 9, 4, 7, 7, 9)),
        (rate(2, 9, cache_read=1, input_audio=7), (2, 1, 2, 9, 9, 4, 7, 7, 9)),
        (rate(2, 9, cache_read=1, input_audio=7, cache_read_audio=3), (2, 1, 2, 9, 9, 4, 7, 3, 9)),
        (rate(2, 9, cache_read_audio=3), (2, 2, 2, 9, 9, 4, 2, 3, 9)),
        (rate(2, 9, reasoning=4, output_audio=8), (2, 2, 2, 9, 4, 4, 2, 2, 8)),
        (rate(2, 9, cache_write_1h=0, input_audio=0, output_audio=0), (2, 2, 2, 9, 9, 0, 0, 0, 0)),
        (rate(0, 9), (0, 0, 0, 9, 9, 0, 0, 0, 9)),
    ],
)
def test_what_has_no_price_of_its_own(stated: Rate, expected: tuple[int, ...]) -> None:
    """Cache without a price costs what input does, writes for an hour twice that, reasoning what output does, sound what
    text does, cached sound what other sound does; a price of nothing is a price."""
    assert stated == Rate(*expected)


@pytest.mark.parametrize(
    ("rates", "tokens", "nanodollars"),
    [
        (FLAT, Tokens(), 0),
        (FLAT, Tokens(input=1), 2_000),
        (FLAT, Tokens(cache_read=1), 1_000),
        (FLAT, Tokens(cache_write=1), 3_000),
        (FLAT, Tokens(output=1), 10_000),
        (FLAT, Tokens(output=3, reasoning=1), 40_000),
        (FLAT, Tokens(output=3, reasoning=3), 60_000),
        (FLAT, Tokens(output=3, reasoning=9), 60_000),               # a vendor's nonsense: no more than all of it
        (FLAT, Tokens(7, 5, 3, 2, 1), 14_000 + 5_000 + 9_000 + 30_000),
        (FLAT, DetailedTokens(cache_write=5, cache_write_1h=2), 9_000 + 8_000),
        (FLAT, DetailedTokens(input=5, input_audio=2), 6_000 + 64_000),
        (FLAT, DetailedTokens(cache_read=5, cache_read_audio=2), 3_000 + 10_000),
        (FLAT, DetailedTokens(output=5, output_audio=2), 30_000 + 128_000),
        (FLAT, DetailedTokens(output=5, reasoning=1, output_audio=2), 20_000 + 20_000 + 128_000),
        (FLAT, DetailedTokens(output=5, reasoning=4, output_audio=4), 80_000 + 64_000),   # no more than all of it
        (FLAT, DetailedTokens(output=5, reasoning=9, output_audio=9), 100_000),
        (FLAT, DetailedTokens(5, 5, 5, 5, 0, 9, 9, 9, 9), 20_000 + 160_000 + 25_000 + 320_000),
        (FLAT, DetailedTokens(7, 5, 3, 4, 1, 2, 3, 4, 2),
         4 * 2_000 + 3 * 32_000 + 1_000 + 4 * 5_000 + 3_000 + 2 * 4_000 + 10_000 + 20_000 + 2 * 64_000),
        (TIERED, DetailedTokens(input=101, output=1, input_audio=1, output_audio=1), 400_000 + 64_000 + 128_000),
        (Rates(rate(USD, 0, input_audio=0)), DetailedTokens(input=5, input_audio=5), 0),
        (TIERED, Tokens(), 0),
        (TIERED, Tokens(input=100, output=5000), 200_000 + 50_000_000),
        (TIERED, Tokens(input=101, output=1), 404_000 + 20_000),
        (TIERED, Tokens(input=99, cache_read=1, cache_write=1), 396_000 + 2_000 + 6_000),
        (TIERED, Tokens(input=98, cache_read=1, cache_write=1), 196_000 + 1_000 + 3_000),
        (TIERED, Tokens(input=1000, output=1), 4_000_000 + 20_000),
        (TIERED, Tokens(input=1001, output=1, reasoning=1), 100_100_000 + 100_000),
        (Rates(rate(0, 0)), Tokens(9, 9, 9, 9, 9), 0),
        (Rates(rate(499_999, 0)), Tokens(input=1), 0),
        (Rates(rate(500_000, 0)), Tokens(input=1), 1),
        (Rates(rate(500_000, 500_000)), Tokens(input=1, output=1), 1),  # rounded behind the sum, not before it
        (Rates(rate(3_625_000, 0)), Tokens(input=1_000), 3_625),
        (FLAT, Tokens(input=2**53, output=2**53), MAX_COST),
    ],
)
def test_the_sum(rates: Rates, tokens: Tokens, nanodollars: int) -> None:
    """Each token is paid once, by its kind, at the tier that the whole input reaches; half a nanodollar counts as one."""
    assert cost(rates, tokens) == nanodollars


COUNTS = st.integers(0, 3_000_000)
PRICES = st.integers(0, 600 * USD)
ANY_RATES = st.builds(Rates, st.builds(Rate, *[PRICES] * 9))
ANY_TOKENS = st.builds(Tokens, COUNTS, COUNTS, COUNTS, COUNTS, st.just(0))


@FEW
@given(ANY_RATES, st.lists(ANY_TOKENS, max_size=20))
def test_many_small_costs(rates: Rates, requests: list[Tokens]) -> None:
    """A sum of costs is off by half a nanodollar a request at most, however many there are."""
    paid = rates.base
    exact = sum(
        (Fraction(one.input * paid.input + one.cache_read * paid.cache_read + one.cache_write * paid.cache_write
                  + one.output * paid.output, 1_000_000) for one in requests),
        Fraction(0),
    )
    assert abs(sum(cost(rates, one) for one in requests) - exact) <= Fraction(len(requests), 2)


@FEW
@given(PRICES, PRICES, ANY_TOKENS, COUNTS)
def test_reasoning_is_output(paid_in: int, paid_out: int, tokens: Tokens, reasoning: int) -> None:
    """Where reasoning has no price of its own, how much of the output it was changes nothing."""
    rates = Rates(rate(paid_in, paid_out))
    assert cost(rates, msgspec.structs.replace(tokens, reasoning=reasoning)) == cost(rates, tokens)


ANY_DETAILS = st.builds(DetailedTokens, *[COUNTS] * 9)


@FEW
@given(ANY_RATES, ANY_DETAILS)
def test_nobody_is_paid_back(rates: Rates, tokens: DetailedTokens) -> None:
    """Whatever parts a vendor states: no token costs less than the cheapest price there is, or more than the dearest."""
    prices = msgspec.structs.astuple(rates.base)
    assert tokens.total * min(prices) // 1_000_000 <= cost(rates, tokens) <= tokens.total * max(prices) // 1_000_000 + 1


@FEW
@given(PRICES, PRICES, PRICES, ANY_DETAILS)
def test_sound_as_text(paid_in: int, paid_out: int, cached: int, tokens: DetailedTokens) -> None:
    """Where sound has no price of its own, how much of the tokens it was changes nothing."""
    rates = Rates(rate(paid_in, paid_out, cached, cache_write_1h=paid_in))
    kinds = [getattr(tokens, kind) for kind in Tokens.__struct_fields__]
    assert cost(rates, tokens) == cost(rates, Tokens(*kinds))
