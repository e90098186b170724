"""Routing: pools of credentials, routes of models to pools, and the virtual keys that applications present."""
