"""`stationmaster key`: virtual keys in the control plane, beside `key new` for the gateway's config file."""

from typing import Annotated, Any

import typer

from stationmaster.cli import key
from stationmaster.cli.desk import Desk, Made
from stationmaster.cli.output import Format
from stationmaster.cli.session import at_desk
from stationmaster.cli.spans import seconds_of
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import DryRun, Noun, Output, Revision, add_delete, add_list, add_show, change, given, print_one
from stationmaster.cli.workspace import Disabled, Reason, Which
from stationmaster.i18n import marked, tr

app = key.app
NOUN = Noun(
    "key", "keys",
    ("id", "name", "owner", "person", "tenant", "models", "pools", "rpm", "tpm", "max_concurrency", "expires", "budget",
     "shared_resources", "disabled", "disabled_reason", "previous_until", "revision", "created_at", "updated_at"),
    ("name", "owner", "tenant", "pools", "expires", "disabled", "updated_at"),
)  # fmt: skip

Owner = Annotated[str | None, typer.Option(help="Whose it is.")]
Tenant = Annotated[str | None, typer.Option(help="Whose files and batches it sees; the key's own when left out.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="Only models like this. Repeatable; all anew.")]
Pools = Annotated[list[str] | None, typer.Option("--pool", help="Only this pool. Repeatable; all anew; '' for every pool.")]
Rpm = Annotated[int | None, typer.Option(min=0, help="Requests a minute; 0: no limit.")]
Tpm = Annotated[int | None, typer.Option(min=0, help="Tokens a minute; 0: no limit.")]
Concurrency = Annotated[int | None, typer.Option(min=0, help="Requests at once; 0: no limit.")]
Expires = Annotated[str | None, typer.Option(help="A date or a time, as in 2027-01-31; '' for never.")]
Day = Annotated[float | None, typer.Option(min=0, help="US dollars a day; 0: no limit.")]
Month = Annotated[float | None, typer.Option(min=0, help="US dollars a month; 0: no limit.")]
Total = Annotated[float | None, typer.Option(min=0, help="US dollars in all; 0: no limit.")]
Shared = Annotated[
    bool | None, typer.Option("--shared-resources/--own-resources", help="See other tenants' files as well.", show_default=False)
]
Sha256 = Annotated[str | None, typer.Option(help="Let a key in that was made elsewhere: its hash.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Its name, for good; after its hash if left out.")] = None,
    owner: Owner = None,
    tenant: Tenant = None,
    model: Models = None,
    pool: Pools = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_concurrency: Concurrency = None,
    expires: Expires = None,
    budget_day: Day = None,
    budget_month: Month = None,
    budget_total: Total = None,
    shared_resources: Shared = None,
    disabled: Disabled = None,
    reason: Reason = None,
    secret_sha256: Sha256 = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Make a virtual key and print it, this once."""
    budget = given(day_usd=budget_day, month_usd=budget_month, total_usd=budget_total)
    fields = given(
        name=name, owner=owner, tenant=tenant, models=model, pools=_names(pool), rpm=rpm, tpm=tpm,
        max_concurrency=max_concurrency, expires=expires, budget=budget or None, shared_resources=shared_resources,
        disabled=disabled, disabled_reason=reason, secret_sha256=secret_sha256,
    )  # fmt: skip
    _print_made(change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields)), output)


@app.command()
@at_desk
def update(
    desk: Desk,
    which: Which,
    owner: Owner = None,
    tenant: Tenant = None,
    model: Models = None,
    pool: Pools = None,
    rpm: Rpm = None,
    tpm: Tpm = None,
    max_concurrency: Concurrency = None,
    expires: Expires = None,
    budget_day: Day = None,
    budget_month: Month = None,
    budget_total: Total = None,
    shared_resources: Shared = None,
    disabled: Disabled = None,
    reason: Reason = None,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    budget = given(day_usd=budget_day, month_usd=budget_month, total_usd=budget_total)
    fields = given(
        owner=owner, tenant=tenant, models=model, pools=_names(pool), rpm=rpm, tpm=tpm, max_concurrency=max_concurrency,
        expires=expires, shared_resources=shared_resources, disabled=disabled, disabled_reason=reason,
    )  # fmt: skip
    if budget:      # a part of it leaves the others as they are
        before = desk.get(NOUN.path, which)
        fields["budget"], revision = {**before["budget"], **budget}, before["revision"] if revision is None else revision
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


@app.command()
@at_desk
def rotate(
    desk: Desk,
    which: Which,
    grace: Annotated[str, typer.Option(help="How long the key before is still let in, as in 30m, 24h or 7d.")] = "0",
    secret_sha256: Sha256 = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Give it another secret and print that, this once."""
    fields: dict[str, Any] = given(grace_seconds=seconds_of(grace, "--grace"), secret_sha256=secret_sha256)
    _print_made(change(desk, dry_run, output, lambda: desk.rotate(NOUN.path, which, fields)), output)


add_delete(app, NOUN, "revoke", "End a virtual key for good, at once.", marked("Revoke the key {which}?"))


def _print_made(made: Made, output: Format) -> None:
    print_one(made.row, NOUN, output, {"key": made.secret} if made.secret else None)
    if made.secret:
        say(tr("The key is shown this once: give it to its application."))


def _names(texts: list[str] | None) -> list[str] | None:
    return None if texts is None else [each for each in texts if each]
