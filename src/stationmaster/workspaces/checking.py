"""What somebody wants to attach, checked. Owns: the rules of a workspace's fields, by vendor."""

from stationmaster.gateway.config import build
from stationmaster.gateway.config.report import Placed
from stationmaster.gateway.config.secret import SecretError, check_use, resolve
from stationmaster.gateway.config.tables import CredentialTable
from stationmaster.store.given import AROUND, Given, Rows, read, text
from stationmaster.vendors.registry import VENDORS, vendor
from stationmaster.workspaces import addresses
from stationmaster.workspaces.tables import WorkspaceTable, check_vendor


def checked(given: Given) -> WorkspaceTable:
    """The fields. Raises `Invalid`."""
    report = Rows("workspace")
    fields = {name: given[name] for name in given if name != "disabled_reason" and given[name] != []}
    row = read("workspace", WorkspaceTable, fields, report)
    check_vendor(row, report)
    build.check_base_url(CredentialTable(vendor=row.table.vendor, base_url=row.table.base_url,
                                         allow_insecure_http=row.table.allow_insecure_http), row.place, report)  # fmt: skip
    _check_secret(row, report)
    addresses.check_url(row.table.base_url, report, allow_insecure_http=row.table.allow_insecure_http)
    text(given, "disabled_reason", report)
    report.refuse()
    return row.table


def _check_secret(row: Placed[WorkspaceTable], report: Rows) -> None:
    """An admin key is what is wanted here, where the vendor has an interface; a browser session or OAuth token is refused as
    everywhere."""
    at = (*row.place, "secret")
    if not row.table.secret:
        if (row.table.vendor not in VENDORS or vendor(row.table.vendor).needs_secret) and not _reported(report, "secret"):
            report.add("error.config.missing_key", at, "missing key")
        return
    try:
        check_use(resolve(row.table.secret, AROUND), row.table.vendor)
    except SecretError as error:
        if error.code != "error.credential.admin_key":
            report.add(error.code, at, error.message, error.hint)


def _reported(report: Rows, field: str) -> bool:
    return any(problem.key.endswith(f".{field}") for problem in report.problems())
