"""`stationmaster demo`: sandbox and gateway on this machine, and one answer streamed through them."""

from stationmaster.cli.demo.command import demo

__all__ = ["demo"]
