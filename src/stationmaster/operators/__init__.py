"""Operators: who uses the console and the API, with a role."""
