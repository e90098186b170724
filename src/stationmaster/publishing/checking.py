"""What somebody wants to attach, checked. Owns: that the rules of its fields hold, and that its address is allowed here."""

from stationmaster.publishing import rules
from stationmaster.publishing.tables import TargetTable
from stationmaster.store.given import Given, Rows, read, text
from stationmaster.workspaces import addresses


def checked(given: Given) -> TargetTable:
    """The fields. Raises `Invalid`."""
    report = Rows("target")
    fields = {name: value for name, value in given.items() if name != "disabled_reason" and value != []}
    row = read("target", TargetTable, fields, report)
    rules.check_address(row, report)
    addresses.check_url(row.table.base_url, report, allow_insecure_http=row.table.allow_insecure_http)
    rules.check_kind(row, report)
    rules.check_secret(row, report)
    text(given, "disabled_reason", report)
    report.refuse()
    return row.table
