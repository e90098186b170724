"""`stationmaster master-key`: what stored secrets are sealed with. Only on the control plane's own machine."""

from collections.abc import Mapping
from typing import Annotated

import typer

from stationmaster.cli.desk import Desk
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import PENDING, Output, Yes, confirm, noun_app
from stationmaster.errors import Conflict, NotFound
from stationmaster.i18n import tr, trn

app = noun_app("What stored secrets are sealed with.")

_WHAT = "master-key"
_COLUMNS = ("id", "active", "secrets")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing; exit 10 if anything would.")]


@app.command()
@at_desk
def status(desk: Desk, output: Output = Format.TABLE) -> None:
    """List the keys of the ring, and how many secrets need each."""
    active, users = desk.here(_WHAT).key_users()
    rows = [{"id": key, "active": key == active, "secrets": number} for key, number in users.items()]
    print_rows(rows, {name: name for name in _COLUMNS}, output, under="master_keys", beside={"schema_version": 1})


@app.command()
@at_desk
def rotate(desk: Desk, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Make a new key and seal every secret anew with it. Nothing stops meanwhile."""
    machine = desk.here(_WHAT)
    if dry_run:
        number = sum(machine.key_users()[1].values())
        say(trn("{number} secret would be sealed with a new key.", "{number} secrets would be sealed with a new key.", number))
        raise typer.Exit(PENDING)
    new, done, broken = machine.rotate_master_key()
    print_object({"active": new, "sealed": done, "broken": list(broken)}, output)
    say(tr("Keep a copy of master.keys now, elsewhere than the database's. `master-key retire` takes the old key out, once no "
           "backup needs it."))  # fmt: skip
    _tell(broken)


@app.command()
@at_desk
def rewrap(desk: Desk, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Seal anew what older keys sealed: go on with a rotation."""
    machine = desk.here(_WHAT)
    active, users = machine.key_users()
    if dry_run:
        number = sum(users.values()) - users.get(active, 0)
        say(trn("{number} secret would be sealed anew.", "{number} secrets would be sealed anew.", number))
        raise typer.Exit(PENDING if number else 0)
    done, broken = machine.rewrap()
    print_object({"active": active, "sealed": done, "broken": list(broken)}, output)
    _tell(broken)


@app.command()
@at_desk
def retire(
    desk: Desk,
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `master-key status` lists it.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Take a key that nothing needs any more out of the ring."""
    machine = desk.here(_WHAT)
    if dry_run:
        _check_retirable(key, *machine.key_users())
        say(tr("The key would be taken out of the ring."))
        raise typer.Exit(PENDING)
    confirm(tr("Take the master key {key} out of the ring? Backups that it sealed do not open without it.", key=key), yes)
    machine.retire(key)
    say(tr("Done."))


def _check_retirable(key: str, active: str, users: Mapping[str, int]) -> None:
    """Raise what `retire` would."""
    if key not in users:
        raise NotFound("error.vault.unknown_key", "the ring has no such key", hint="`stationmaster master-key status` lists them")
    if key == active or users[key]:
        raise Conflict("error.vault.key_in_use", f"stored secrets still need the master key {key}",
                       hint="run `stationmaster master-key rewrap`, or rotate first")


def _tell(broken: tuple[str, ...]) -> None:
    if broken:
        for each in broken:
            say(f"  {each}")
        say(tr("These do not open: set them anew."))
        raise typer.Exit(3)
