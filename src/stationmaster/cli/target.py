"""`stationmaster target`: other gateways that credentials are published into."""

from pathlib import Path
from typing import Annotated, Any

import typer

from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.fields import Option, takes
from stationmaster.cli.output import Format, print_object, print_rows
from stationmaster.cli.secret_input import Secret, SecretFile, given_secret, read_secret
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.target_export import add_export
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
from stationmaster.cli.workspace import USED, Insecure, Name, Which
from stationmaster.i18n import marked, told, tr
from stationmaster.targets.registry import KINDS, Kind

app = noun_app("Other gateways that credentials are published into.", {"delete": "remove", "add": "create"})


def _people(row: Row) -> Row:
    """What its kind is, and its last jobs, in a line each."""
    if "offers" not in row:
        return row
    jobs = [f"{kind} {job['state']}" for kind, job in row["last_jobs"].items()]
    return {**row, "offers": row["offers"]["title"], "last_jobs": jobs}


NOUN = Noun(
    "target", "targets",
    ("id", "name", "label", "kind", "base_url", "user", "secret_set", "allow_insecure_http", "concurrency", "priority", "groups",
     "group_names", "models", "default", "read_minutes", "calls_per_minute", "disabled", "disabled_reason", "state", "tested_at",
     "tested_ok", "tested_words", "trouble", "read_at", "read_words", "version", "revision", "created_at", "updated_at"),
    ("name", "label", "kind", "base_url", "default", "state", "read_at"), _people,
)  # fmt: skip
_KIND = ("name", "title", "credential", "vendors", "keeps", "direction", "capabilities", "unknown", "traps")

KindName = Annotated[str, typer.Option("--kind", help=f"{', '.join(KINDS)}: `target kinds`.")]
BaseUrl = Annotated[str | None, typer.Option(help="Where its admin interface answers.")]
User = Annotated[str | None, typer.Option(help="The admin's name, or user id, where its kind wants one.")]
Label = Annotated[str | None, typer.Option(help="What people call it.")]
Concurrency = Annotated[int | None, typer.Option(min=0, help="Requests at a time of each credential there; 0: as it likes.")]
Priority = Annotated[int | None, typer.Option(min=1, max=100, help="Of what is published there; lower comes first.")]
Groups = Annotated[list[str] | None, typer.Option("--group", metavar="ID", help="A group there. Repeatable; all anew.")]
GroupNames = Annotated[list[str] | None, typer.Option("--group-name", metavar="NAME", help="A group there, by its name.")]
Models = Annotated[list[str] | None, typer.Option("--model", help="What is served there; none: every model. Repeatable.")]
Minutes = Annotated[int | None, typer.Option("--read-minutes", min=0, help="Read it back so often; 0: never by itself.")]
Calls = Annotated[int | None, typer.Option(min=0, help="Calls a minute at most; 0: its kind's rate.")]

def _listed(texts: list[str]) -> list[str]:
    """A list that an empty word empties."""
    return [each for each in texts if each]


FIELDS = (
    Option("label", Label), Option("concurrency", Concurrency), Option("priority", Priority),
    Option("group", Groups, "groups", _listed), Option("group_name", GroupNames, "group_names", _listed),
    Option("model", Models, "models", _listed), Option("read_minutes", Minutes), Option("calls_per_minute", Calls),
    Option("allow_insecure_http", Insecure), *USED,
)  # fmt: skip

add_list(app, NOUN)
add_show(app, NOUN)


@app.command()
@at_desk
@takes(FIELDS)
def create(
    desk: Desk,
    name: Name,
    kind: KindName,
    base_url: BaseUrl = None,
    user: User = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    *,
    fields: Row,
    default: Annotated[bool, typer.Option("--default", help="Publish here where no target is named.")] = False,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Store a target; its admin's secret is asked for. `target test` tries it."""
    hidden = _secret(kind, secret, secret_file, name)
    whole = {**given(name=name, kind=kind, base_url=base_url, user=user, secret=hidden, default=default or None), **fields}
    made = change(desk, dry_run, output, lambda: desk.create(NOUN.path, whole))
    print_one(made.row, NOUN, output)


@app.command()
@at_desk
@takes(FIELDS)
def update(
    desk: Desk,
    which: Which,
    base_url: BaseUrl = None,
    user: User = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    *,
    fields: Row,
    revision: Revision = None,
    dry_run: DryRun = False,
    output: Output = Format.TABLE,
) -> None:
    """Change what is given."""
    whole = {**given(base_url=base_url, user=user, secret=given_secret(secret, secret_file)), **fields}
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, whole, revision)), NOUN, output)


