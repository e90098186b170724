"""Prices as the shipped data has them, checked against that library's own sums; and as operators write them."""

import re
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec
import pytest
from genai_prices import Usage, calc_price, types
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feeding import FEW
from stationmaster.gateway.config.prices import MEMBERS, override, price_list
from stationmaster.gateway.core.prices import PriceList, Rates, Tier, cost, find, rate
from stationmaster.gateway.core.tokens import DetailedTokens, Tokens

USD = 1_000_000_000                # in nanodollars
TODAY = date(2026, 11, 25)
PEAK = time(2, 0, tzinfo=UTC)      # where a price depends on the hour, it is the dearer one now
THEIRS = {"openai": "openai", "anthropic": "anthropic", "gemini": "google", "azure_openai": "azure",
          "bedrock": "aws", "vertex": "google"}
MODELS = [
    ("openai", "gpt-3.5-turbo"), ("openai", "gpt-4"), ("openai", "gpt-4-turbo"), ("openai", "gpt-4o"),
    ("openai", "gpt-4o-2024-08-06"), ("openai", "gpt-4o-20240806"), ("openai", "GPT-4o-mini"), ("openai", "gpt-4.1"),
    ("openai", "gpt-4.1-mini"), ("openai", "gpt-4.1-nano"), ("openai", "gpt-5"), ("openai", "gpt-5-mini"),
    ("openai", "gpt-5-nano"), ("openai", "gpt-5.4"), ("openai", "gpt-5.6-luna"), ("openai", "o1"), ("openai", "o3"),
    ("openai", "o3-mini"), ("openai", "o4-mini"), ("openai", "text-embedding-3-small"),
    ("openai", "text-embedding-3-large"), ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc"),
    ("anthropic", "claude-3-haiku-20240307"), ("anthropic", "claude-3-5-haiku-latest"),
    ("anthropic", "claude-3-5-sonnet-20241022"), ("anthropic", "claude-3-7-sonnet-latest"),
    ("anthropic", "claude-sonnet-4-20250514"), ("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-haiku-4-5"),
    ("anthropic", "claude-opus-4-1"), ("anthropic", "claude-opus-4-6"), ("anthropic", "claude-haiku-5-5"),
    ("gemini", "gemini-1.5-pro"), ("gemini", "gemini-2.0-flash"), ("gemini", "gemini-2.5-pro"),
    ("gemini", "gemini-2.5-flash"), ("gemini", "gemini-2.5-flash-lite"), ("gemini", "gemini-3-pro-preview"),
    ("gemini", "gemini-embedding-001"), ("gemini", "claude-sonnet-4-5@20250929"), ("gemini", "gemini-live-2.5-flash"),
    ("openai", "gpt-realtime"), ("openai", "gpt-realtime-mini"), ("openai", "gpt-audio"), ("openai", "gpt-audio-mini"),
    ("openai", "gpt-4o-transcribe"), ("openai", "gpt-4o-mini-tts"), ("azure_openai", "gpt-realtime"),
    ("azure_openai", "gpt-4o"), ("azure_openai", "gpt-4o-mini"), ("azure_openai", "gpt-5"), ("azure_openai", "o3-mini"),
    ("azure_openai", "claude-sonnet-4-5"), ("azure_openai", "deepseek-v4-pro"), ("azure_openai", "text-embedding-3-small"),
]  # fmt: skip


@cache
def listed(day: date = TODAY) -> PriceList:
    """The price list of one day."""
    return price_list(day)


def rates_of(vendor: str, model: str, day: date = TODAY) -> Rates:
    """A listed model's rates; it has to have some."""
    found = find(listed(day), vendor, model)
    assert found is not None
    return found


def details_of(tokens: Tokens) -> dict[str, int]:
    """What the library calls the parts; its input and what it calls cached are wholes too."""
    if not isinstance(tokens, DetailedTokens):
        return {}
    return {
        "cache_write_1h_tokens": tokens.cache_write_1h,
        "input_audio_tokens": tokens.input_audio + tokens.cache_read_audio,
        "cache_audio_read_tokens": tokens.cache_read_audio,
        "output_audio_tokens": tokens.output_audio,
    }


