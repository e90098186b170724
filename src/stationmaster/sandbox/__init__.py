"""Simulated vendors for the demo, the docs and the tests. Only the command line and tests import it."""
