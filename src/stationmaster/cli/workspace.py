"""`stationmaster workspace`: the organisations that the company owns at vendors."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import (
    DryRun,
    Noun,
    Output,
    Revision,
    add_delete,
    add_list,
    add_show,
    change,
    given,
    noun_app,
    print_one,
)

app = noun_app("Organisations that the company owns at vendors.")
NOUN = Noun(
    "workspace", "workspaces",
    ("id", "name", "vendor", "base_url", "organisation", "secret_set", "disabled", "disabled_reason", "allow_insecure_http",
     "revision", "created_at", "updated_at"),
    ("name", "vendor", "organisation", "disabled", "updated_at"),
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called here, for good.")]
Which = Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.")]
Organisation = Annotated[str | None, typer.Option(help="The vendor's id for it.")]
BaseUrl = Annotated[str | None, typer.Option(help="Another address than the vendor's own.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why it is disabled, for people.")]
Disabled = Annotated[bool | None, typer.Option("--disabled/--enabled", help="Whether it is out of use.", show_default=False)]
Insecure = Annotated[
    bool | None, typer.Option("--allow-insecure-http/--https-only", help="Send the secret over http:// too.", show_default=False)
]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk,
    name: Name,
    vendor: Annotated[str, typer.Option(help="openai, anthropic, gemini, azure_openai, openai_compatible …")],
    secret: Secret = None,
    secret_file: SecretFile = None,
    organisation: Organisation = None,
    base_url: BaseUrl = None,
    allow_insecure_http: Insecure = None,
    disabled: Disabled = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Attach a workspace by the vendor's admin key, which is asked for."""
    fields = given(
        name=name, vendor=vendor, organisation=organisation, base_url=base_url, allow_insecure_http=allow_insecure_http,
        disabled=disabled, disabled_reason=reason, secret=read_secret(secret, secret_file, name),
    )  # fmt: skip
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
def update(
    desk: Desk,
    which: Which,
    vendor: Annotated[str | None, typer.Option(help="Takes the secret anew.")] = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    organisation: Organisation = None,
    base_url: BaseUrl = None,
    allow_insecure_http: Insecure = None,
    disabled: Disabled = None,
    reason: Reason = None,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    fields = given(
        vendor=vendor, organisation=organisation, base_url=base_url, allow_insecure_http=allow_insecure_http,
        disabled=disabled, disabled_reason=reason, secret=given_secret(secret, secret_file),
    )  # fmt: skip
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


add_delete(app, NOUN)
