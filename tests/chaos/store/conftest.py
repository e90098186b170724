"""Storms of the control plane: real databases, with the sandbox as the vendor, which lists at once what was written."""

from databases import database
from work.conftest import near, sandbox

__all__ = ["database", "near", "sandbox"]
