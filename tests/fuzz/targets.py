"""Every fuzz target by its name: what takes the bytes, and what is measured while it runs."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

CORPUS = Path(__file__).parent / "corpus"


class Target(NamedTuple):
    """One target: the function that takes bytes, as `module:name`, the largest input, and the name of what prepares it."""

    function: str
    size: int = 4096
    prepared: str = ""

    def load(self) -> Callable[[bytes], None]:
        """The function."""
        module, _, name = self.function.partition(":")
        loaded: Callable[[bytes], None] = getattr(import_module(f"fuzz.{module}"), name)
        return loaded

    def prepare(self) -> AbstractContextManager[None]:
        """What has to be there while it runs."""
        if not self.prepared:
            return contextlib.nullcontext()
        made: AbstractContextManager[None] = getattr(import_module(f"fuzz.{self.function.partition(':')[0]}"), self.prepared)()
        return made


TARGETS: dict[str, Target] = {
    "head": Target("http:head"),
    "answer": Target("http:answer"),
    "chunks": Target("http:chunks", 1024),
    "forms": Target("http:forms"),
    "sse": Target("streams:sse", 1024),
    "frames": Target("streams:frames", 1024),
    "usage": Target("streams:usage"),
    "scim": Target("scim:filters", 200, "prepared"),
    "people": Target("tables:people"),
    "exported": Target("tables:exported", 400),
    "roster": Target("tables:roster"),
    "url": Target("addresses:url", 200),
}


def kept(name: str) -> list[Path]:
    """The inputs that are kept for a target."""
    return sorted((CORPUS / name).glob("*.bin"))


if __name__ == "__main__":
    print(*TARGETS)
