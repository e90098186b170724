"""`stationmaster person`: the company's people, what vendors know them by, and files of them."""

from typing import Annotated

import typer

from stationmaster.cli import person_import
from stationmaster.cli.desk import Asked, Desk, Row
from stationmaster.cli.fields import Option, takes
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.verbs import (
    DryRun,
    Noun,
    Output,
    Revision,
    Yes,
    add_delete,
    add_list,
    add_show,
    change,
    confirm,
    given,
    noun_app,
    print_one,
)
from stationmaster.i18n import marked, tr

app = noun_app("The company's people.")
Who = Annotated[str, typer.Argument(metavar="PERSON", help="An id, a user name or an e-mail address.")]
NOUN = Noun(
    "person", "people",
    ("id", "user_name", "display_name", "given_name", "family_name", "email", "further_emails", "department", "title", "manager",
     "employee_number", "external_id", "logins", "groups", "source", "active", "left_at", "erased_at", "revision", "created_at",
     "updated_at"),
    ("user_name", "display_name", "email", "department", "source", "active", "updated_at"),
    lambda row: {**row, "logins": [f"{each['vendor']}:{each['login']}" for each in row.get("logins", ())]},
    which=Who,
)  # fmt: skip
_CONFLICT = ("kind", "vendor", "name", "persons")

UserName = Annotated[str | None, typer.Option(help="The e-mail address when left out.")]
Email = Annotated[str | None, typer.Option(help="The first address; '' for none.")]
Further = Annotated[list[str] | None, typer.Option("--further-email", help="Another address. Repeatable; all anew; '' for none.")]
DisplayName = Annotated[str | None, typer.Option("--name", help="What they are called.")]
GivenName = Annotated[str | None, typer.Option(help="First name.")]
FamilyName = Annotated[str | None, typer.Option(help="Last name.")]
Department = Annotated[str | None, typer.Option(help="Where they work.")]
Title = Annotated[str | None, typer.Option(help="What they are.")]
Manager = Annotated[str | None, typer.Option(help="Who leads them.")]
Number = Annotated[str | None, typer.Option("--employee-number", help="The company's number for them.")]
ExternalId = Annotated[str | None, typer.Option(help="Another system's id for them.")]
Vendor = Annotated[str, typer.Argument(metavar="VENDOR", help="openai, anthropic, github_copilot, cursor …")]
Login = Annotated[str, typer.Argument(metavar="LOGIN", help="What the vendor knows them by.")]


def _all(values: list[str]) -> list[str]:
    return [each for each in values if each]


FIELDS = (
    Option("user_name", UserName), Option("name", DisplayName, "display_name"), Option("given_name", GivenName),
    Option("family_name", FamilyName), Option("further_email", Further, "further_emails", _all),
    Option("department", Department), Option("title", Title), Option("manager", Manager), Option("employee_number", Number),
    Option("external_id", ExternalId),
)  # fmt: skip

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
@takes(FIELDS)
def create(
    desk: Desk,
    email: Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="Their e-mail address.")] = None,
    *,
    fields: Row,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Add a person by hand."""
    whole = {**given(email=email), **fields}
    print_one(change(desk, dry_run, output, lambda: desk.create(NOUN.path, whole)).row, NOUN, output)


@app.command()
@at_desk
@takes((Option("email", Email), *FIELDS))
def update(
    desk: Desk, who: Who, *, fields: Row, revision: Revision = None, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:
    """Change what is given."""
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, who, fields, revision)), NOUN, output)


@app.command()
@at_desk
def deactivate(
    desk: Desk, who: Who, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:  # fmt: skip
    """Have somebody leave.

    Sessions, API tokens and virtual keys of theirs end at once.
    """
    if not dry_run:
        confirm(tr("Have {who} leave? Their sessions, tokens and keys end at once.", who=who), yes)
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, who, "deactivate", {})), NOUN, output)


@app.command()
@at_desk
def reactivate(desk: Desk, who: Who, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Have somebody back. What ended when they left stays ended."""
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, who, "reactivate", {})), NOUN, output)


@app.command()
@at_desk
def erase(desk: Desk, who: Who, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Forget everything personal about somebody, who leaves by that. The audit trail stays whole."""
    if not dry_run:
        confirm(tr("Forget everything about {who}? Nothing brings it back.", who=who), yes)
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, who, "erase", {})), NOUN, output)


add_delete(app, NOUN, about="Delete one person, to whom nothing refers.", question=marked("Delete {which}?"))


@app.command()
@at_desk
def link(
    desk: Desk,
    who: Who,
    vendor: Vendor,
    login: Login,
    move: Annotated[bool, typer.Option("--move", help="Also when it is somebody else's now.")] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Say what a vendor knows somebody by."""
    fields = {"vendor": vendor, "login": login, "move": move}
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, who, "logins", fields)), NOUN, output)


@app.command()
@at_desk
def unlink(
    desk: Desk, who: Who, vendor: Vendor, login: Login, dry_run: DryRun = False, output: Output = Format.TABLE
) -> None:  # fmt: skip
    """Take that away again."""
    fields = {"vendor": vendor, "login": login}
    print_one(change(desk, dry_run, output, lambda: desk.act(NOUN.path, who, "logins/remove", fields)), NOUN, output)


@app.command()
@at_desk
def conflicts(desk: Desk, output: Output = Format.TABLE) -> None:
    """List claims that contradict each other.

    They are for somebody to settle. Exit 1 if there are any.
    """
    found = desk.page("people/conflicts", Asked())
    columns = {name: name for name in _CONFLICT}
    print_rows(found.items, columns, output, under="conflicts", beside={"schema_version": 1, "total": found.total})
    if found.items:
        raise typer.Exit(1)


person_import.add_to(app)
