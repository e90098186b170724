"""The simulated vendors, for the demo. Options: `port`."""

from stationmaster.cli.planes.begin import Options, run
from stationmaster.running.leash import Leash


def main(leash: Leash, options: Options) -> int:
    """Serve on loopback until told to end."""
    from stationmaster.sandbox.server import run as serve

    serve("127.0.0.1", options["port"], lambda _: leash.tell("ready"))
    return 0


if __name__ == "__main__":
    run(main)
