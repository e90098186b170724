"""`python -m stationmaster` is the `stationmaster` command."""

from stationmaster.cli import main

if __name__ == "__main__":
    main()
