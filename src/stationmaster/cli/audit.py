"""`stationmaster audit`: who changed what, and whether the trail of it is whole."""

from typing import Annotated

import typer

from stationmaster.cli.desk import Desk, Happened, Row
from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import Noun, Output, add_list, difference, noun_app
from stationmaster.i18n import tr, trn

_WIDE = 100      # characters of a change in a table; programs get all of it


def _change(row: Row) -> str:
    """What was different, for people."""
    text = difference(Happened("", row["before"], row["after"])) if row["before"] or row["after"] else ""
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 1]}…"


app = noun_app("Who changed what, and whether the trail is whole.")
NOUN = Noun(
    "audit event", "audit",
    ("seq", "at", "source", "subject", "action", "actor_kind", "actor", "role", "request_id", "revision", "before", "after"),
    ("seq", "at", "event", "by", "change"),
    lambda row: {
        **row, "event": f"{row['source']}:{row['subject']}:{row['action']}", "by": f"{row['actor_kind']} {row['actor']}",
        "change": _change(row),
    },
)  # fmt: skip

add_list(app, NOUN)


@app.command()
@at_desk
def verify(
    desk: Desk,
    since: Annotated[str, typer.Option(metavar="COUNT:HASH", help="A head that an earlier check printed, and you kept.")] = "",
    output: Output = Format.TABLE,
) -> None:
    """Check the whole trail. Exit 1 if it was tampered with.

    Prints the trail's head: keep it elsewhere, and check against it the next time. Then an earlier state of the whole
    database, put back, shows as well.
    """
    verdict = desk.verify(_head(since))
    head = f"{verdict['head']['count']}:{verdict['head']['hash']}"
    beside: Row = {"schema_version": 1, "ok": verdict["ok"], "head": head}
    if output is Format.TABLE:
        typer.echo(head)
        for fault in verdict["faults"]:
            typer.echo(f"{fault['seq']}  {fault['what']}")
    else:
        print_rows(verdict["faults"], {"seq": "seq", "what": "what"}, output, under="faults", beside=beside)
    number = len(verdict["faults"])
    say(tr("The trail is whole.") if verdict["ok"] else trn("{number} fault", "{number} faults", number))
    raise typer.Exit(0 if verdict["ok"] else 1)


def _head(text: str) -> Row | None:
    count, colon, hash_ = text.partition(":")
    if not text:
        return None
    if not colon or not count.isdecimal() or len(count) > 18:
        raise typer.BadParameter("expected COUNT:HASH, as `audit verify` prints it", param_hint="--since")
    return {"count": int(count), "hash": hash_}
