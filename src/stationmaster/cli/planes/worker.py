"""The worker beside a control plane. Options: `flags` and `config`, as the control plane has them."""

import os
from pathlib import Path

from stationmaster.cli.planes.begin import Options, run
from stationmaster.running.leash import Leash

PATIENCE = 30.0      # seconds for one that was killed: it finishes what it does


def main(leash: Leash, options: Options) -> int:
    """Run jobs until told to end."""
    from stationmaster import settings
    from stationmaster.cli.worker import serve

    flags = {name: settings.Flag(*flag) for name, flag in options["flags"].items()}
    file = Path(options["config"]) if options["config"] else None
    given = settings.load(flags=flags, environ=os.environ, folder=Path.cwd(), file=file)
    return serve(given, lambda: leash.tell("ready"), PATIENCE)


if __name__ == "__main__":
    run(main)
