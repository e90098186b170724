"""GitHub Copilot. `Adapter` is all that others see."""

from stationmaster.vendors.github_copilot.adapter import Adapter

__all__ = ["Adapter"]
