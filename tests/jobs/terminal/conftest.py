"""The command line at either desk, over SQLite."""

from cli.nouns.conftest import cli, database, here, there, wire

__all__ = ["cli", "database", "here", "there", "wire"]
