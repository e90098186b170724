"""These tests run on every database, with the sandbox as the vendor."""

from credentials.conftest import near, sandbox
from databases import database

__all__ = ["database", "near", "sandbox"]
