"""The verbs of `stationmaster credential` that are about where short-lived secrets come from: `source set|show|list|remove`, and
`refresh`.

May not know how either desk is reached.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, secret_of
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Noun, Output, Revision, Yes, add_list, change, confirm, given, noun_app, print_one
from stationmaster.cli.workspace import BaseUrl, Insecure, Organisation, Which
from stationmaster.i18n import tr

NOUN = Noun(
    "source", "sources",
    ("id", "credential", "kind", "options", "secret_set", "refresh_token_set", "refresh", "asked_at", "expires_at", "refresh_at",
     "refreshed_at", "failures", "last_error", "last_words", "revision", "created_at", "updated_at"),
    ("credential", "kind", "refresh", "expires_at", "refresh_at", "last_error"),
)  # fmt: skip
_YES = {"true": True, "false": False}

Options = Annotated[
    list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="A public part of its kind. Repeatable; all anew.")
]
Vendor = Annotated[str | None, typer.Option(help="To make a credential of this name with it: its vendor.")]


def add_source(app: typer.Typer) -> None:
    """Add them."""
    sources = noun_app("Where short-lived secrets come from.")
    add_list(sources, NOUN)
    sources.command("show")(at_desk(show))
    sources.command("set")(at_desk(set_))
    sources.command("remove")(at_desk(remove))
    app.add_typer(sources, name="source")
    app.command("refresh")(at_desk(refresh))


def show(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """Show where its secret comes from.

    And how its refreshing stands.
    """
    print_one(desk.get(NOUN.path, which), NOUN, output)


def set_(
    desk: Desk, which: Which, kind: Annotated[str, typer.Option(help="entra, google, aws, oauth2_client_credentials …")],
    option: Options = None, secret: Secret = None, secret_file: SecretFile = None,
    refresh_token_file: Annotated[Path | None, typer.Option(help="Read the refresh token from this file.")] = None,
    vendor: Vendor = None, base_url: BaseUrl = None, organisation: Organisation = None, allow_insecure_http: Insecure = None,
    revision: Revision = None, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Have its secret come from there.

    It is fetched within seconds, and replaced before it ends.
    """
    token = None if refresh_token_file is None else secret_of(refresh_token_file)
    fields = given(
        kind=kind, options=_options(option or ()), secret=given_secret(secret, secret_file), refresh_token=token, vendor=vendor,
        base_url=base_url, organisation=organisation, allow_insecure_http=allow_insecure_http,
    )  # fmt: skip
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


def remove(
    desk: Desk, which: Which, revision: Revision = None, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Forget it: its secret serves until it ends."""
    if not dry_run:
        confirm(tr("Forget where the secret of {name} comes from?", name=which), yes)
    change(desk, dry_run, output, lambda: desk.delete(NOUN.path, which, revision))
    say(tr("Done."))


def refresh(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """Refresh its short-lived secret now.

    Within seconds; `source show` tells how it went.
    """
    print_one(desk.act("credentials", which, "refresh", {}), NOUN, output)


def _options(texts: "list[str] | tuple[str, ...]") -> dict[str, Any]:
    """Public parts as they are given: numbers and yes or no are told by their look. A value may hold "="."""
    found: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise typer.BadParameter("expected a part like client_id=stationmaster", param_hint="--option")
        found[name] = _YES.get(value, int(value) if name == "seconds" and value.isdecimal() else value)
    return found
