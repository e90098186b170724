"""The rooms' rules, taken from settings. Owns: which rooms there are that ask for some."""

from collections.abc import Callable

from stationmaster.alerts import policy as alerts
from stationmaster.backup import policy as backups
from stationmaster.bills import policy as bills
from stationmaster.credentials import policy as rotation
from stationmaster.credentials.sources import policy as sources
from stationmaster.mail import policy as mail
from stationmaster.operators import policy as login
from stationmaster.people import limits
from stationmaster.settings import Settings
from stationmaster.workspaces import policy as seats


def use(settings: Callable[[], Settings]) -> None:
    """Have every room go by what `settings` answers, each time it asks."""
    alerts.use(lambda: alerts.policy_of(settings()))
    backups.use(lambda: backups.policy_of(settings()))
    bills.use(lambda: bills.policy_of(settings()))
    login.use(lambda: login.policy_of(settings()))
    rotation.use(lambda: rotation.policy_of(settings()))
    sources.use(lambda: sources.policy_of(settings()))
    mail.use(lambda: mail.policy_of(settings()))
    seats.use(lambda: seats.policy_of(settings()))
    limits.limits.use(lambda: seats.policy_of(settings()).removals)
