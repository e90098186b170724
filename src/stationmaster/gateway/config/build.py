"""One table → one value of the snapshot. Owns: defaults, and checks that concern one table alone.

Values that are missing or wrong were reported by `shape`; here they are skipped, not reported again.
"""

import re
from datetime import UTC, datetime
from typing import get_args

import msgspec

from stationmaster.gateway.config.addresses import fault_in_base_url, is_consumer_site, is_host
from stationmaster.gateway.config.prices import override
from stationmaster.gateway.config.problems import Place, did_you_mean, quoted, shown
from stationmaster.gateway.config.report import Placed, Report
from stationmaster.gateway.config.secret import SecretError, Surroundings, check_use, resolve
from stationmaster.gateway.config.tables import (
    CredentialTable,
    GatewayTable,
    KeyTable,
    MemberTable,
    PoolTable,
    RouteTable,
    setting_of,
)
from stationmaster.gateway.core.clouds import fault_in
from stationmaster.gateway.core.prices import ModelPrice
from stationmaster.gateway.core.snapshot import (
    MIB,
    Budget,
    Credential,
    Member,
    Pool,
    Route,
    Settings,
    Vendor,
    VirtualKey,
)

VENDORS: tuple[Vendor, ...] = get_args(Vendor)
_WITHOUT_OWN_ADDRESS = {"azure_openai", "openai_compatible", "bedrock", "vertex"}
NANODOLLARS = 1_000_000_000
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def settings(table: GatewayTable, around: Surroundings, report: Report) -> Settings:
    """Turn `[gateway]` into settings: seconds stay, MiB become bytes, paths become absolute."""
    for key, host in (("host", table.host), ("metrics_host", table.metrics_host)):
        if host and not is_host(host):
            message = "expected an IP address or host name, without a port"
            report.add("error.config.bad_value", ("gateway", key), message)
    given = {}
    for field in msgspec.structs.fields(GatewayTable):
        value = getattr(table, field.encode_name)
        if value != field.default:
            name, unit = setting_of(field.name)
            given[name] = value * unit if unit > 1 else value
    if table.state_file:
        given["state_file"] = _state_file(table.state_file, around, report)
    if table.ca_bundle:
        given["ca_bundle"] = _ca_bundle(table.ca_bundle, around, report)
    given |= _tls(table, around, report)
    values = Settings(**given)
    _check_budget(values, table, report)
    _check_ports(values, table, report)
    return values


def credential(row: Placed[CredentialTable], around: Surroundings, report: Report) -> Credential:
    """Turn a `[[credential]]` into a value with its secret in it."""
    table = row.table
    check_base_url(table, row.place, report)
    secret = _secret(table, row.place, around, report)
    if secret:
        check_cloud(table, secret, row.place, report)
    return Credential(
        id=table.id,
        vendor=vendor(table.vendor, row.place, report),
        secret=secret,
        base_url=table.base_url.rstrip("/"),
        organisation=table.organisation,
        disabled=table.disabled,
        prices=_prices(table, row.place, report),
    )


def _prices(table: CredentialTable, place: Place, report: Report) -> tuple[ModelPrice, ...]:
    try:
        return override(table.prices)
    except ValueError as error:
        report.add("error.config.bad_value", (*place, "prices"), str(error))
        return ()


def pool(table: PoolTable) -> Pool:
    """Turn a `[[pool]]` into a value."""
    return Pool(table.id, tuple(_member(member) for member in table.members))


def _member(table: MemberTable) -> Member:
    return Member(
        credential=table.credential,
        weight=table.weight,
        priority=table.priority,
        max_concurrency=table.max_concurrency,
        rpm=table.rpm,
        tpm=table.tpm,
        models=tuple(table.models),
    )


def route(table: RouteTable) -> Route:
    """Turn a `[[route]]` into a value."""
    return Route(tuple(table.models), table.pool, dict(table.aliases), tuple(table.fallback))


def key(row: Placed[KeyTable], report: Report) -> VirtualKey:
    """Turn a `[[key]]` into a value; its tenant is itself when none is given."""
    table = row.table
    if table.secret_sha256 and not _SHA256.fullmatch(table.secret_sha256):
        message = "expected a SHA-256 in 64 hex digits"
        hint = "the hash goes here, not the key: `stationmaster key new` prints both"
        report.add("error.config.bad_value", (*row.place, "secret_sha256"), message, hint)
    return VirtualKey(
        id=table.id,
        secret_sha256=table.secret_sha256.lower(),
        owner=table.owner,
        tenant=table.tenant or table.id,
        models=tuple(table.models),
        pools=tuple(table.pools),
        rpm=table.rpm,
        tpm=table.tpm,
        max_concurrency=table.max_concurrency,
        expires=_moment(table.expires, (*row.place, "expires"), report),
        budget=Budget(*(round(usd * NANODOLLARS) for usd in msgspec.structs.astuple(table.budget))),
        shared_resources=table.shared_resources,
    )


