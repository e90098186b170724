"""Imported by the workers that these tests start."""

from work import workerside

workerside.use()
