"""Chores of the project itself, run by make."""
