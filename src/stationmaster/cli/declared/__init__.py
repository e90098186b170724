"""Routing objects as a file: `stationmaster export` writes it, `stationmaster apply` makes the control plane like it.

The format is gateway.toml's with four differences: workspaces and targets are in it, a credential may have a source, keys need no
hash, and a secret may be one that is stored already (`stored:NAME`). Data goes one way: file → `reading` → `plan`, beside what
is held (`document`) → `showing`, `carrying`. Only `carrying` changes anything.
"""
