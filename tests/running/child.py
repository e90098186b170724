"""A plane for tests: `python -m child OPTIONS`; the options say how it behaves."""

import json
import signal
import sys
import time
from pathlib import Path

from stationmaster.running.leash import Leash

if __name__ == "__main__":
    leash = Leash()
    options = json.loads(sys.argv[1])
    notes = Path(options["notes"])

    def note(text: str) -> None:
        """Write down what befell."""
        with notes.open("a") as file:
            file.write(f"{options['name']} {text}\n")

    def stop(number: int, _: object) -> None:
        """End, sooner or later."""
        note(f"signal {number}")
        if number != signal.SIGHUP:
            time.sleep(options.get("linger", 0))
            note("ended")
            sys.exit(0)

    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    note("started")
    if options.get("broken"):
        sys.exit(3)
    leash.tell("hello", name=options["name"])
    leash.tell("ready")
    while True:
        time.sleep(0.05)
