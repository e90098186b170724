"""Workspaces on pages: their list, attaching one, what its vendor lists, its policy."""
