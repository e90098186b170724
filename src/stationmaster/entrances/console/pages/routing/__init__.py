"""Routing on pages: pools of credentials, routes of models to pools, virtual keys of applications."""
