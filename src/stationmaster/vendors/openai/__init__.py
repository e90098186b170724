"""OpenAI Platform. `Adapter` is all that others see."""

from stationmaster.vendors.openai.adapter import Adapter

__all__ = ["Adapter"]
