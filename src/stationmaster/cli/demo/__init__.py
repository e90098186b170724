"""`stationmaster demo`: both planes over simulated vendors, with everything of them marked as the demo's.

Owns what the demo is made of, how it is attached and taken away, and its one call.
"""
