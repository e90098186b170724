"""`stationmaster vendor`: what each vendor offers an interface for, and what stays to be done by hand."""

import typer

from stationmaster.cli.output import Format, print_rows
from stationmaster.cli.verbs import Output, noun_app
from stationmaster.i18n import told, tr
from stationmaster.vendors._base import Capability
from stationmaster.vendors.registry import VENDORS, Vendor

app = noun_app("Vendors: what each offers, and what stays by hand.", {"show": "list"})


@app.command(name="list")
def list_(output: Output = Format.TABLE) -> None:
    """List vendors, and what each offers.

    What their admin interfaces can do, and what people do there themselves. Asks nobody.
    """
    rows = [_row(vendor, table=output is Format.TABLE) for vendor in VENDORS.values()]
    print_rows(rows, {name: name for name in rows[0]}, output, under="vendors", beside={"schema_version": 1})
    if output is Format.TABLE:
        typer.echo()
        sentences = [{"vendor": each.name, "by_hand": told(words)} for each in VENDORS.values() for words in each.by_hand]
        print_rows(sentences, {"vendor": "vendor", "by_hand": "by_hand"}, output)


def _row(vendor: Vendor, *, table: bool) -> dict[str, object]:
    offers = {each.value: _yes(each in vendor.capabilities) if table else each in vendor.capabilities for each in Capability}
    more = {} if table else {"known_by": vendor.known_by, "by_hand": [*vendor.by_hand]}
    return {"vendor": vendor.name, **offers, "roles": [*vendor.roles], **more}


def _yes(offered: bool) -> str:
    return tr("yes") if offered else ""
