"""Stationmaster: one place that runs an organisation's AI accounts."""

__version__ = "0.1.0"
