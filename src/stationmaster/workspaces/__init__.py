"""Workspaces: the organisations that the company owns at vendors, and the private addresses that URLs may name."""
