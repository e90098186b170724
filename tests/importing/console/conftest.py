"""Browsers, as for all pages."""

from console.conftest import _clean_process, database

__all__ = ["_clean_process", "database"]
