"""Alerts: people and programs are told when something crosses a line, and again when it is over.

What crosses is decided from values (`crossing`), signed as values (`signing`); what was told is rows, how it goes out is jobs.
"""
