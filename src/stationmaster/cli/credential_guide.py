"""The verbs of `stationmaster credential` for keys that people get by hand: the steps, and pasting.

May not know how either desk is reached.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from stationmaster.cli.credential_life import Expires, Keep, Place, Warn
from stationmaster.cli.desk import Desk
from stationmaster.cli.job import Wait, follow_up
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.secret_input import Secret, SecretFile, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Output, change, given
from stationmaster.cli.workspace import BaseUrl, Insecure, Organisation, Which
from stationmaster.i18n import told as told_in
from stationmaster.i18n import tr
from stationmaster.vendors.registry import VENDORS


def add_guide(app: typer.Typer) -> None:
    """Add them."""
    for verb in (guide, paste):
        app.command(verb.__name__)(at_desk(verb))


def guide(
    desk: Desk, vendor: Annotated[str, typer.Argument(metavar="VENDOR", help="Whose key it is; all of them without.")] = "",
    name: Annotated[str | None, typer.Option(help="The credential that it is for.")] = None,
    workspace: Place = None,
    identity: Annotated[
        str | None, typer.Option(metavar="file:NAME|credential:NAME", help="Where identity tokens come from.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Say how a credential is got by hand, step by step.

    With --identity: what to enter for federation, letter by letter.
    """
    if not vendor:
        _vendors(output)
        return
    found = desk.act("vendors", vendor, "guide", given(name=name, workspace=workspace, identity=identity))
    if output is not Format.TABLE:
        print_object(found, output)
        return
    for way in found["ways"]:
        typer.echo(tr("By a key:") if way["way"] == "paste" else tr("By short-lived tokens (federation):"))
        for line in _lines(way["steps"]):
            typer.echo(line)
        if way["way"] == "paste":
            command = f"stationmaster credential paste {name or 'NAME'} --vendor {vendor}"
            typer.echo(tr("Here is at a terminal: {command}", command=command))
    for problem in found["problems"]:
        say(told_in(problem))


def _vendors(output: Format) -> None:
    rows = [{"vendor": each.name, "title": each.title} for each in VENDORS.values() if each.inference]
    print_rows(rows, {"vendor": "vendor", "title": "title"}, output, under="vendors", beside={"schema_version": 1})
    say(tr("`{command}` says how one is got.", command="stationmaster credential guide VENDOR"))


def _lines(steps: list[Mapping[str, Any]]) -> Iterator[str]:
    for number, step in enumerate(steps, 1):
        yield f"  {number}. {told_in(step['text'])}"
        if step["link"]:
            yield f"     {step['link']}"
        for name, value in step["values"].items():
            yield f"     {name}: {value}" if value else f"     {name}: …"


def paste(
    desk: Desk, which: Which,
    vendor: Annotated[str | None, typer.Option(help="Whose it is, where its shape does not tell.")] = None,
    secret: Secret = None, secret_file: SecretFile = None, base_url: BaseUrl = None, organisation: Organisation = None,
    workspace: Place = None, expires: Expires = None, keep: Keep = None, warn: Warn = None, allow_insecure_http: Insecure = None,
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Store a key that you have, and prove it first.

    Its vendor is asked before any gateway gets it.
    """
    fields = given(
        secret=read_secret(secret, secret_file, which), vendor=vendor, base_url=base_url, organisation=organisation,
        workspace=workspace, expires_at=expires, keep_hours=keep, warn_days=warn, allow_insecure_http=allow_insecure_http,
    )  # fmt: skip
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act("credentials", which, "paste", fields)), wait, output)