@app.command()
@at_desk
def default(desk: Desk, which: Which, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Publish here where no target is named."""
    print_one(change(desk, dry_run, output, lambda: desk.update(NOUN.path, which, {"default": True})), NOUN, output)


@app.command("test")
@at_desk
def try_(
    desk: Desk,
    which: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One that is stored; left out: what options say.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Without a NAME: its kind.")] = None,
    base_url: BaseUrl = None,
    user: User = None,
    secret: Secret = None,
    secret_file: SecretFile = None,
    allow_insecure_http: Insecure = None,
    output: Output = Format.TABLE,
) -> None:
    """Test the connection. It changes nothing there, and stores nothing. Exit 1 if it fails.

    Of a stored target, or of one that is not stored yet: --kind, --base-url and its secret.
    """
    if bool(which) == bool(kind):
        raise typer.BadParameter(tr("name a stored target, or give --kind"))
    hidden = given_secret(secret, secret_file) if which else _secret(kind or "", secret, secret_file, tr("the target"))
    fields = given(base_url=base_url, user=user, secret=hidden, allow_insecure_http=allow_insecure_http)
    tried = desk.act(NOUN.path, which, "test", fields) if which else desk.act("target-kinds", kind or "", "test", fields)
    print_object(tried, output)
    if not tried["ok"]:
        raise typer.Exit(1)


@app.command()
@at_desk
def groups(desk: Desk, which: Which, output: Output = Format.TABLE) -> None:
    """Ask a target for its groups."""
    rows = desk.act(NOUN.path, which, "groups", {})["items"]
    print_rows(rows, {name: name for name in ("id", "name", "vendors")}, output, under="groups", beside={"schema_version": 1})


@app.command()
def kinds(output: Output = Format.TABLE) -> None:
    """List kinds of target: what each takes, and what its people should know. Asks nobody."""
    rows = [_kind(each) for each in KINDS.values()]
    shown = ("name", "title", "credential", "capabilities") if output is Format.TABLE else _KIND
    print_rows(rows, {name: name for name in shown}, output, under="kinds", beside={"schema_version": 1})
    if output is Format.TABLE:
        typer.echo()
        known = ((each.name, words) for each in KINDS.values() for words in (*each.unknown, *each.traps))
        sentences = [{"kind": name, "know": told(words)} for name, words in known]
        print_rows(sentences, {"kind": tr("kind"), "know": tr("to be known")}, output)


add_delete(app, NOUN, "remove", "Remove a target that holds nothing of ours.", marked("Remove the target {which}?"))


@app.command()
@at_desk
def forget(desk: Desk, which: Which, yes: Yes = False, dry_run: DryRun = False, output: Output = Format.TABLE) -> None:
    """Remove a target and leave there what was published.

    Nobody here knows of it any more.
    """
    if not dry_run:
        confirm(tr("Forget the target {name}, and leave what it holds?", name=which), yes)
    change(desk, dry_run, output, lambda: desk.act(NOUN.path, which, "forget", {}))
    say(tr("Done."))


add_export(app)


def _secret(kind: str, secret: str | None, file: Path | None, name: str) -> str:
    """The admin's credential; none is asked for where a target may have none."""
    known = KINDS.get(kind)
    if known is not None and known.optional and secret is None and file is None:
        return ""
    return read_secret(secret, file, name)


def _kind(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name, "title": kind.title, "credential": kind.credential, "vendors": sorted(kind.vendors),
        "keeps": sorted(kind.keeps), "direction": kind.direction,
        "capabilities": sorted(each.value for each in kind.capabilities),
        "unknown": [told(each) for each in kind.unknown], "traps": [told(each) for each in kind.traps],
    }  # fmt: skip
