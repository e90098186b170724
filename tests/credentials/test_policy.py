"""A rotation goes by what an operator set."""

from datetime import timedelta
from pathlib import Path

from stationmaster.credentials.policy import RotationPolicy, policy_of
from stationmaster.settings import Settings, load


def test_as_it_is_without_settings() -> None:
    """Whoever sets nothing gets what a process without settings goes by."""
    assert policy_of(Settings()) == RotationPolicy()


def test_every_setting_is_obeyed(tmp_path: Path) -> None:
    """Each key of the section reaches the rules, in its unit."""
    keys = {"SHARES": "25,100", "HOLD_SECONDS": "1.5", "DRAIN_SECONDS": "60", "PROBING_SECONDS": "5", "ABSENT_HOURS": "2",
            "COPIED_HOURS": "0.5"}  # fmt: skip
    found = policy_of(load(environ={f"STATIONMASTER__ROTATION__{key}": value for key, value in keys.items()}, folder=tmp_path))
    assert found == RotationPolicy(
        (25, 100), hold=timedelta(seconds=1.5), drain=timedelta(minutes=1), probing=timedelta(seconds=5),
        absent=timedelta(hours=2), copied=timedelta(minutes=30),
    )  # fmt: skip
