"""The control plane's settings, as one frozen value: flag > environment > file > saved by an admin > default.

Every value knows where it came from. Knows no Django and no database: saved values are handed in.
docs/reference/settings.md is the list.
"""

from stationmaster.settings.fields import FIELDS, PREFIX, Field
from stationmaster.settings.layers import Flag, Saved, nearest, variables
from stationmaster.settings.load import FILE, FILE_VARIABLE, ReadSaved, check_value, find_file, load, with_saved
from stationmaster.settings.marks import Takes
from stationmaster.settings.root import Origin, Settings
from stationmaster.settings.schema import schema

__all__ = [
    "FIELDS", "FILE", "FILE_VARIABLE", "PREFIX", "Field", "Flag", "Origin", "ReadSaved", "Saved", "Settings", "Takes",
    "check_value", "find_file", "load", "nearest", "schema", "variables", "with_saved",
]  # fmt: skip
