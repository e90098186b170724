"""What `doctor` says of backups that are made by themselves. Owns: when one is too old."""

from datetime import datetime, timedelta

from stationmaster.backup import shelf
from stationmaster.backup.policy import BackupPolicy
from stationmaster.diagnosis.finding import Finding, fine, warning
from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr

_LATE = 2                       # times the time from one to the next
_SKEW = timedelta(minutes=5)    # a file whose name says a later time than that says nothing of how old the last backup is


def check(rules: BackupPolicy, now: datetime) -> Finding:
    """Whether the last is as young as it should be."""
    if rules.folder is None:
        return fine("backups", tr("no backups are made by themselves: backup.folder is not set"))
    try:
        found = [each for each in shelf.kept(rules.folder) if each.at <= now + _SKEW]
    except StationmasterError as error:
        return warning("backups", error.message, error.hint)
    fix = tr("look at the last job that makes a backup: stationmaster job list")
    if not found:
        return warning("backups", tr("there is no backup in {folder} yet", folder=rules.folder), fix)
    hours = int((now - found[0].at).total_seconds() // 3600)
    what = tr("the last backup is {hours} h old: {file}", hours=hours, file=found[0].file)
    return warning("backups", what, fix) if now - found[0].at > _LATE * rules.every else fine("backups", what)
