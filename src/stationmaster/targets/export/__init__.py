"""Credentials as files for gateways that take no calls: Kong (decK) and Envoy AI Gateway. Secrets stand in them as references.

Pure: from values to text. It is never given a secret.
"""

from stationmaster.targets.export.envoy import envoy
from stationmaster.targets.export.kong import kong
from stationmaster.targets.export.values import Export, Exported, LeftOut, Reference

__all__ = ["Export", "Exported", "LeftOut", "Reference", "envoy", "kong"]
