"""The command line at either desk, as for all nouns."""

from cli.nouns.conftest import cli, database, here, there, wire

__all__ = ["cli", "database", "here", "there", "wire"]