def _moment(text: str, place: Place, report: Report) -> float:
    """Seconds since the epoch. A date alone is its beginning in UTC."""
    if not text:
        return 0.0
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        report.add("error.config.bad_value", place, "there is no such date or time")
        return 0.0


def _check_budget(values: Settings, table: GatewayTable, report: Report) -> None:
    one, all_ = values.max_body_bytes // MIB, values.body_budget_bytes // MIB
    if one > all_:
        key = "max_body_mib" if table.max_body_mib > 0 else "body_budget_mib"
        message = f"one body may hold more ({one} MiB) than all bodies together ({all_} MiB)"
        report.add("error.config.bad_value", ("gateway", key), message)


def _check_ports(values: Settings, table: GatewayTable, report: Report) -> None:
    if values.port == values.metrics_port:
        key = "port" if table.metrics_port < 0 else "metrics_port"
        message = f"the gateway and its metrics cannot both listen on {values.port}"
        report.add("error.config.bad_value", ("gateway", key), message, "metrics_port is another, or 0 for no metrics")


def _state_file(path: str, around: Surroundings, report: Report) -> str:
    whole = around.folder / path
    try:
        if not around.is_folder(whole.parent):
            message = f"the folder of {shown(path)} does not exist"
            report.add("error.config.unreadable", ("gateway", "state_file"), message, "make it first")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        report.add("error.config.unreadable", ("gateway", "state_file"), f"cannot use {shown(path)}: {why}")
    return str(whole)


def _tls(table: GatewayTable, around: Surroundings, report: Report) -> dict[str, str]:
    """Certificate and key, both or none. Whether they can be used is looked at when they are."""
    given = {"tls_certificate": table.tls_certificate, "tls_key": table.tls_key}
    if bool(table.tls_certificate) != bool(table.tls_key):
        key = "tls_certificate" if table.tls_certificate else "tls_key"
        report.add("error.config.bad_value", ("gateway", key), "tls_certificate and tls_key belong together")
    return {name: str(around.folder / path) for name, path in given.items() if path}


def _ca_bundle(path: str, around: Surroundings, report: Report) -> str:
    place: Place = ("gateway", "ca_bundle")
    try:
        if b"-----BEGIN CERTIFICATE-----" not in around.read_file(around.folder / path):
            report.add("error.config.bad_value", place, f"{shown(path)} holds no PEM certificate")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a path"
        report.add("error.config.unreadable", place, f"cannot read {shown(path)}: {why}")
    return str(around.folder / path)


def vendor(name: str, place: Place, report: Report) -> Vendor:
    """Read a vendor's name; one that is unknown is reported."""
    for known in VENDORS:
        if name == known:
            return known
    if name:
        hint = did_you_mean(name, VENDORS) or f"the vendors are {', '.join(VENDORS)}"
        report.add("error.config.bad_value", (*place, "vendor"), f"unknown vendor {quoted(name)}", hint)
    return VENDORS[0]


def check_base_url(table: CredentialTable, place: Place, report: Report) -> None:
    """Report a `base_url` that is missing, or that no credential is sent to."""
    at = (*place, "base_url")
    if not table.base_url:
        if table.vendor in _WITHOUT_OWN_ADDRESS:
            message = f"missing key: {table.vendor} has no address of its own"
            report.add("error.config.missing_key", at, message)
        return
    fault = fault_in_base_url(table.base_url, allow_insecure_http=table.allow_insecure_http)
    if fault:
        report.add("error.config.address", at, *fault)
    elif is_consumer_site(table.base_url):
        message = "the back-end of a vendor's own website, which is not an API"
        report.add("error.credential.not_for_api_use", at, message, "use the vendor's API address")


def check_cloud(table: CredentialTable, secret: str, place: Place, report: Report) -> None:
    """Report what keeps a cloud's credential from being used: keys of another shape, no region, no project."""
    fault = fault_in(table.vendor, secret, table.base_url)
    if fault:
        where, message, hint = fault
        code = "error.config.secret" if where == "secret" else "error.config.bad_value"
        report.add(code, (*place, where), message, hint)


def _secret(table: CredentialTable, place: Place, around: Surroundings, report: Report) -> str:
    if not table.secret:
        return ""
    try:
        secret = resolve(table.secret, around)
        check_use(secret, table.vendor)
    except SecretError as error:
        report.add(error.code, (*place, "secret"), error.message, error.hint)
        return ""
    return secret
