"""The gateways' door: snapshots by long poll, events, hellos. Not for people, and not under /api."""
