"""The gateway beside a control plane. Options: `url` of its door, `token_file`, `data` (the gateway's own folder), `name`,
`settings` that are not the control plane's to say, such as ports that a flag gave.
"""

import os
from pathlib import Path

from stationmaster.cli.planes.begin import Options, run
from stationmaster.cli.valkey import valkey_url
from stationmaster.running.leash import Leash

PATIENCE = 15.0      # seconds: it begins before the control plane, and need not say that nobody answers yet


def main(_: Leash, options: Options) -> int:
    """Serve until told to end."""
    from stationmaster.gateway.link import join

    return join.run(join.Joining(
        options["url"], Path(options["token_file"]), Path(options["data"]), options["name"], settings=dict(options["settings"]),
        patience=PATIENCE, valkey=valkey_url(os.environ),
    ))


if __name__ == "__main__":
    run(main)
