"""`GET /metrics` of the control plane, for Prometheus: what this process answered, and how the whole stands. Numbers alone: no
person, key or secret, and no label that somebody outside could make more of. The gateways have a page of their own.
"""