def nanodollars(vendor: str, model: str, tokens: Tokens, day: date = TODAY) -> Decimal | None:
    """What the library itself says that `tokens` cost, exactly; None: it has no such model, or no price per token."""
    usage = Usage(
        input_tokens=tokens.input + tokens.cache_read + tokens.cache_write,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
        output_reasoning_tokens=tokens.reasoning,
        **details_of(tokens),
    )
    try:
        at = datetime.combine(day, PEAK)
        theirs = calc_price(usage, model, provider_id=THEIRS[vendor], genai_request_timestamp=at)
    except LookupError:
        return None
    return None if theirs.model_price.input_mtok is None else theirs.total_price * 1_000_000_000


# Counts small and large, and right at the tiers that vendors have.
COUNTS = st.one_of(st.integers(0, 2_000), st.integers(0, 1_100_000), st.sampled_from((100_000, 128_000, 200_000, 272_000)))
SHARES = st.lists(st.integers(0, 100), min_size=5, max_size=5)


def drawn(kinds: tuple[int, int, int, int], shares: list[int] | None) -> Tokens:
    """Tokens of which so many hundredths each are reasoning, sound (half as much in output) and, last, written for an
    hour; None: plain ones."""
    fresh, read, written, out = kinds
    if shares is None:
        return Tokens(*kinds)
    reasoning, fresh_sound, cached_sound, out_sound, hour = shares
    return DetailedTokens(
        *kinds, out * reasoning // 200, written * hour // 100, fresh * fresh_sound // 100, read * cached_sound // 100,
        out * out_sound // 200,
    )  # fmt: skip


TOKENS = st.builds(drawn, st.tuples(COUNTS, COUNTS, COUNTS, COUNTS), st.none() | SHARES)


@pytest.mark.parametrize(("vendor", "model"), MODELS)
@settings(FEW, max_examples=30)      # for each of some fifty models
@given(tokens=TOKENS)
def test_well_known_models(vendor: str, model: str, tokens: Tokens) -> None:
    """Any request to a well-known model costs what the library says, to within half a nanodollar, sound, and where the
    library has a price for it what is written for an hour, included."""
    if isinstance(tokens, DetailedTokens) and vendor != "anthropic":
        tokens = msgspec.structs.replace(tokens, cache_write_1h=0)
    ours, theirs = cost(rates_of(vendor, model), tokens), nanodollars(vendor, model, tokens)
    assert theirs is not None
    assert abs(ours - theirs) <= Decimal("0.5")


def literals(match: object) -> list[str]:
    """Every text that a shipped clause looks for: most are models' names."""
    own = [getattr(match, kind, "") for kind in ("equals", "starts_with", "ends_with", "contains")]
    parts = getattr(match, "or_", None) or getattr(match, "and_", None) or ()
    return [text for text in own if text] + [text for part in parts for text in literals(part)]


def names(vendor: str) -> set[str]:
    """Every name in a vendor's data, and in that of the vendors whose models it sells."""
    by_id = {provider.id: provider for provider in providers}
    own = by_id[THEIRS[vendor]]
    models = [model for name in (own.id, *(own.fallback_model_providers or ())) for model in by_id[name].models]
    return {name for model in models for name in (model.id, *literals(model.match))}


@pytest.mark.parametrize("vendor", THEIRS)
@pytest.mark.parametrize("day", [date(2025, 1, 1), TODAY, date(2027, 6, 1)], ids=str)
def test_every_model(vendor: str, day: date) -> None:
    """Every name in the data costs exactly what the library says, on any day: the same entry is found, and nothing is
    lost by the unit. What the library has no price per token for, and only that, has no rates."""
    few, many = Tokens(9_000, 7_000, 5_000, 3_000, 1_000), Tokens(900_000, 700_000, 500_000, 300_000, 100_000)
    sounding = DetailedTokens(9_000, 7_000, 5_000, 3_000, 1_000, 0, 6_000, 4_000, 2_000)
    for name in names(vendor):
        rates = find(listed(day), vendor, name)
        ours = [rates and cost(rates, tokens) for tokens in (few, many, sounding)]
        assert ours == [nanodollars(vendor, name, tokens, day) for tokens in (few, many, sounding)], name


