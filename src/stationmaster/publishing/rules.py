"""The rules of a target's own fields, by kind: the same of what is stored here and of a file. May not know rows."""

import re
from typing import Final

from stationmaster.gateway.config.addresses import fault_in_base_url
from stationmaster.gateway.config.problems import did_you_mean, quoted
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import SecretError, check_use
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.publishing.tables import TargetTable
from stationmaster.targets.registry import KINDS

_APART: Final = re.compile(r"[\s\"'`,;:=()\[\]{}<>]+")


def needs_secret(kind: str, *, disabled: bool) -> bool:
    """Whether a target has to have its secret: a disabled one waits until somebody brings it. A kind that there is not counts as
    one that has."""
    return not disabled and not (kind in KINDS and KINDS[kind].optional)


def check_address(row: Placed[TargetTable], report: Report) -> None:
    """Report an address that is none, or that nothing may be sent to in clear text."""
    table = row.table
    fault = fault_in_base_url(table.base_url, allow_insecure_http=table.allow_insecure_http) if table.base_url else None
    if fault:
        report.add("error.config.bad_url", (*row.place, "base_url"), *fault)


def check_kind(row: Placed[TargetTable], report: Report) -> None:
    """Report a kind that there is not, and a user where it takes none, or the other way round."""
    table = row.table
    if table.kind not in KINDS:
        if table.kind:
            hint = did_you_mean(table.kind, KINDS) or f"the kinds are {', '.join(KINDS)}"
            report.add("error.target.unknown_kind", (*row.place, "kind"), f"unknown kind {quoted(table.kind)}", hint)
        return
    kind = KINDS[table.kind]
    needs_user = kind.credential != "key"
    if needs_user and not table.user and needs_secret(table.kind, disabled=table.disabled):
        report.add("error.config.missing_key", (*row.place, "user"), "missing key", f"{kind.title} is managed by a user")
    if not needs_user and table.user:
        report.add("error.config.bad_value", (*row.place, "user"), f"{kind.title} takes a key and no user")
    if kind.credential == "key_user_id" and table.user and not table.user.isdecimal():
        report.add("error.config.bad_value", (*row.place, "user"), "is the number of the user that the key belongs to")


def check_secret(row: Placed[TargetTable], report: Report) -> None:
    """Report a secret that is missing, or no target's: each kind takes its own form of admin credential, and no form of what
    people log in to a vendor's website with. Any words may be a password; what is known to be a consumer's session is refused
    here as everywhere, whatever stands around it."""
    table = row.table
    if not table.secret and table.kind in KINDS and needs_secret(table.kind, disabled=table.disabled):
        report.add("error.config.missing_key", (*row.place, "secret"), "missing key")
    odd = next((each for each in _parts(table.secret) if shape_of(each).use == "consumer"), None)
    if odd is None:
        return
    try:
        check_use(odd, "openai_compatible")
    except SecretError as error:
        report.add(error.code, (*row.place, "secret"), error.message, error.hint)


def _parts(secret: str) -> list[str]:
    """All of it, each of its words, and those without what quotes or names them."""
    return [secret, *secret.split(), *_APART.split(secret)]
