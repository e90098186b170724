"""`stationmaster assignment`: who should hold a seat where."""

from typing import Annotated

import typer

from stationmaster.cli import assignment_file, plan
from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format
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

app = noun_app("Who should hold a seat where: groups and persons.")
NOUN = Noun(
    "assignment", "assignments",
    ("id", "workspace", "group", "person", "name", "role", "projects", "revision", "created_at", "updated_at"),
    ("id", "workspace", "name", "role", "projects"),
)  # fmt: skip

Workspace = Annotated[str, typer.Argument(metavar="WORKSPACE", help="Its name or id.")]
Group = Annotated[str | None, typer.Option(help="A group's name or id.")]
Person = Annotated[str | None, typer.Option(help="A person's user name, e-mail address or id.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group's name or id. Repeatable.")]
Persons = Annotated[list[str] | None, typer.Option("--person", help="A user name, e-mail address or id. Repeatable.")]
File = Annotated[
    str | None,
    typer.Option("--from", metavar="FILE", help="A CSV file with the columns person or group, workspace, role; - for stdin."),
]
Role = Annotated[str | None, typer.Option(help="One that the vendor lets us give; `vendor list` names them.")]
Projects = Annotated[list[str] | None, typer.Option("--project", help="A vendor's project, by its id. Repeatable.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The assignment's id.")]

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
def create(
    desk: Desk, workspace: Workspace, group: Group = None, person: Person = None, role: Role = None, project: Projects = None,
    dry_run: DryRun = False, output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Assign a group or a person to a workspace. A plan shows what comes of it."""
    fields = given(workspace=workspace, group=group, person=person, role=role, projects=project)
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, fields))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
def add(
    desk: Desk, workspace: Annotated[str | None, typer.Argument(metavar="[WORKSPACE]", help="Its name or id.")] = None,
    group: Groups = None, person: Persons = None, role: Role = None, file: File = None, dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Assign many at once, all of them or none, and make one plan. One that is there is given the role."""
    rows = [{"group": each} for each in group or ()] + [{"person": each} for each in person or ()]
    rows += assignment_file.rows(file) if file else []
    every = [{**given(workspace=workspace, role=role), **row} for row in rows]
    made = change(desk, dry_run, output, lambda: desk.create(f"{NOUN.path}/several", {"assignments": every}))
    print_one(made.row, plan.NOUN, output)


@app.command()
@at_desk
def update(
    desk: Desk, which: Id, role: Role = None, project: Projects = None, revision: Revision = None, dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Change role or projects."""
    fields = given(role=role, projects=project)
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, fields, revision)), NOUN, output)


add_delete(app, NOUN, about="Delete one assignment; seats go by the next plan.")
