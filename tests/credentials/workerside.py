"""What a worker of these tests knows besides: rotations that take a second, with time enough in each step to be killed in it."""

import os
from datetime import timedelta

from stationmaster.credentials import policy
from stationmaster.credentials.policy import RotationPolicy

_STEP = timedelta(seconds=float(os.environ.get("STATIONMASTER_TEST_STEP", "0.4")))
policy.use(lambda: RotationPolicy(
    shares=(50, 100), hold=_STEP, drain=_STEP, probing=timedelta(seconds=20), connected=timedelta(minutes=1),
    absent=timedelta(minutes=1), look=0.05, swept=timedelta(minutes=1),
))  # fmt: skip