@pytest.mark.parametrize("day", [date(2025, 1, 1), TODAY], ids=str)
def test_every_hour_long_write(day: date) -> None:
    """What Anthropic's models write for an hour costs what the library says; twice the input is what its own list has
    for every one of them, so that is what a model without such a price costs."""
    few, many = (DetailedTokens(9, 9, size, 9, cache_write_1h=size - 4) for size in (1_000, 700_000))
    priced = 0
    for name in names("anthropic"):
        rates = find(listed(day), "anthropic", name)
        if rates is None or rates.base.cache_write == rates.base.input:    # of before there was a cache
            continue
        ours = [cost(rates, tokens) for tokens in (few, many)]
        assert ours == [nanodollars("anthropic", name, tokens, day) for tokens in (few, many)], name
        assert all(paid.cache_write_1h == 2 * paid.input for paid in (rates.base, *(tier.rate for tier in rates.tiers))), name
        priced += 1
    assert priced > 20


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "whisper-1"),                # by the minute
        ("openai", "tts-1"),                    # by the character
        ("openai", "omni-moderation-latest"),   # listed without any price
        ("gemini", "gemma-3"),
        ("openai", "claude-sonnet-4-5"),        # another vendor's
        ("openai", "gpt-99-imaginary"),
        ("azure_openai", "our-deployment"),
        ("openai_compatible", "gpt-4o"),
        ("openai", ""),
    ],
)
def test_unknown_is_not_nothing(vendor: str, model: str) -> None:
    """A model that is not listed, or has no price per token, has no rates, so that its cost is never shown as 0."""
    assert find(listed(), vendor, model) is None


@pytest.mark.parametrize(
    ("vendor", "model", "before", "since"),
    [
        ("openai", "o3", date(2025, 6, 9), date(2025, 6, 10)),
        ("openai", "gpt-5.6-luna", date(2026, 7, 29), date(2026, 7, 30)),
        ("anthropic", "claude-opus-4-6", date(2026, 3, 12), date(2026, 3, 13)),
        ("gemini", "gemini-4-argon", date(2026, 11, 30), date(2026, 12, 1)),
    ],
)
def test_a_price_that_begins(vendor: str, model: str, before: date, since: date) -> None:
    """A price with a first day holds from that day on."""
    tokens = Tokens(250_000, 9, 9, 9)
    old, new = (cost(rates_of(vendor, model, day), tokens) for day in (before, since))
    assert old != new
    assert [old, new] == [nanodollars(vendor, model, tokens, day) for day in (before, since)]


def test_a_price_for_certain_hours() -> None:
    """Where the price depends on the hour, the dearest of the day counts: no budget is passed unseen."""
    tokens, model = Tokens(1_000_000, 0, 0, 1_000_000), "deepseek-v4-pro"
    usage = Usage(input_tokens=tokens.input, output_tokens=tokens.output)
    hours = [datetime.combine(TODAY, time(hour, tzinfo=UTC)) for hour in range(24)]
    prices = [calc_price(usage, model, provider_id="azure", genai_request_timestamp=at).total_price for at in hours]
    assert len(set(prices)) > 1
    assert cost(rates_of("azure_openai", model), tokens) == max(prices) * 1_000_000_000


def usd(paid_in: int, paid_out: int) -> types.ModelPrice:
    """Shipped prices."""
    return types.ModelPrice(input_mtok=Decimal(paid_in), output_mtok=Decimal(paid_out))


def tiered(base: int, **tiers: int) -> types.TieredPrices:
    """A shipped price in tiers: `above_9=2`."""
    return types.TieredPrices(Decimal(base), [types.Tier(int(at[6:]), Decimal(price)) for at, price in tiers.items()])


