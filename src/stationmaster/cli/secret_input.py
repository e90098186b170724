"""How secrets come in: asked for, from stdin, or from a file. Owns: that none comes as an argument.

Arguments stand in the shell's history and in every process list. What looks like a secret is refused without being repeated.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from stationmaster.errors import StationmasterError
from stationmaster.i18n import tr

MAX_BYTES = 64 * 1024      # of any secret

Secret = Annotated[str | None, typer.Option("--secret", metavar="-", help="`-`: read the secret from stdin.")]
SecretFile = Annotated[Path | None, typer.Option(help="Read the secret from this file.")]

# Vendors' and our own prefixes, and JSON Web Tokens, with something behind them that nobody would type as a name.
_LIKE_SECRET = re.compile(
    r"(?:\A|[=\s\"':,])(?:sk|rk|sm|sess|gsk|xai|pplx|ghp|gho|ya29|AIza|AQ|eyJ|AKIA|glpat|hf)[-_.]?(?=[^\s/]*\d)[A-Za-z0-9_\-.]{16}"
)


def refuse_secrets(arguments: Iterable[str]) -> None:
    """Raise `StationmasterError` when one of the command line's arguments looks like a secret."""
    for argument in arguments:
        if _LIKE_SECRET.search(argument):
            raise StationmasterError(
                "error.usage.secret_argument", "an argument looks like a secret; arguments stand in histories and process lists",
                hint="let the command ask for it, or use `--secret -` or --secret-file; and have this one replaced",
            )


def read_secret(option: str | None, file: Path | None, what: str) -> str:
    """The secret of `what`: from stdin (`option` is "-"), a file, or asked for. Raises `StationmasterError`."""
    found = given_secret(option, file)
    if found is None:
        found = asked_for(what)
    return found


def given_secret(option: str | None, file: Path | None) -> str | None:
    """The secret that options give; None: they give none. Raises `StationmasterError`."""
    if option is not None and file is not None:
        raise _usage("--secret and --secret-file are two ways to say one thing", "leave one out")
    if option is not None and option != "-":
        raise _usage("a secret is never an argument", "write `--secret -` and hand it over on stdin, or use --secret-file")
    if option is not None:
        return _one_line(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin")
    return None if file is None else secret_of(file)


def secret_of(file: Path) -> str:
    """The secret in a file, less its last line break. Raises `StationmasterError`."""
    try:
        with file.open("rb") as opened:
            return _one_line(opened.read(MAX_BYTES + 1), "the file")
    except OSError as error:
        raise _usage(f"the secret's file cannot be read: {error.strerror}") from None


def asked_for(what: str) -> str:
    """Ask the person at the terminal, without echo. Raises `StationmasterError` where there is none."""
    if not sys.stdin.isatty():
        raise _usage(f"{what} needs a secret, and nobody is here to be asked", "use `--secret -` or --secret-file")
    found: str = typer.prompt(tr("Secret of {what}", what=what), hide_input=True, err=True)
    return found.strip()


def _one_line(raw: bytes, where: str) -> str:
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise _usage(f"{where} holds no text") from None
    if not text or len(raw) > MAX_BYTES:
        raise _usage(f"{where} is {'too long for a secret' if text else 'empty'}")
    return text


def _usage(message: str, hint: str = "") -> StationmasterError:
    return StationmasterError("error.usage.secret", message, hint=hint)
