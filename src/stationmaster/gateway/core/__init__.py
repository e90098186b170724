"""Decisions as values: bytes and facts in, values out. No sockets, no clock, no chance, no files."""
