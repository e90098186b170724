"""`stationmaster workspace`: the organisations that the company owns at vendors."""

from pathlib import Path
from typing import Annotated

import typer

from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.fields import Option, takes
from stationmaster.cli.output import Format, moment, print_rows
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import (
    PENDING,
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
from stationmaster.cli.waiting import Wait, follow_up
from stationmaster.i18n import told, tr
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces.planning.reasons import REASONS
from stationmaster.workspaces.planning.wording import seats
from stationmaster.workspaces.tables import POLICY

app = noun_app("Organisations that the company owns at vendors.", {"attach": "create"})


def _people(row: Row) -> Row:
    """Its seats as far as they are known; what its vendor offers, and its last jobs, in a line each."""
    used, total = seats(row)
    row = {**row, "seats_used": used, "seats_total": total}
    if "offers" not in row:
        return row
    capabilities = [name for name, offered in row["offers"]["capabilities"].items() if offered]
    jobs = [f"{kind} {job['state']}" for kind, job in row["last_jobs"].items()]
    by_hand, drift = row["offers"]["by_hand"], _drift_then(row["drift"])
    return {**row, "offers": capabilities, "by_hand": by_hand, "last_jobs": jobs, "drift": drift}


def _drift(found: Row | None) -> str:
    """What the last reconciliation found, in a line."""
    if found is None:
        return tr("not reconciled yet")
    if not found["read"]:
        return tr("not known: the vendor could not be read")
    return ", ".join(f"{number} {kind}" for kind, number in found["kinds"].items()) or tr("none")


def _drift_then(found: Row | None) -> str:
    """The same, with when that was."""
    what = _drift(found)
    return tr("{what}, as of {time}", what=what, time=moment(found["at"])) if found else what


_DRIFTED = ("kind", "name", "person", "member", "invite", "reason", "sentence", "facts")
NOUN = Noun(
    "workspace", "workspaces",
    ("id", "name", "vendor", "base_url", "organisation", "secret_set", "disabled", "disabled_reason", "allow_insecure_http",
     *POLICY, "state", "organisation_name", "directory_managed", "seats_total", "seats_used", "seats_pending", "seats_ending",
     "terms", "found", "unread", "verified_at", "trouble", "read_at", "revision", "created_at", "updated_at"),
    ("name", "vendor", "organisation", "state", "seats_used", "seats_total", "read_at"), lambda row: _people(row),
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called here, for good.")]
Which = Annotated[str, typer.Argument(metavar="NAME", help="Its name or id.")]
Organisation = Annotated[str | None, typer.Option(help="The vendor's id for it.")]
BaseUrl = Annotated[str | None, typer.Option(help="Another address than the vendor's own, such as https://HOST/v1.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why it is disabled, for people.")]
Disabled = Annotated[bool | None, typer.Option("--disabled/--enabled", help="Whether it is out of use.", show_default=False)]
Insecure = Annotated[
    bool | None, typer.Option("--allow-insecure-http/--https-only", help="Send the secret over http:// too.", show_default=False)
]
FixDrift = Annotated[str | None, typer.Option(help="What a run mends by itself: none, invite or all.")]
Removes = Annotated[str | None, typer.Option(help="Who goes without an assignment: managed, known or all.")]
Calls = Annotated[int | None, typer.Option(min=0, help="Calls a minute at most; 0: the vendor's rate.")]
Minutes = Annotated[int | None, typer.Option(min=0, help="Read it again every so many minutes; 0: never by itself.")]
Domains = Annotated[list[str] | None, typer.Option("--allowed-domain", help="Only addresses there. Repeatable; all anew.")]
Seats = Annotated[int | None, typer.Option(min=0, help="Seats at most, invitations among them; 0: as many as there are.")]
Inactive = Annotated[int | None, typer.Option(min=0, help="Days without reported activity until removal is proposed; 0: never.")]
Grace = Annotated[int | None, typer.Option(min=0, help="Days between telling somebody and removing them.")]
Price = Annotated[
    int | None,
    typer.Option("--seat-price", min=0, help="What a seat costs a cycle, in cents; 0: what the vendor says, or not known."),
]
Currency = Annotated[str | None, typer.Option("--seat-currency", help="Of that price, by ISO 4217: USD, EUR …")]
Notify = Annotated[bool | None, typer.Option("--notify/--no-notify", help="Write to people.", show_default=False)]

Vendor = Annotated[str | None, typer.Option(help="Takes the secret anew.")]

# How a vendor is reached and whether it is used, as credentials have it too; and the policy, which workspaces alone have.
REACHED = (
    Option("organisation", Organisation), Option("base_url", BaseUrl), Option("allow_insecure_http", Insecure),
)  # fmt: skip
USED = (Option("disabled", Disabled), Option("reason", Reason, "disabled_reason"))
POLICIES = (
    Option("fix_drift", FixDrift), Option("removes", Removes), Option("calls_per_minute", Calls),
    Option("reconcile_minutes", Minutes), Option("allowed_domain", Domains, "allowed_domains"), Option("seat_limit", Seats),
    Option("remove_inactive_days", Inactive), Option("grace_days", Grace), Option("notify", Notify),
    Option("seat_price", Price, "seat_price_minor"), Option("seat_currency", Currency),
)  # fmt: skip

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
@takes((*REACHED, *USED, *POLICIES))
def create(
    desk: Desk,
    name: Name,
    vendor: Annotated[str, typer.Option(help="openai, anthropic, github_copilot, cursor, manual …: `vendor list`.")],
    secret: Secret = None,
    secret_file: SecretFile = None,
    *,
    fields: Row,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Attach a workspace by the vendor's admin key, which is asked for."""
    whole = {**given(name=name, vendor=vendor, secret=_secret(vendor, secret, secret_file, name)), **fields}
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, whole))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
@takes((*REACHED, *USED, *POLICIES))
def update(
    desk: Desk,
    which: Which,
    vendor: Vendor = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    *,
    fields: Row,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    whole = {**given(vendor=vendor, secret=given_secret(secret, secret_file)), **fields}
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, whole, revision)), NOUN, output)


