"""`gateway.toml` → `Snapshot`. Everything wrong with a file is found at once, each with its line and key.

The format is a public interface: docs/reference/gateway-toml.md.
"""

from stationmaster.gateway.config.addresses import is_host
from stationmaster.gateway.config.cautions import cautions
from stationmaster.gateway.config.problems import ConfigError, Problem
from stationmaster.gateway.config.secret import Surroundings
from stationmaster.gateway.config.source import load, parse
from stationmaster.gateway.config.virtual_key import NewKey, new_key

__all__ = ["ConfigError", "NewKey", "Problem", "Surroundings", "cautions", "is_host", "load", "new_key", "parse"]
