"""`stationmaster target export`: credentials as a file for gateways that take no calls. The file goes to stdout or into a file;
where secrets have to be put is said on stderr."""

import enum
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from stationmaster.cli.desk import Desk, Row
from stationmaster.cli.output import Format, print_object, print_rows, printable
from stationmaster.cli.session import at_desk
from stationmaster.cli.talk import say
from stationmaster.cli.verbs import Output, given
from stationmaster.errors import Conflict, StationmasterError
from stationmaster.i18n import told, tr, trn


class Product(enum.StrEnum):
    """What the file is for."""

    KONG = "kong"
    ENVOY = "envoy"


def add_export(app: typer.Typer) -> None:
    """Add it."""
    app.command()(at_desk(export))


def export(
    desk: Desk,
    product: Annotated[Product, typer.Argument(metavar="PRODUCT", help="kong (for decK) or envoy (Envoy AI Gateway).")],
    pool: Annotated[str | None, typer.Option(metavar="NAME", help="The members of this pool.")] = None,
    credential: Annotated[list[str] | None, typer.Option(metavar="NAME", help="This one, in place of a pool.")] = None,
    namespace: Annotated[str | None, typer.Option(help="envoy: where the manifests belong. [default: default]")] = None,
    gateway: Annotated[str | None, typer.Option(help="envoy: the name of the Gateway there. [default: envoy-ai-gateway]")] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it there; stdout has the places.")] = None,
    output: Output = Format.TABLE,
) -> None:  # fmt: skip
    """Write credentials as a file for Kong or Envoy AI Gateway.

    No secret is in it. Where each has to be put, and who is not in it, is said on stderr. Exit 3 if one is left out.
    """
    fields = given(pool=pool, credentials=credential or None, namespace=namespace, gateway=gateway)
    made = desk.create(f"exports/{product.value}", fields).row
    if not made["exported"]:      # applied, an empty file would take away what is there
        _tell(_left_out(made["left_out"]))
        raise Conflict("error.export.empty", tr("none of them can be in it: no file is written"))
    if file is not None:
        _write(file, made["text"])
        say(tr("{file} is written.", file=str(file)))
    _print(made, file is not None, output)
    if made["left_out"]:
        raise typer.Exit(3)


def _print(made: Row, written: bool, output: Format) -> None:
    """The file on stdout and what is to be done on stderr; for programs all of it in one object; where the file is `written`
    elsewhere, the places on stdout."""
    if output is Format.JSON:
        print_object({"schema_version": 1, **({**made, "text": ""} if written else made)}, output)
    elif written:
        print_rows(made["secrets"], {name: name for name in ("name", "place", "key", "credential")}, output, under="secrets")
    else:
        typer.echo(made["text"], nl=False)
        _tell(_places(made["secrets"]))
    _tell(_left_out(made["left_out"]))


def _tell(lines: Sequence[str]) -> None:
    for line in lines:
        say(printable(line))


def _places(secrets: Sequence[Row]) -> list[str]:
    if not secrets:
        return []
    head = trn("{number} secret has to be put by hand:", "{number} secrets have to be put by hand:", len(secrets))
    return [head, *(f"  {each['name']} → {each['place']}{'.' if each['key'] else ''}{each['key']}" for each in secrets)]


def _left_out(those: Sequence[Row]) -> list[str]:
    if not those:
        return []
    head = trn("{number} credential is not in it:", "{number} credentials are not in it:", len(those))
    return [head, *(f"  {each['name']}: {told(each['why'])}" for each in those)]


def _write(file: Path, text: str) -> None:
    """Whole or not at all: what applies the file never reads half of it. Raises `StationmasterError`."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StationmasterError("error.usage.file", f"{file} cannot be written: {error.strerror}") from None


__all__ = ["add_export"]
