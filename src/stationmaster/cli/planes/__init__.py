"""What runs in the processes that `stationmaster up` starts: `python -m stationmaster.cli.planes.NAME OPTIONS`.

OPTIONS is a JSON object. Nothing is loaded here but what each of them serves with.
"""