NIGHT = types.TimeOfDateConstraint(time(0), time(6))
SOON, LATER = types.StartDateConstraint(date(2026, 11, 25)), types.StartDateConstraint(date(2026, 11, 26))
MADE_UP: list[tuple[str, types.ModelPrice | list[types.ConditionalPrice], Rates | None]] = [
    ("no prices", types.ModelPrice(), None),
    ("no tokens", types.ModelPrice(output_mtok=Decimal(1)), None),
    ("no output", types.ModelPrice(input_mtok=Decimal(1)), Rates(rate(USD, 0))),
    (
        "tiers of its own for each kind",
        types.ModelPrice(input_mtok=tiered(1, above_9=2), output_mtok=tiered(5, above_4=6, above_20=7)),
        Rates(rate(USD, 5 * USD), (
            Tier(4, rate(USD, 6 * USD)), Tier(9, rate(2 * USD, 6 * USD)), Tier(20, rate(2 * USD, 7 * USD)),
        )),
    ),
    (
        "reasoning",
        types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), output_reasoning_mtok=Decimal(3)),
        Rates(rate(USD, 2 * USD, reasoning=3 * USD)),
    ),
    (
        "sound and hours",
        types.ModelPrice(
            input_mtok=Decimal(1), output_mtok=Decimal(2), cache_write_1h_mtok=Decimal(3), input_audio_mtok=Decimal(4),
            cache_audio_read_mtok=Decimal(5), output_audio_mtok=tiered(6, above_9=7),
        ),
        Rates(
            rate(USD, 2 * USD, cache_write_1h=3 * USD, input_audio=4 * USD, cache_read_audio=5 * USD, output_audio=6 * USD),
            (Tier(9, rate(USD, 2 * USD, cache_write_1h=3 * USD, input_audio=4 * USD, cache_read_audio=5 * USD,
                          output_audio=7 * USD)),),
        ),
    ),
    (
        "hours without a price",
        types.ModelPrice(input_mtok=tiered(4, above_9=8), output_mtok=Decimal(2), cache_write_mtok=Decimal(5)),
        Rates(rate(4 * USD, 2 * USD, cache_write=5 * USD, cache_write_1h=8 * USD), (
            Tier(9, rate(8 * USD, 2 * USD, cache_write=5 * USD, cache_write_1h=16 * USD)),
        )),
    ),
    (
        "cheaper by night",
        [types.ConditionalPrice(prices=usd(2, 4)), types.ConditionalPrice(NIGHT, prices=usd(1, 2))],
        Rates(rate(2 * USD, 4 * USD)),
    ),
    (
        "by night until today",
        [
            types.ConditionalPrice(prices=usd(1, 2)),
            types.ConditionalPrice(NIGHT, prices=usd(2, 4)),
            types.ConditionalPrice(SOON, prices=usd(1, 3)),
            types.ConditionalPrice(LATER, prices=usd(9, 9)),
        ],
        Rates(rate(USD, 3 * USD)),
    ),
    ("not yet sold", [types.ConditionalPrice(LATER, prices=usd(1, 2))], Rates(rate(USD, 2 * USD))),
]


@pytest.mark.parametrize(("shipped", "expected"), [row[1:] for row in MADE_UP], ids=[row[0] for row in MADE_UP])
def test_shipped_forms(
    shipped: types.ModelPrice | list[types.ConditionalPrice], expected: Rates | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every form that the library's data can take is read as the library reads it, today's and rare ones."""
    model = types.ModelInfo(id="m", match=types.ClauseStartsWith("New-M"), prices=shipped)
    made_up = [types.Provider(id=name, name=name, api_pattern="", models=[model]) for name in THEIRS.values()]
    monkeypatch.setattr("genai_prices.data.providers", made_up)
    made = price_list(TODAY)
    assert [find(made, vendor, "new-model") for vendor in THEIRS] == [expected] * len(THEIRS)


def test_a_clause_that_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of clause that we cannot read is an error, not a model that costs what another does."""
    model = types.ModelInfo(id="m", match=object(), prices=usd(1, 2))  # type: ignore[arg-type]
    made_up = [types.Provider(id=name, name=name, api_pattern="", models=[model]) for name in THEIRS.values()]
    monkeypatch.setattr("genai_prices.data.providers", made_up)
    with pytest.raises(TypeError, match="unknown clause object"):
        price_list(TODAY)


def test_the_library_is_loaded_when_asked_for() -> None:
    """Importing the config loads no price library: only the one who asks for a list pays for it."""
    code = "import sys, stationmaster.gateway.config.prices; print([n for n in ('genai_prices', 'pydantic') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# What an operator writes.

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "prices.md"


def test_the_page_on_prices() -> None:
    """The page names every price there is, and its example costs what it says."""
    page = PAGE.read_text()
    assert sorted(re.findall(r"^\| `(\w+)` \| (?:input|output|of )", page, re.MULTILINE)) == sorted(MEMBERS)
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    talk, think = tomllib.loads(example)["credential"]
    sound = find(PriceList(), "openai", "gpt-realtime-x", override(talk["prices"]))
    hour = find(PriceList(), "anthropic", "claude-x", override(think["prices"]))
    assert sound is not None
    assert hour is not None
    assert cost(sound, DetailedTokens(5, 0, 0, 5, 0, 0, 2, 0, 3)) == 3 * 4_000 + 2 * 32_000 + 2 * 16_000 + 3 * 64_000
    assert cost(hour, DetailedTokens(0, 0, 5, cache_write_1h=2)) == 3 * 3_750 + 2 * 6_000


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"input": 2.5, "output": 10}, rate(2_500_000_000, 10 * USD)),
        ({"input": 0, "output": 0}, rate(0, 0)),
        ({"output": 0.1, "input": 0.003625}, rate(3_625_000, 100_000_000)),
        (
            {"input": 2.5, "output": 10, "cache_read": 1.25, "cache_write": 3.0, "reasoning": 12},
            rate(2_500_000_000, 10 * USD, 1_250_000_000, 3 * USD, 12 * USD),
        ),
        (
            {"input": 4, "output": 16, "input_audio": 32, "cache_read_audio": 0.4, "output_audio": 64, "cache_write_1h": 8.5},
            rate(4 * USD, 16 * USD, cache_write_1h=8_500_000_000, input_audio=32 * USD, cache_read_audio=400_000_000,
                 output_audio=64 * USD),
        ),
        ({"input": 3, "output": 15, "cache_write": 3.75}, rate(3 * USD, 15 * USD, None, 3_750_000_000, cache_write_1h=6 * USD)),
        ({"input": 1_000_000, "output": 1e6}, rate(1_000_000 * USD, 1_000_000 * USD)),
    ],
)
def test_an_override(members: dict[str, float], expected: object) -> None:
    """USD per million tokens become exact rates; what is left out falls back as in the lists."""
    (entry,) = override({"m": members})
    assert entry.rates is not None
    assert (entry.rates.base, entry.rates.tiers) == (expected, ())


