"""`stationmaster gateway`: serve from a config file or from a control plane, or only check a file."""

import enum
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stationmaster.cli.gateway_join import join, refuse
from stationmaster.cli.talk import Output, print_json, print_pairs, say
from stationmaster.cli.valkey import valkey_url
from stationmaster.errors import StationmasterError
from stationmaster.gateway import config as files
from stationmaster.gateway.config.prices import price_list
from stationmaster.gateway.core.snapshot import Settings, Snapshot
from stationmaster.i18n import tr, trn

if TYPE_CHECKING:
    from stationmaster.tls.files import Watch


class LogLevel(enum.StrEnum):
    """How much the gateway tells on stderr."""

    INFO = "info"
    DEBUG = "debug"


def gateway(
    config: Annotated[Path | None, typer.Option(help="The config file.", show_default="gateway.toml")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only validate the file.")] = False,
    allow_literal_secrets: Annotated[
        bool, typer.Option("--allow-literal-secrets", help="Accept secrets written into the file.")
    ] = False,
    events: Annotated[
        Path | None, typer.Option(help="Append one JSON event per request here instead of to stdout.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Listen here instead of on the file's host.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Instead of the file's.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Instead of the file's.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="Serve TLS with this certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="The certificate's private key (PEM).")] = None,
    log_level: Annotated[LogLevel, typer.Option(help="How much to tell on stderr.")] = LogLevel.INFO,
    output: Annotated[Output, typer.Option(help="How --check prints its summary.")] = Output.TABLE,
    control: Annotated[str | None, typer.Option(help="Serve what this control plane says: its URL.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="The file with the gateway token, for --control.")] = None,
    control_ca: Annotated[
        Path | None, typer.Option(help="PEM file of the CA that the control plane's certificate comes from.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of what --control keeps.", show_default="the data folder's gateway/")
    ] = None,
    name: Annotated[str | None, typer.Option(help="This gateway's name for --control.", show_default="the host's")] = None,
    spool_mib: Annotated[int, typer.Option(min=16, help="Events kept while the control plane is away, in MiB.")] = 256,
) -> None:
    """Serve from a config file, or what a control plane says. SIGHUP reads the file again; a bad one changes nothing."""
    changes = {"host": _checked(host), "port": port, "workers": workers, **_pair(tls_certificate, tls_key)}
    overrides = {name: value for name, value in changes.items() if value is not None}
    if control is not None:
        refuse({"--config": config is not None, "--check": check}, "is about a config file, which --control does not read")
        raise typer.Exit(join(control, token_file, control_ca, data, name, events, spool_mib, overrides))
    given = {"--token-file": token_file, "--control-ca": control_ca, "--data": data, "--name": name}
    refuse({option: value is not None for option, value in given.items()}, "is about a control plane: name it with --control")
    config = config or Path("gateway.toml")

    def load() -> Snapshot:
        snapshot = files.load(config, environ=os.environ, allow_literal_secrets=allow_literal_secrets)
        settings = msgspec.structs.replace(snapshot.settings, **overrides)
        _check_ports(settings)
        return msgspec.structs.replace(snapshot, settings=settings, prices=price_list(datetime.now(UTC).date()))

    def load_aloud() -> Snapshot:
        snapshot = load()
        for sentence in files.cautions(snapshot, time.time()):
            say(f"stationmaster: warning: {sentence}")
        return snapshot

    if check:
        _print_check(config, load, output)
        return
    from stationmaster.gateway.server import supervisor  # here: --check needs no event loop

    raise typer.Exit(supervisor.run(load_aloud, config=config, events=events, log_level=log_level.value, watching=_watch,
                                   valkey=valkey_url(os.environ)))


def _watch(certificate: Path, key: Path, tell: "Callable[[str], None]") -> "Watch":
    """Open a certificate's files. Raises StationmasterError when they cannot be used."""
    from stationmaster.tls.files import Watch  # here: it takes cryptography, which plain HTTP does not

    return Watch(certificate, key, tell)


def _check_ports(settings: Settings) -> None:
    """The options may bring together what the file keeps apart. Raises StationmasterError."""
    if settings.port == settings.metrics_port:
        raise StationmasterError(
            "error.usage.ports", f"the gateway and its metrics cannot both listen on {settings.port}",
            hint="choose another --port, or another metrics_port in the file",
        )


def _pair(certificate: Path | None, key: Path | None) -> dict[str, str | None]:
    if (certificate is None) != (key is None):
        raise typer.BadParameter("goes with the other: a certificate and its key", param_hint="--tls-certificate, --tls-key")
    return {} if certificate is None or key is None else {"tls_certificate": str(certificate), "tls_key": str(key)}


def _checked(host: str | None) -> str | None:
    if host is not None and not files.is_host(host):
        raise typer.BadParameter("expected an IP address or host name", param_hint="--host")
    return host


def _print_check(config: Path, load: Callable[[], Snapshot], output: Output) -> None:
    try:
        snapshot = load()
    except files.ConfigError as error:
        if output is Output.JSON:
            rows = [msgspec.structs.asdict(problem) for problem in error.problems]
            print_json({"file": str(config), "ok": False, "problems": rows})
        raise
    summary, odd = _summary(config, snapshot), files.cautions(snapshot, time.time())
    if output is Output.JSON:
        print_json({**summary, "warnings": odd})
        return
    print_pairs({name: value for name, value in summary.items() if name != "ok"})
    for sentence in odd:
        say(tr("warning: {what}", what=sentence))
    say(_verdict(len(odd)))


def _verdict(odd: int) -> str:
    if not odd:
        return tr("The file is good.")
    return trn("The file can be used; {number} warning.", "The file can be used; {number} warnings.", odd)


def _summary(config: Path, snapshot: Snapshot) -> dict[str, object]:
    settings, host = snapshot.settings, snapshot.settings.host
    return {
        "file": str(config),
        "ok": True,
        "listen": f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}",
        **({"tls": settings.tls_certificate} if settings.tls_certificate else {}),
        "workers": settings.workers,
        "credentials": len(snapshot.credentials),
        "pools": len(snapshot.pools),
        "routes": len(snapshot.routes),
        "keys": len(snapshot.keys),
    }
