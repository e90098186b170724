"""Anthropic Console. `Adapter` is all that others see."""

from stationmaster.vendors.anthropic.adapter import Adapter

__all__ = ["Adapter"]
