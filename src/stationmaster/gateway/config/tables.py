"""The file format: every table, key, type and range of `gateway.toml`. Owns the format, reads nothing.

A key is required when its type is marked NEED. Required keys have a default that a file cannot hold, so
that later checks can tell "missing, and already reported" from "given". Lists are never empty.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from stationmaster.gateway.core.snapshot import MIB, Settings

NEED = {"need": True}

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}\Z"
_ID = "a name of up to 128 letters, digits and . _ : @ / -, beginning with a letter or digit"
_DAY = 86_400
_TIME = "a number of seconds from"

Flag = Annotated[bool, Meta(description="true or false")]
Id = Annotated[str, Meta(pattern=ID_PATTERN, description=_ID, extra=NEED)]
OptionalId = Annotated[str, Meta(pattern=ID_PATTERN, description=_ID)]
Text = Annotated[str, Meta(min_length=1, max_length=4096, description="a string that is not empty")]
NeededText = Annotated[Text, Meta(extra=NEED)]
Patterns = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=256)]],
    Meta(description="a list of one or more strings"),
]
Wait = Annotated[float, Meta(ge=0.1, le=_DAY, description=f"{_TIME} 0.1 to {_DAY}")]
WaitOrNone = Annotated[float, Meta(ge=0, le=_DAY, description=f"{_TIME} 0 to {_DAY}")]
Mebibytes = Annotated[int, Meta(ge=1, le=1_048_576, description="a whole number of MiB from 1 to 1048576")]


def _number(low: int, high: int) -> Meta:
    return Meta(ge=low, le=high, description=f"a whole number from {low} to {high}")


Limit = Annotated[int, _number(0, 1_000_000_000)]
Names = Annotated[list[Text], Meta(description="a list of one or more ids")]
Dollars = Annotated[float, Meta(ge=0, le=1e9, description="a number of dollars from 0 to 1e9")]
Moment = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?\Z",
         description='a date "2027-01-31" or a time "2027-01-31T18:00:00Z"'),
]


class GatewayTable(msgspec.Struct, frozen=True):
    """`[gateway]`: where it listens, and its limits. Left-out keys take the values of `Settings`."""

    host: Text = ""
    port: Annotated[int, _number(1, 65_535)] = 0
    workers: Annotated[int, _number(1, 64)] = 0
    default_pool: OptionalId = ""
    ca_bundle: Text = ""
    tls_certificate: Text = ""
    tls_key: Text = ""
    drain_seconds: WaitOrNone = -1
    drain_after_disconnect_seconds: WaitOrNone = -1
    connect_timeout_seconds: Wait = -1
    head_timeout_seconds: Wait = -1
    body_timeout_seconds: Wait = -1
    keepalive_timeout_seconds: Wait = -1
    answer_timeout_seconds: Wait = -1
    idle_timeout_seconds: Wait = -1
    keepalive_comment_seconds: WaitOrNone = -1
    max_body_mib: Mebibytes = -1
    body_budget_mib: Mebibytes = -1
    max_connections: Annotated[int, _number(0, 10_000_000)] = -1
    models_refresh_seconds: Wait = -1
    error_threshold: Annotated[int, _number(1, 1000)] = -1
    health_check_enabled: Flag = True
    health_check_interval_seconds: Wait = -1
    metrics_host: Text = ""
    metrics_port: Annotated[int, _number(0, 65_535)] = -1
    state_file: Text = ""


class CredentialTable(msgspec.Struct, frozen=True):
    """`[[credential]]`: a secret that a vendor issued for API use."""

    id: Id = ""
    vendor: NeededText = ""
    base_url: Text = ""
    secret: NeededText = ""
    organisation: Text = ""
    disabled: Flag = False
    prices: Annotated[
        dict[str, dict[str, float]], Meta(description="an inline table: model = { input = …, output = … } in dollars")
    ] = {}
    allow_insecure_http: Flag = False

    def __repr__(self) -> str:
        return f"CredentialTable({self.id!r}, secret=…)"


class MemberTable(msgspec.Struct, frozen=True):
    """One entry of a pool's `members`."""

    credential: NeededText = ""
    weight: Annotated[int, _number(1, 1_000_000)] = 1
    priority: Annotated[int, _number(0, 1_000_000)] = 0
    max_concurrency: Limit = 0
    rpm: Limit = 0
    tpm: Limit = 0
    models: Patterns = msgspec.field(default_factory=lambda: ["*"])


class PoolTable(msgspec.Struct, frozen=True):
    """`[[pool]]`: credentials that stand in for each other."""

    id: Id = ""
    members: Annotated[list[MemberTable], Meta(description="a list of one or more inline tables", extra=NEED)] = []


class RouteTable(msgspec.Struct, frozen=True):
    """`[[route]]`: which models go to which pool."""

    models: Annotated[Patterns, Meta(extra=NEED)] = []
    pool: NeededText = ""
    aliases: Annotated[
        dict[str, str], Meta(description="an inline table of strings: what the client says = what is sent")
    ] = {}
    fallback: Names = []


class BudgetTable(msgspec.Struct, frozen=True):
    """A key's `budget`: what it may spend, in US dollars."""

    day_usd: Dollars = 0.0
    month_usd: Dollars = 0.0
    total_usd: Dollars = 0.0


class KeyTable(msgspec.Struct, frozen=True):
    """`[[key]]`: what an application presents, known only by its hash."""

    id: Id = ""
    owner: Text = ""
    tenant: Text = ""
    secret_sha256: NeededText = ""
    models: Patterns = msgspec.field(default_factory=lambda: ["*"])
    pools: Names = []
    rpm: Limit = 0
    tpm: Limit = 0
    max_concurrency: Limit = 0
    expires: Moment = ""
    budget: Annotated[BudgetTable, Meta(description="an inline table")] = BudgetTable()
    shared_resources: Flag = False


TABLES: Mapping[str, type[msgspec.Struct]] = {
    "gateway": GatewayTable,
    "credential": CredentialTable,
    "pool": PoolTable,
    "route": RouteTable,
    "key": KeyTable,
}

_RENAMED = {"max_body_mib": ("max_body_bytes", MIB), "body_budget_mib": ("body_budget_bytes", MIB)}


def setting_of(key: str) -> tuple[str, int]:
    """Return the `Settings` field that a `[gateway]` key sets, and what one unit of it is worth."""
    fields = Settings.__struct_fields__
    return _RENAMED.get(key) or (key if key in fields else key.removesuffix("_seconds"), 1)