add_delete(app, NOUN)


@app.command()
@at_desk
def run(
    desk: Desk, which: Which,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="onboard, reconcile, offboard or remind.")],
    wait: Wait = False, dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Run a job of it: onboard, reconcile, offboard or remind."""
    follow_up(desk, change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "run", {"kind": kind})), wait, output)


@app.command()
@at_desk
def listed(
    desk: Desk, which: Which,
    name: Annotated[str, typer.Argument(metavar="WHAT", help="members, invites, projects, keys or limits.")],
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """List what was last read of its vendor."""
    rows: list[Row] = []
    cursor = ""
    while True:
        page = desk.part(NOUN.path, which, f"listed/{name}", Asked(), cursor)
        rows += page.items
        if not (cursor := page.next):
            break
    shown = list(rows[0]) if rows else ["id"]
    print_rows(rows, {field: field for field in shown}, output, under=name, beside={"schema_version": 1})


@app.command()
@at_desk
def drift(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """Show what is not as it should be there.

    As the last reconciliation found it. Exit 10 if anything is.
    """
    found = desk.get(NOUN.path, which)["drift"]
    steps = found["steps"] if found else []
    names = ("kind", "name", "why") if output is Format.TABLE else _DRIFTED
    if steps or output is not Format.TABLE:
        rows = ({**step, "why": told(REASONS.get(step["reason"], step["sentence"]), **step["facts"])} for step in steps)
        print_rows(rows, {name: name for name in names}, output, under="drift", beside={"schema_version": 1, "found": found})
    say(tr("Drift: {what}.", what=_drift_then(found)))
    if found is None:
        say(tr("`stationmaster workspace run {name} reconcile` looks.", name=which))
    if found and found["kinds"]:
        raise typer.Exit(PENDING)


def _secret(vendor: str, secret: str | None, file: Path | None, name: str) -> str:
    """The admin credential; none is asked for where the vendor has no interface."""
    known = VENDORS.get(vendor)
    if known is not None and not known.needs_secret and secret is None and file is None:
        return ""
    return read_secret(secret, file, name)
