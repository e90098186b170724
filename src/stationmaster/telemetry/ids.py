"""Ids of traces and spans by chance, without a word to the kernel: `os.urandom` lets go of the interpreter each time, so that a
thread that makes spans and a loop that serves would take turns at it for every request.
"""

import random


def random_hex(size: int) -> str:
    """So many random bytes as hex digits, from a generator that each process seeds anew. Ids are no secrets."""
    return f"{random.getrandbits(8 * size):0{2 * size}x}"
