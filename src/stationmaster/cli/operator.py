"""`stationmaster operator`: who may log in."""

from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Desk, Made, Row
from stationmaster.cli.output import Format, print_object
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
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
from stationmaster.errors import StationmasterError
from stationmaster.i18n import marked, tr

app = noun_app("Who may log in to the console and the API.")
Who = Annotated[str, typer.Argument(metavar="OPERATOR", help="An e-mail address or an id.")]
NOUN = Noun(
    "operator", "operators",
    ("id", "email", "display_name", "role", "active", "language", "password", "sso", "second_factor", "last_login_at",
     "revision", "created_at", "updated_at"),
    ("email", "display_name", "role", "active", "password", "sso", "second_factor", "last_login_at", "id"),
    which=Who,
)  # fmt: skip
_ROLES = "viewer, operator, admin, auditor or member."

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def add(
    desk: Desk,
    email: Annotated[str, typer.Argument(help="What they log in with.")],
    role: Annotated[str, typer.Option(help=_ROLES)] = "viewer",
    name: Annotated[str | None, typer.Option(help="What they are called.")] = None,
    invite: Annotated[bool, typer.Option("--invite/--no-invite", help="Make a link by which they choose a password.")] = True,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Let somebody in, and print a link by which they choose their password: once, within 24 hours.

    Whoever comes by single sign-on needs no link: --no-invite.
    """
    fields = given(email=email, role=role, display_name=name)

    def work() -> tuple[Made, Row]:
        with desk.together():
            made = desk.create(NOUN.path, fields)
            return made, _invited(desk, made.row["id"]) if invite else {}

    made, invitation = change(desk, dry_run, output, work)
    print_one(made.row, NOUN, output, invitation)
    _tell(invitation)


@app.command(name="invite")
@at_desk
def invite_(desk: Desk, operator: Who, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Print a link by which an operator chooses another password: once, within 24 hours. Links for them before are void.

    When it is used their sessions end, and their second factor is taken away.
    """
    invitation = change(desk, dry_run, output, lambda: desk.invite(operator))
    print_object(invitation, output)
    _tell(invitation)


@app.command()
@at_desk
def role(
    desk: Desk,
    operator: Who,
    role: Annotated[str, typer.Argument(help=_ROLES)],
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Give an operator another role."""
    _update(desk, operator, {"role": role}, revision, dry_run, output)


@app.command()
@at_desk
def disable(desk: Desk, operator: Who, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Let an operator in no more: sessions and tokens end at once."""
    _update(desk, operator, {"active": False}, None, dry_run, output)


@app.command()
@at_desk
def enable(desk: Desk, operator: Who, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Let an operator in again."""
    _update(desk, operator, {"active": True}, None, dry_run, output)


add_delete(
    app, NOUN, about="Take an operator's way in, sessions and tokens. The audit trail knows their name until `operator erase`.",
    question=marked("Delete the operator {which}?"),
)  # fmt: skip


@app.command()
@at_desk
def erase(desk: Desk, operator: Who, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Forget name and e-mail address of an operator who was deleted. The audit trail stays, with their id."""
    if not dry_run:
        confirm(tr("Erase the name and address of {who}? This cannot be undone.", who=operator), yes)
    change(desk, dry_run, output, lambda: desk.erase(operator))
    say(tr("Done."))


def _update(desk: Desk, operator: str, fields: dict[str, Any], revision: int | None, dry_run: bool, output: Format) -> None:
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, operator, fields, revision)), NOUN, output)


def _invited(desk: Desk, operator: str) -> Row:
    """An invitation; none where there are no passwords."""
    try:
        return desk.invite(operator)
    except StationmasterError as error:
        if error.code != "error.login.not_local":
            raise
        say(tr("Passwords are switched off here: they come by single sign-on."))
        return {}


def _tell(invitation: Row) -> None:
    if invitation:
        say(tr("The link is shown this once. Whoever opens it within 24 hours chooses this operator's password: "
               "give it to them alone."))  # fmt: skip
