"""Credentials in other people's gateways: which targets there are, what is published where, and keeping the copies in line.

Stands above credentials and pools, which know nothing of it: it listens to them. May not know HTTP, nor any target by its kind
(`stationmaster.targets` does).
"""