def test_overrides_come_first_in_their_order() -> None:
    """An operator's names and patterns are never expressions, and the first that matches counts before any list."""
    written = override({
        "gpt-4o": {"input": 1, "output": 1},
        "gpt-4*": {"input": 2, "output": 2},
        "(gpt-5)+": {"input": 3, "output": 3},
    })
    found = [find(listed(), "openai", model, written) for model in ("gpt-4o", "gpt-4.1", "(gpt-5)+")]
    assert [rates and rates.base for rates in found] == [rate(1 * USD, 1 * USD), rate(2 * USD, 2 * USD), rate(3 * USD, 3 * USD)]
    assert find(listed(), "openai", "gpt-5", written) == rates_of("openai", "gpt-5")
    assert override({}) == ()


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ({"m": {"input": -0.01, "output": 1}}, ['"m"', '"input"', "from 0 to 1000000"]),
        ({"m": {"input": 1, "output": float("nan")}}, ['"m"', '"output"', "from 0 to 1000000"]),
        ({"m": {"input": 1, "output": float("inf")}}, ['"m"', '"output"']),
        ({"m": {"input": 1, "output": 1_000_000.1}}, ['"output"', "USD per million tokens"]),
        ({"m": {"input": 1, "output": 10**400}}, ['"output"']),
        ({"m": {"input": True, "output": 1}}, ['"input"', "not a number"]),
        ({"m": {"input": "2.5", "output": 1}}, ['"input"', "not a number"]),
        ({"m": {"input": 1, "outptu": 1}}, ['"m"', 'unknown price "outptu"', 'did you mean "output"?']),
        ({"m": {"input": 1, "zzz": 1}}, ['"zzz"', "input, output, cache_read,", "cache_write_1h, input_audio"]),
        ({"m": {"input": 1, "output": 1, "input_audoi": 1}}, ['"input_audoi"', 'did you mean "input_audio"?']),
        ({"m": {"input": 1, "output": 1, "output_audio": -1}}, ['"output_audio"', "from 0 to 1000000"]),
        ({"m": {"input": 1}}, ['"m"', 'no price "output"', "write 0"]),
        ({"m": {}}, ['no price "input"']),
        ({"": {"input": 1, "output": 1}}, ["1 to 256 characters"]),
        ({"m" * 257: {"input": 1, "output": 1}}, ["1 to 256 characters", "257"]),
        ({"fine": {"input": 1, "output": 1}, "bad": {"input": -1, "output": 1}}, ['"bad"']),
    ],
)
def test_a_bad_override(table: dict[str, dict[str, float]], parts: list[str]) -> None:
    """What cannot be a price is refused with the model, the member and what would be right."""
    with pytest.raises(ValueError, match=r"characters|price|number") as refused:
        override(table)
    assert [part for part in parts if part not in str(refused.value)] == []
