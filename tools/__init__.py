"""Chores of the project itself, run by make."""

import argparse


def takes_no_words(about: str | None) -> None:
    """Answer `--help` by what a chore is about, and refuse anything else with exit code 2, before it does anything."""
    argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
