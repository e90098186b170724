"""Fuzz one target for some seconds, guided by coverage where atheris is installed, by chance where it is not.

    PYTHONPATH=tests python -m fuzz.run TARGET SECONDS

What breaks a promise is written into the target's corpus as `crash-….bin`, where every run of the tests meets it again; exit
code 1 says so. What was merely found on the way is kept in `.cache/fuzz/TARGET` for the next time.
"""

import contextlib
import hashlib
import random
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from fuzz.targets import CORPUS, TARGETS, kept

atheris: Any = None
with contextlib.suppress(ImportError):
    atheris = import_module("atheris")

_BITS = (b"\r", b"\n", b"\r\n", b"\0", b'"', b":", b";", b",", b"{", b"[", b"-", b"0", b"9" * 30)
FOUND = Path(__file__).parents[2] / ".cache" / "fuzz"


def main(name: str, seconds: int) -> int:
    """Run it; the exit code."""
    target = TARGETS[name]
    if atheris is None:
        take = target.load()
    else:
        with atheris.instrument_imports(include=["stationmaster"]):
            take = target.load()
    with target.prepare():
        return _guided(name, take, target.size, seconds) if atheris else _by_chance(name, take, target.size, seconds)


def _keeping(name: str, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def watched(data: bytes) -> None:
        try:
            take(data)
        except BaseException:
            crash = CORPUS / name / f"crash-{hashlib.sha256(data).hexdigest()[:12]}.bin"
            crash.write_bytes(data)
            print(f"a broken promise: {crash}", file=sys.stderr)
            raise

    return watched


def _guided(name: str, take: Callable[[bytes], None], size: int, seconds: int) -> int:
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={size}", "-timeout=20", "-print_final_stats=1", "-verbosity=0",
               f"-artifact_prefix={found}/"]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(found), str(CORPUS / name)], _keeping(name, take))
    atheris.Fuzz()      # which ends the process
    return 0


def _by_chance(name: str, take: Callable[[bytes], None], size: int, seconds: int) -> int:
    seed = int(time.time())
    chance, seeds, tried = random.Random(seed), [each.read_bytes() for each in kept(name)], 0
    watched, until = _keeping(name, take), time.monotonic() + seconds
    while time.monotonic() < until:
        watched(changed(chance, seeds)[:size])
        tried += 1
    print(f"{name}: {tried} inputs of seed {seed}")
    return 0


def changed(chance: random.Random, seeds: list[bytes]) -> bytes:
    """One of `seeds`, changed in one to eight places."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(5)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del data[at : at + chance.randint(1, 8)]
        elif kind == 2:
            data[at:at] = data[chance.randrange(len(data) + 1) :][: chance.randint(1, 16)]
        elif kind == 3:
            data[at:at] = chance.choice(_BITS)
        else:
            other = chance.choice(seeds)
            data[at:] = other[chance.randrange(len(other) + 1) :]
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
