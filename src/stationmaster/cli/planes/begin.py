"""How each of these processes begins: the line to whoever started it, its options, errors in two lines."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from stationmaster.errors import StationmasterError
from stationmaster.running.leash import Leash

Options = Mapping[str, Any]


def run(main: Callable[[Leash, Options], int]) -> None:
    """Run `main` and end the process with its exit code, or with that of an expected error."""
    leash = Leash()
    os.umask(0o077)      # what is written is its owner's alone
    try:
        sys.exit(main(leash, json.loads(sys.argv[1])))
    except StationmasterError as error:
        from stationmaster.cli.talk import exit_code, say_error  # here: it is rarely needed

        say_error(error)
        sys.exit(exit_code(error))
