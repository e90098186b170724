"""What joins a gateway to its control plane: configurations come in, events go out (docs/reference/joining.md).

Runs in the supervisor, in a thread of its own; no worker loads it, and no request waits for it.
"""
