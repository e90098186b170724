"""The command line, one file a noun. Parses, calls one function, prints; decides nothing.

Exit codes: 0 done, 1 failed, 2 asked for wrongly (options, or a config file that cannot be served from).
"""

import sys

from stationmaster.errors import StationmasterError


def main() -> None:
    """Run the `stationmaster` command; expected errors end in two lines on stderr, never in a traceback."""
    from stationmaster.cli.app import app  # here: a gateway worker that unpickles us loads no typer
    from stationmaster.cli.talk import exit_code, say_error

    try:
        app(prog_name="stationmaster")
    except StationmasterError as error:
        say_error(error)
        sys.exit(exit_code(error))
