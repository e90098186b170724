"""Durable jobs: rows that are the truth, engines that only run them, kinds that other apps register
(docs/decisions/0014-jobs.md).

May not know any kind, any vendor or any workspace.
"""
