"""Where prices come from: the data that `genai-prices` ships, and what an operator writes. Owns: making both
into core's price lists. Never asks the network, and loads that library only when a list is asked for.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from stationmaster.gateway.config.problems import did_you_mean, quoted
from stationmaster.gateway.core.prices import MAX_NAME, Clause, Kind, ModelPrice, PriceList, Rate, Rates, Tier, rate

if TYPE_CHECKING:
    from genai_prices import types as shipped

NANO_PER_USD = 1_000_000_000
MAX_USD = 1_000_000          # per million tokens: a dollar a token is a slip of the unit

# The library's names for our vendors, and for the prices that a `Rate` has.
_PROVIDERS = {
    "openai": "openai", "anthropic": "anthropic", "gemini": "google", "azure_openai": "azure", "bedrock": "aws",
    "vertex": "google",
}
_KEYS = {
    "input": "input_mtok", "output": "output_mtok", "cache_read": "cache_read_mtok", "cache_write": "cache_write_mtok",
    "reasoning": "output_reasoning_mtok", "cache_write_1h": "cache_write_1h_mtok", "input_audio": "input_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok", "output_audio": "output_audio_mtok",
}
MEMBERS = tuple(_KEYS)       # what an operator may write


def price_list(today: date) -> PriceList:
    """The standard prices of every vendor that has some, as they are on `today` (UTC).

    A vendor's own entries come first, then those of the vendors whose models it sells (Azure: OpenAI's).
    """
    from genai_prices.data import providers

    by_id = {provider.id: provider for provider in providers}
    vendors = {}
    for vendor, name in _PROVIDERS.items():
        sellers = [name, *(by_id[name].fallback_model_providers or ())]
        models = (model for seller in sellers for model in by_id[seller].models)
        vendors[vendor] = tuple(ModelPrice(_clause(model.match), _rates(_standing(model, today))) for model in models)
    return PriceList(vendors)


_KINDS: tuple[Kind, ...] = ("equals", "starts_with", "ends_with", "contains")


def _clause(match: "shipped.MatchLogic") -> Clause:
    """A shipped clause, which takes names in lower case. Raises TypeError on a kind that is new to us."""
    for kind in _KINDS:
        if isinstance(text := getattr(match, kind, None), str):
            return Clause(kind, text.lower())
    if isinstance(expression := getattr(match, "regex", None), str):
        return Clause("regex", expression)
    if (parts := getattr(match, "or_", None)) is not None:
        return Clause("any", parts=tuple(map(_clause, parts)))
    if (parts := getattr(match, "and_", None)) is not None:
        return Clause("all", parts=tuple(map(_clause, parts)))
    raise TypeError(f"unknown clause {type(match).__name__}")


def _standing(model: "shipped.ModelInfo", today: date) -> "shipped.ModelPrice":
    """The prices that hold on `today`: the last whose start has come, else the first of all. Of those for certain
    hours the dearest counts all day, so that a budget is never passed unseen."""
    from genai_prices.types import ModelPrice as Shipped
    from genai_prices.types import StartDateConstraint

    if isinstance(model.prices, Shipped):
        return model.prices
    standing = [model.prices[0].prices]
    for conditional in model.prices:
        constraint = conditional.constraint
        if constraint is None or (isinstance(constraint, StartDateConstraint) and constraint.start_date <= today):
            standing = [conditional.prices]
        elif not isinstance(constraint, StartDateConstraint):
            standing.append(conditional.prices)
    return max(standing, key=lambda prices: _at(prices.output_mtok, 0) or 0)


def _rates(prices: "shipped.ModelPrice") -> Rates | None:
    """A model's rates, or None when it has no price per token: then it is priced otherwise, or not at all."""
    if prices.input_mtok is None:
        return None
    stated = [getattr(prices, key) for key in _KEYS.values()]
    starts = sorted({tier.start for price in stated for tier in getattr(price, "tiers", ())})
    return Rates(_rate(prices, 0), tuple(Tier(start, _rate(prices, start + 1)) for start in starts))


def _rate(prices: "shipped.ModelPrice", size: int) -> Rate:
    """The rate of a request with `size` tokens of input. Only embeddings have no price for output, and no output."""
    at = {member: _at(getattr(prices, key), size) for member, key in _KEYS.items()}
    return rate(at.pop("input") or 0, at.pop("output") or 0, **at)


def _at(price: "Decimal | shipped.TieredPrices | None", size: int) -> int | None:
    """One price, for a request of `size` tokens of input, in nanodollars per million tokens."""
    if price is None or isinstance(price, Decimal):
        return None if price is None else _nano(price)
    reached = [tier.price for tier in price.tiers if size > tier.start]
    return _nano(reached[-1] if reached else price.base)


def _nano(usd: Decimal) -> int:
    return round(usd * NANO_PER_USD)


def override(table: Mapping[str, Mapping[str, float]]) -> tuple[ModelPrice, ...]:
    """An operator's prices: model name or shell-style pattern → `MEMBERS` in USD per million tokens.

    In the table's order, the first that matches counts. `input` and `output` are needed: an output left out by
    mistake would be free. Raises ValueError with what is wrong, for people.
    """
    return tuple(_override(pattern, members) for pattern, members in table.items())


def _override(pattern: str, members: Mapping[str, float]) -> ModelPrice:
    if not 0 < len(pattern) <= MAX_NAME:
        raise ValueError(f"a model's name or pattern has 1 to {MAX_NAME} characters, this has {len(pattern)}")
    for member in members:
        if member not in MEMBERS:
            hint = did_you_mean(member, MEMBERS) or f"the prices are {', '.join(MEMBERS)}"
            raise ValueError(f"{quoted(pattern)} has an unknown price {quoted(member)}; {hint}")
    at = {member: _written(pattern, member, value) for member, value in members.items()}
    for member in ("input", "output"):
        if member not in at:
            raise ValueError(f"{quoted(pattern)} has no price {quoted(member)}; write 0 if it is free")
    return ModelPrice(Clause("pattern", pattern), Rates(rate(at.pop("input"), at.pop("output"), **at)))


def _written(pattern: str, member: str, value: object) -> int:
    """A price as somebody wrote it. NaN fails the comparison as well; `true` is a number to Python only."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_USD:
        raise ValueError(f"{quoted(pattern)}: {quoted(member)} is not a number from 0 to {MAX_USD} (USD per million tokens)")
    return _nano(Decimal(str(value)))
