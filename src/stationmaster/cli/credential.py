"""`stationmaster credential`: secrets that vendors issued for API use."""

from typing import Annotated, Any

import typer

from stationmaster.cli.credential_guide import add_guide
from stationmaster.cli.credential_life import (
    Expires,
    Keep,
    Lifetime,
    Place,
    Project,
    Rotation,
    Scopes,
    Warn,
    add_life,
)
from stationmaster.cli.credential_source import add_source
from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.fields import Option, takes
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
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
    pairs,
    print_one,
)
from stationmaster.cli.workspace import REACHED, USED, Name, Reason, Vendor, Which
from stationmaster.i18n import tr

app = noun_app("Secrets that vendors issued for API use.")
NOUN = Noun(
    "credential", "credentials",
    ("id", "name", "vendor", "base_url", "organisation", "secret_set", "disabled", "disabled_reason", "prices",
     "allow_insecure_http", "generation", "incoming", "share", "workspace", "project", "scopes", "lifetime_days", "rotate_days",
     "keep_hours", "warn_days", "secret_since", "expires_at", "expiry", "override", "override_until", "override_reason",
     "probed_at", "probe_ok", "probe_words", "organisation_seen", "health", "health_cause", "health_at", "revision", "created_at",
     "updated_at"),
    ("name", "vendor", "organisation", "serves", "disabled", "health", "health_cause", "expiry", "expires_at"),
    lambda row: _for_people(row),
)  # fmt: skip


def _for_people(row: Row) -> Row:
    if "reports" in row:      # one of them, whole
        return {**row, "reports": [_report(each) for each in row["reports"]]}
    return {**row, "serves": _serves(row)}


def _serves(row: Row) -> str:
    """The number of the secret that serves, and of what comes in beside it."""
    coming = f"{row['incoming']} ({row['share']} %)" if row["incoming"] else ""
    return " + ".join(filter(None, (str(row["generation"]) if row["secret_set"] else "", coming)))


def _report(report: Row) -> Row:
    """What a gateway said, without an end where it named none."""
    return {name: value for name, value in report.items() if name != "until" or value}


_CHECKED = ("name", "vendor", "state", "cause", "code", "milliseconds")

Prices = Annotated[
    list[str] | None,
    typer.Option("--price", metavar="MODEL:KIND=USD", help="A price per million tokens: input, output … Repeatable; all anew."),
]


def _prices(texts: list[str]) -> dict[str, dict[str, float]]:
    """Prices as the file has them: model → kind → USD. Raises typer.BadParameter."""
    form = "a price like gpt-5:input=1.25"
    found: dict[str, dict[str, Any]] = {}
    for name, value in pairs([each for each in texts if each], "--price", form):
        model, colon, kind = name.rpartition(":")
        try:
            found.setdefault(model, {})[kind] = float(value)
        except ValueError:
            colon = ""
        if not colon or not model:
            raise typer.BadParameter(f"expected {form}", param_hint="--price")
    return found


FIELDS = (
    *REACHED, Option("price", Prices, "prices", _prices), *USED, Option("workspace", Place), Option("project", Project),
    Option("expires", Expires, "expires_at"), Option("warn", Warn, "warn_days"),
)  # fmt: skip
FOLLOWED = (
    Option("scope", Scopes, "scopes", lambda typed: typed or None), Option("lifetime", Lifetime, "lifetime_days"),
    Option("rotation", Rotation, "rotate_days"), Option("keep", Keep, "keep_hours"),
)  # fmt: skip

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
@takes(FIELDS)
def create(
    desk: Desk,
    name: Name,
    vendor: Annotated[str, typer.Option(help="openai, anthropic, gemini, azure_openai, openai_compatible …")],
    secret: Secret = None,
    secret_file: SecretFile = None,
    *,
    fields: Row,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Store a credential; its secret is asked for."""
    whole = {**given(name=name, vendor=vendor, secret=read_secret(secret, secret_file, name)), **fields}
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, whole))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
@takes((*FIELDS, *FOLLOWED))
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


@app.command()
@at_desk
def disable(desk: Desk, which: Which, reason: Reason = None, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Take a credential out of service."""
    fields = {"disabled": True, "disabled_reason": reason or ""}
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields)), NOUN, output)


@app.command()
@at_desk
def enable(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Put a credential back into service."""
    fields = {"disabled": False, "disabled_reason": ""}
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields)), NOUN, output)


@app.command()
@at_desk
def check(
    desk: Desk,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="Only these.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Ask vendors now whether credentials work. Exit 1 if one fails.

    Each is asked for a list of models and never for a completion. Gateways are not told.
    """
    rows = desk.here("credential check").check(tuple(names or ()))
    failed = sum(bool(row["failed"]) for row in rows)
    beside: Row = {"schema_version": 1, "ok": not failed}
    print_rows(rows, {name: name for name in _CHECKED}, output, under="credentials", beside=beside)
    say(tr("{number} checked, {failed} failed.", number=sum(row["milliseconds"] is not None for row in rows), failed=failed))
    raise typer.Exit(1 if failed else 0)


add_delete(app, NOUN)
add_life(app)
add_guide(app)
add_source(app)
