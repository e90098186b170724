"""Every setting there is, its type, default and meaning. Owns the names; reads nothing.

A key of `stationmaster.toml` is a field here, `[section]` is a class. docs/reference/settings.md is made from this.
`[gateway]` has the keys, bounds and defaults of gateway.toml's.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from stationmaster.gateway.config.tables import setting_of
from stationmaster.gateway.core import snapshot
from stationmaster.settings.marks import (
    Collector,
    DatabaseURL,
    Domains,
    Folder,
    Format,
    Host,
    Language,
    Level,
    MailAddress,
    MailLanguage,
    Name,
    PrivateTargets,
    Secret,
    Shares,
    Takes,
    Tls,
    ValkeyURL,
    WebAddress,
    setting,
)

_DAY = 86_400
_NONE = SecretStr("")
START, RESTART, NOW = Takes


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


class Data(Section):
    """Where things are kept on this machine."""

    dir: Folder = setting(
        Path("~/.local/share/stationmaster"),
        "the data folder: database, key ring, spools. Made at the first start, for its owner alone",
        takes=START, variable="STATIONMASTER_DATA",
    )  # fmt: skip


class Database(Section):
    """Where rows are kept."""

    url: DatabaseURL = setting(
        _NONE,
        "the database. Without it SQLite, in a file of the data folder",
        takes=START, variable="STATIONMASTER_DATABASE_URL",
    )  # fmt: skip


class Valkey(Section):
    """What several gateways share beside the control plane."""

    url: ValkeyURL = setting(
        _NONE,
        "a Valkey or Redis for limits across gateways. Without it each gateway counts for itself",
        takes=START, variable="STATIONMASTER_VALKEY_URL",
    )  # fmt: skip


class Telemetry(Section):
    """OpenTelemetry: where traces and metrics are sent, from gateways and from here."""

    endpoint: Collector = setting(
        "",
        "the receiver of OTLP/HTTP, with JSON: an OpenTelemetry Collector, say. Without it nothing is sent",
        takes=START, variable="STATIONMASTER_TELEMETRY_ENDPOINT",
    )  # fmt: skip
    headers: Secret = setting(
        _NONE,
        "header fields for it, such as authorization=Bearer …; several with a comma between",
        takes=START, variable="STATIONMASTER_TELEMETRY_HEADERS",
    )  # fmt: skip
    ratio: float = setting(
        0.1, "the share of traces that are recorded, of those that no caller has decided on", takes=START,
        variable="STATIONMASTER_TELEMETRY_RATIO", ge=0, le=1,
    )  # fmt: skip
    service: Name = setting(
        "stationmaster", "what this is called in traces and metrics", takes=START, variable="STATIONMASTER_TELEMETRY_SERVICE",
    )


class Vault(Section):
    """What secrets in the database are sealed with."""

    master_key: Secret = setting(
        _NONE,
        "the master key, in place of the key ring in the data folder",
        takes=START, variable="STATIONMASTER_MASTER_KEY",
    )  # fmt: skip


class Console(Section):
    """Where people and programs reach the control plane: console, REST, SCIM."""

    host: Host = setting("127.0.0.1", "the address or host name to listen on, without a port", takes=RESTART)
    port: int = setting(4001, "the port to listen on", takes=RESTART, ge=1, le=65_535)
    public_url: WebAddress = setting(
        "", "the address that people's browsers see, where it is another than host and port, as behind a reverse proxy",
        takes=RESTART,
    )  # fmt: skip
    tls_certificate: Path | None = setting(
        None, "a PEM file of the certificate chain to serve TLS with. Without it plain http", takes=START
    )
    tls_key: Path | None = setting(None, "the PEM file of the certificate's private key", takes=START)


class Login(Section):
    """How operators come in."""

    local: bool = setting(True, "allow passwords of our own. `false` leaves single sign-on alone", takes=NOW)
    session_seconds: int = setting(
        43_200, "how long a signed-in browser stays so", takes=NOW, ge=300, le=30 * _DAY
    )
    admin_link_seconds: int = setting(
        1800, "how long the admin link of the first start, or of `admin link`, can be used", takes=NOW, ge=60, le=_DAY
    )


class Oidc(Section):
    """Single sign-on by OpenID Connect."""

    issuer: WebAddress = setting("", "the provider's issuer address", takes=RESTART)
    client_id: str = setting("", "what the provider knows Stationmaster by", takes=RESTART)
    client_secret: Secret = setting(_NONE, "the secret that the provider gave with it", takes=START)
    viewer_domains: Domains = setting(
        (), "e-mail domains whose people may come in unasked, as viewers; all others wait for an admin", takes=NOW
    )


class Retention(Section):
    """How long things are kept."""

    raw_events_days: int = setting(
        30, "how long the events of single requests are kept; the hourly and daily sums stay", takes=NOW, ge=1, le=3650
    )


class Jobs(Section):
    """Workers, which run jobs."""

    threads: int = setting(4, "jobs that a worker runs at a time", takes=RESTART, ge=1, le=64)
    poll_seconds: float = setting(0.5, "between two looks for jobs", takes=RESTART, ge=0.05, le=60)
    lease_seconds: float = setting(
        30.0, "without a sign of life from its worker, after which another takes a job up", takes=RESTART, ge=5, le=3600
    )
    attempts: int = setting(10, "starts of a job in which nothing gets done, before it is given up", takes=RESTART, ge=1, le=100)
    retention_days: int = setting(
        90, "how long jobs that ended are kept, with items and log; the newest of each kind and workspace stays", takes=RESTART,
        ge=1, le=3650,
    )  # fmt: skip


class Seats(Section):
    """Who is in the workspaces, and how that is kept so."""

    reconcile_minutes: int = setting(
        15, "between two readings of a workspace, for those that are attached without saying; 0: never by itself",
        takes=NOW, ge=0, le=44_640,
    )  # fmt: skip
    inactive_days: int = setting(
        0, "without reported activity that make somebody a candidate for removal, for workspaces that are attached without "
        "saying; 0: nobody", takes=NOW, ge=0, le=3650,
    )  # fmt: skip
    remind_days: int = setting(
        3, "before somebody who was invited is reminded, and between two reminders", takes=NOW, ge=1, le=365
    )
    removal_count: int = setting(
        20, "people that may go at once, by a plan, by SCIM within an hour, by an import; more take another approval",
        takes=NOW, ge=0, le=1_000_000,
    )
    removal_share: int = setting(
        10, "per cent of a workspace's people, or the company's, that may go so; more take another approval",
        takes=NOW, ge=0, le=100,
    )
    listed_after_seconds: float = setting(
        90.0, "a vendor may take to list what was written there; until then not being listed proves nothing", takes=NOW, ge=0,
        le=_DAY,
    )  # fmt: skip


class Rotation(Section):
    """How [a credential's next secret](credentials.md) takes over from the one before."""

    shares: Shares = setting(
        (10, 50, 100), "per cent of the sessions that the new secret serves, one step after the other", takes=NOW
    )
    hold_seconds: float = setting(
        15.0, "behind each step, for faults to show, once every connected gateway goes by it", takes=NOW, ge=0, le=_DAY
    )
    drain_seconds: float = setting(600.0, "for what runs with the secret before to end", takes=NOW, ge=0, le=_DAY)
    probing_seconds: float = setting(
        120.0, "that a vendor may take to know a new key, before it counts as refused", takes=NOW, ge=0, le=_DAY
    )
    absent_hours: float = setting(
        24.0, "that a gateway which is not heard of is waited for, before the secret before is revoked", takes=NOW, ge=0, le=8760
    )
    copied_hours: float = setting(
        24.0, "that copies in targets are waited for, before the secret before is revoked", takes=NOW, ge=0, le=8760
    )


class Bills(Section):
    """What vendors say was used, beside what gateways counted."""

    threshold_percent: int = setting(
        95, "per cent that we counted of what a vendor reports, or a vendor of what we did; less is told", takes=NOW, ge=1, le=100
    )
    settle_days: int = setting(3, "for which a vendor's figures of a day may still change", takes=NOW, ge=1, le=30)
    delay_hours: int = setting(6, "after midnight (UTC) before the reports of the day before are read", takes=NOW, ge=0, le=23)


class Backup(Section):
    """[Backups](../control-plane.md#backups-by-themselves) that are made by themselves, by a job."""

    folder: Path | None = setting(
        None, "the folder they are written into, where workers run; it has to be there. Without it none are made", takes=START
    )
    every_hours: int = setting(24, "from one to the next", takes=NOW, ge=1, le=8760)
    keep: int = setting(14, "of them that stay; older ones are deleted once a new one was read back", takes=NOW, ge=1, le=10_000)
    passphrase: Secret = setting(
        _NONE, "what locks them, of 12 characters or more. Without it the key ring does, and is not in them", takes=START
    )


class Mail(Section):
    """The SMTP relay that people are written to through, and what they are told."""

    host: Host = setting("", "the relay's address or host name, without a port. Without it no mail is sent", takes=START)
    port: int = setting(587, "the relay's port", takes=START, ge=1, le=65_535)
    tls: Tls = setting("starttls", "encryption: after STARTTLS, from the first byte, or none", takes=START)
    user: str = setting("", "the name to log in with. Without it nobody logs in", takes=START)
    password: Secret = setting(_NONE, "the password that goes with it", takes=START)
    sender: MailAddress = setting("", "the address that mail comes from", takes=START)
    language: MailLanguage = setting("en", "the language of our own texts", takes=NOW)
    remind_subject: str = setting("", "the subject of a reminder, in place of ours", takes=NOW)
    remind_text: str = setting(
        "", "the text of a reminder. `$name`, `$workspace`, `$vendor`, `$since`, `$until`, `$address` are filled in", takes=NOW
    )
    notify_subject: str = setting("", "the subject of what is written before a seat is given up", takes=NOW)
    notify_text: str = setting("", "the text of that, in place of ours", takes=NOW)


class Tokens(Section):
    """What other machines present to the control plane."""

    gateway_days: int = setting(365, "how long a new gateway token is valid", takes=NOW, ge=1, le=3650)


class Outbound(Section):
    """Where Stationmaster may connect to."""

    allowed_private: PrivateTargets = setting(
        (), "private networks and hosts that stored addresses may lead to; all others are refused", takes=NOW
    )


class Identity(Section):
    """What [sources of credentials](credential-sources.md) may use of the machines that refresh them."""

    folder: Path | None = setting(
        None, "the folder whose files are identity tokens, such as one that Kubernetes projects. Without it none are read",
        takes=START,
    )  # fmt: skip
    ambient: bool = setting(
        False, "let sources use the machine's own identity: a managed identity, or what GOOGLE_APPLICATION_CREDENTIALS names",
        takes=START,
    )  # fmt: skip


class Log(Section):
    """What the control plane tells on stderr, and [how](../control-plane.md#the-log)."""

    format: Format = setting("text", "lines for people, or one JSON object a line", takes=RESTART)
    level: Level = setting("info", "the least grave message that is told", takes=RESTART)


class Ui(Section):
    """How people are spoken to."""

    language: Language = setting(
        "auto", "of the command line and the console; `auto`: as the terminal or the browser says", takes=NOW
    )


class Gateway(Section):
    """The gateway's listener and limits: the keys of [gateway.toml](gateway-toml.md#gateway), which see."""

    host: Host = setting("127.0.0.1", "the address or host name to listen on, without a port", takes=RESTART)
    port: int = setting(4000, "the port to listen on", takes=RESTART, ge=1, le=65_535)
    workers: int = setting(1, "processes that serve", takes=RESTART, ge=1, le=64)
    default_pool: Name = setting("", "the pool for calls that name no model", takes=NOW)
    ca_bundle: Path | None = setting(None, "a PEM file of certificates to trust beside the system's own", takes=START)
    tls_certificate: Path | None = setting(
        None, "a PEM file of the certificate chain to serve TLS with. Without it plain http", takes=START
    )
    tls_key: Path | None = setting(None, "the PEM file of the certificate's private key", takes=START)
    drain_seconds: float = setting(600.0, "for open answers to finish after SIGTERM", takes=NOW, ge=0, le=_DAY)
    drain_after_disconnect_seconds: float = setting(
        5.0, "reading on for the usage after the client has left", takes=NOW, ge=0, le=_DAY
    )
    connect_timeout_seconds: float = setting(5.0, "for a connection to a vendor", takes=NOW, ge=0.1, le=_DAY)
    head_timeout_seconds: float = setting(10.0, "for a request's head to arrive whole", takes=NOW, ge=0.1, le=_DAY)
    body_timeout_seconds: float = setting(60.0, "between two pieces of a request's body", takes=NOW, ge=0.1, le=_DAY)
    keepalive_timeout_seconds: float = setting(75.0, "for an idle client connection", takes=NOW, ge=0.1, le=_DAY)
    answer_timeout_seconds: float = setting(600.0, "for a vendor's answer to begin", takes=NOW, ge=0.1, le=_DAY)
    idle_timeout_seconds: float = setting(300.0, "between two pieces of a vendor's answer", takes=NOW, ge=0.1, le=_DAY)
    keepalive_comment_seconds: float = setting(
        15.0, "of silence on a stream before a comment line; 0: never", takes=NOW, ge=0, le=_DAY
    )
    max_body_mib: int = setting(64, "MiB of one request body, after decompression", takes=NOW, ge=1, le=1_048_576)
    body_budget_mib: int = setting(512, "MiB of all bodies that a worker holds", takes=NOW, ge=1, le=1_048_576)
    max_connections: int = setting(
        0, "client connections a worker accepts; 0: as many as its open files allow", takes=NOW, ge=0, le=10_000_000
    )
    models_refresh_seconds: float = setting(
        300.0, "the age at which a vendor's list of models is fetched again", takes=NOW, ge=0.1, le=_DAY
    )
    error_threshold: int = setting(
        5, "a credential's own errors in a row that take it out of service", takes=NOW, ge=1, le=1000
    )
    health_check_enabled: bool = setting(True, "ask vendors now and then whether credentials still work", takes=NOW)
    health_check_interval_seconds: float = setting(300.0, "between two such questions", takes=NOW, ge=0.1, le=_DAY)
    metrics_host: Host = setting(
        "127.0.0.1", "the address that `GET /metrics` listens on; it asks for no password", takes=RESTART
    )
    metrics_port: int = setting(4002, "of `GET /metrics`; 0: nowhere", takes=RESTART, ge=0, le=65_535)
    state_file: Path | None = setting(None, "a file for what keys spent, kept over a restart", takes=START)

    def for_snapshot(self) -> snapshot.Settings:
        """As a gateway takes them: bytes for MiB, text for paths."""
        values: dict[str, object] = {}
        for key, value in self:
            name, unit = setting_of(key)
            text = str(value or "") if isinstance(value, Path | None) else value
            values[name] = value * unit if unit > 1 else text
        return snapshot.Settings(**values)  # type: ignore[arg-type]  # a test compares names and types
