"""The verbs of `stationmaster credential` that are about its life: mint, rotate, roll back, revoke, probe, override, history,
calendar.

Jobs do the work; `--wait` follows them. May not know how either desk is reached.
"""

from datetime import UTC, datetime
from typing import Annotated

import typer

from stationmaster.cli.desk import Asked, Desk
from stationmaster.cli.job import Wait, follow_up
from stationmaster.cli.naming import readable
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Output, Yes, change, confirm, given
from stationmaster.cli.workspace import BaseUrl, Insecure, Which
from stationmaster.i18n import told as told_in
from stationmaster.i18n import tr

_EVENT = ("at", "gateway", "generation", "state", "cause", "code", "words", "until")
_GENERATION = ("number", "state", "since", "origin", "vendor_key", "expires_at", "keep_until", "why")
_PATH = "credentials"
_ALL = "all"

Place = Annotated[str | None, typer.Option("--workspace", help="Where the vendor makes keys: a workspace's name or id.")]
Project = Annotated[str | None, typer.Option(help="The vendor's id of the project that they are made in.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="What a key may do; without any: all. Repeatable.")]
Lifetime = Annotated[int | None, typer.Option("--lifetime-days", min=0, max=3650, help="How long a key is valid; 0: for ever.")]
Rotation = Annotated[int | None, typer.Option("--rotate-days", min=0, max=3650, help="Rotate so often; 0: never by itself.")]
Keep = Annotated[int | None, typer.Option("--keep-hours", min=0, max=2160, help="How long the key before stays valid.")]
Warn = Annotated[int | None, typer.Option("--warn-days", min=0, max=365, help="Tell of an end so long ahead.")]
Expires = Annotated[str | None, typer.Option("--expires", metavar="TIME", help="When the secret ends, where that is known.")]
Reason = Annotated[str, typer.Option(help="Why, for people.")]


def add_life(app: typer.Typer) -> None:
    """Add them."""
    for verb in (mint, rotate, rollback, revoke, revoke_kept, revoked, probe, override, history, generations, recognise):
        app.command(verb.__name__.replace("_", "-"))(at_desk(verb))


def mint(
    desk: Desk, which: Which, workspace: Place = None, project: Project = None, scope: Scopes = None, lifetime: Lifetime = None,
    rotation: Rotation = None, keep: Keep = None, warn: Warn = None, base_url: BaseUrl = None,
    allow_insecure_http: Insecure = None,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Have the vendor make a key.

    For a new credential, or for one that has none.
    """
    fields = given(
        workspace=workspace, project=project, scopes=scope or None, lifetime_days=lifetime, rotate_days=rotation, keep_hours=keep,
        warn_days=warn, base_url=base_url, allow_insecure_http=allow_insecure_http,
    )  # fmt: skip
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(_PATH, which, "mint", fields)), wait, output)


def rotate(
    desk: Desk,
    which: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id; of a workspace, with --workspace.")],
    secret: Secret = None, secret_file: SecretFile = None, expires: Expires = None,
    every: Annotated[bool, typer.Option("--workspace", help="All that are minted in the workspace NAME.")] = False,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Bring another secret in.

    It is minted, or the one that is given; it is proved, shared out over sessions, and then the one before is revoked.
    """
    fields = {} if every else given(secret=given_secret(secret, secret_file) or None, expires_at=expires)
    path = "workspaces" if every else _PATH
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(path, which, "rotate", fields)), wait, output)


def rollback(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Serve with the secret before again."""
    print_object(change(desk, dry_run, output, lambda: desk.act(_PATH, which, "rollback", {})), output)


def revoke(
    desk: Desk, which: Which, reason: Reason = "", wait: Wait = False, yes: Yes = False, dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Revoke it everywhere, at once: it leaked.

    Out of every gateway, revoked at the vendor, copies withdrawn.
    """
    if not dry_run:
        confirm(tr("Take {name} out of every gateway and revoke its keys at the vendor?", name=which), yes)
    fields = {"reason": reason} if reason else {}
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(_PATH, which, "revoke", fields)), wait, output)


def revoke_kept(desk: Desk, which: Which, wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Revoke what a rotation kept as the way back."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(_PATH, which, "revoke-kept", {})), wait, output)


def revoked(
    desk: Desk, which: Which, generation: Annotated[int, typer.Argument(min=1, help="Its number.")], dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Say that you revoked a secret by hand."""
    fields = {"generation": generation}
    print_object(change(desk, dry_run, output, lambda: desk.act(_PATH, which, "revoked", fields)), output)


def probe(
    desk: Desk, which: Annotated[str, typer.Argument(metavar="NAME", help="Its name or id, or unhealthy; all without.")] = _ALL,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Ask vendors whether credentials work, by a job."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(_PATH, which, "probe", {})), wait, output)


def override(
    desk: Desk, which: Which,
    state: Annotated[str, typer.Argument(metavar="in|out|auto", help="In or out of service; auto: gateways decide again.")],
    until: Annotated[str, typer.Option(metavar="TIME", help="Until then; without: until it is taken back.")] = "",
    reason: Reason = "", dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Hold a credential in or out of service."""
    if state not in ("in", "out", "auto"):
        raise typer.BadParameter("in, out or auto", param_hint="STATE")
    fields = {"state": "" if state == "auto" else state, "reason": reason, **({"until": until} if until else {})}
    print_object(change(desk, dry_run, output, lambda: desk.act(_PATH, which, "override", fields)), output)


def history(
    desk: Desk, which: Which, limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """List how its state went on, and why."""
    page = desk.part(_PATH, which, "history", Asked(), "", limit)
    beside = {"schema_version": 1, "total": page.total}
    rows = [{**row, "until": _moment(row["until"])} for row in page.items] if output is Format.TABLE else page.items
    print_rows(rows, {name: name for name in _EVENT}, output, under="history", beside=beside)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""


def generations(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """List its secrets, one after another."""
    rows = desk.get(_PATH, which)["generations"]
    shown = _GENERATION if output is Format.TABLE or not rows else tuple(rows[0])
    if output is Format.TABLE:
        rows = [{**row, "why": readable(desk, row["words"]) if row["words"] else row["cause"]} for row in rows]
    print_rows(rows, {name: name for name in shown}, output, under="generations", beside={"schema_version": 1})


def recognise(
    desk: Desk, vendor: Annotated[str, typer.Option(help="The vendor that it is meant for.")] = "any", secret: Secret = None,
    secret_file: SecretFile = None, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Tell which kind a secret is. Exit 1 if it may not be stored.

    Nothing is stored or sent.
    """
    told = desk.act("vendors", vendor, "recognise", {"secret": read_secret(secret, secret_file, "it")})
    print_object({name: value for name, value in told.items() if name != "steps" or output is not Format.TABLE}, output)
    for number, step in enumerate(told["steps"] if output is Format.TABLE and not told["usable"] else (), 1):
        say(f"{number}. {told_in(step)}")
    raise typer.Exit(0 if told["usable"] else 1)
