"""From options and environment to a desk: this machine's, or with STATIONMASTER_URL one elsewhere.

Owns: which of the two it is, and that neither is used half ready. A command that only looks makes nothing: no folder, no
key ring, no table.
"""

import functools
import inspect
import os
import pwd
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from stationmaster.cli.config import Data, File, settings_of
from stationmaster.cli.desk import Desk
from stationmaster.cli.naming import with_names
from stationmaster.errors import StationmasterError
from stationmaster.store.database import SQLITE_FILE

if TYPE_CHECKING:
    from stationmaster.settings import Settings
    from stationmaster.store.actor import Actor
    from stationmaster.store.changes import Change

MAX_TOKEN = 4096      # bytes of a token's file

Url = Annotated[
    str | None,
    typer.Option("--url", help="Work at this control plane, over REST; else that of STATIONMASTER_URL.", show_default=False),
]
TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="The file with the API token; else STATIONMASTER_TOKEN is the token.", show_default=False),
]


@dataclass(frozen=True)
class Where:
    """What the command line says of the desk; None: the environment decides."""

    config: Path | None = None
    data: Path | None = None
    url: str | None = None
    token_file: Path | None = None


_OPTIONS = {"config": File, "data": Data, "url": Url, "token_file": TokenFile}


def at_desk(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a command of `verb`, whose first parameter is a desk: it takes the options that say which."""

    @functools.wraps(verb)
    def run(**given: Any) -> None:
        where = Where(**{name: given.pop(name) for name in _OPTIONS})
        with opened(where) as desk:
            _run(verb, desk, given)

    own = list(inspect.signature(verb).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    further = [inspect.Parameter(name, keyword, default=None, annotation=_OPTIONS[name]) for name in _OPTIONS]
    signature = inspect.Signature([*own, *further])
    run.__signature__ = signature  # type: ignore[attr-defined]  # typer reads it, and the annotations
    run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return run


def _run(verb: Callable[..., None], desk: Desk, given: dict[str, Any]) -> None:
    try:
        verb(desk, **given)
    except StationmasterError as error:
        raise with_names(desk, error) from None


@contextmanager
def opened(where: Where) -> Iterator[Desk]:
    """The desk that is meant. Raises `StationmasterError`."""
    url = url_of(where.url)
    if url:
        from stationmaster.cli.remote import Remote  # here: --help needs no HTTP client

        _refuse_with_url(where)
        with Remote(_checked(url), _token(where.token_file)) as remote:
            yield remote
        return
    if where.token_file is not None:
        raise StationmasterError("error.usage.url", "--token-file is for --url", hint="name the control plane with --url")
    _set_up(where.config, where.data)
    from django.db import Error

    from stationmaster.cli.local import Local

    try:
        yield Local(at_terminal())
    except Error as error:      # its words may quote rows
        message = f"the database does not answer ({type(error).__name__})"
        hint = "`stationmaster doctor` says more"
        raise StationmasterError("error.store.unreachable", message, hint=hint, fault="operator") from None


def url_of(given: str | None) -> str:
    """The control plane elsewhere that is meant; empty: this machine's."""
    return given or os.environ.get("STATIONMASTER_URL", "")


def open_store(config: Path | None, data: Path | None) -> "Settings":
    """Open this machine's store, for commands that need the database itself; return the settings. Raises
    `StationmasterError` when there is none, or it is not up to date."""
    return _set_up(config, data)


@contextmanager
def changing(actor: "Actor", dry_run: bool) -> Iterator["Change"]:
    """One change there, or with `dry_run` one of which nothing stays."""
    from stationmaster.store.changes import change, rehearsal

    with (rehearsal if dry_run else change)(actor) as edit:
        yield edit


def at_terminal() -> "Actor":
    """Whoever may read this machine's keys and database: an admin, named after their user here."""
    from stationmaster.store.actor import Actor
    from stationmaster.store.rows import new_id

    return Actor("cli", _user(), "admin", new_id("req"))


def _user() -> str:
    try:
        name = pwd.getpwuid(os.getuid()).pw_name      # not of the environment: anybody may write that
    except KeyError:
        name = str(os.getuid())
    return re.sub(r"[^A-Za-z0-9._@-]", "_", name)[:64] or str(os.getuid())


def _set_up(config: Path | None, data: Path | None) -> "Settings":
    """Open this machine's store; refuse one that is not there, or not up to date."""
    from stationmaster import i18n
    from stationmaster.diagnosis.django_database import asked
    from stationmaster.diagnosis.rounds import keys_of
    from stationmaster.store.config import StoreConfig, configure
    from stationmaster.vault import keyring

    settings = settings_of(config, data)
    i18n.use(settings.ui.language)
    environ = keys_of(settings, os.environ)
    if not has_store(settings):
        raise _not_ready(f"there is no control plane in the data folder {settings.folder} yet", _beside(settings.folder))
    ring = keyring.load(settings.folder, environ)
    url = settings.database.url.get_secret_value()
    configure(StoreConfig(settings.folder, ring, url, allowed=settings.outbound.allowed_private))
    from stationmaster.store import keyholder
    from stationmaster.store.migrating import pending

    if asked(pending):
        raise _not_ready("the database is not up to date with this program")
    asked(keyholder.digests)
    return _with_saved(settings)


def has_store(settings: "Settings") -> bool:
    """Whether a control plane was started there once: its keys are there, and its database unless that is a server's."""
    from stationmaster.diagnosis.django_database import sqlite_file
    from stationmaster.diagnosis.folder import has_ring
    from stationmaster.diagnosis.rounds import keys_of

    file = sqlite_file(settings)
    return has_ring(settings.folder, keys_of(settings, os.environ)) and (file is None or file.exists())


def _with_saved(settings: "Settings") -> "Settings":
    from stationmaster import i18n
    from stationmaster.diagnosis.django_database import asked
    from stationmaster.entrances import live, policies

    live.use(settings)
    whole = asked(live.renew)
    policies.use(live.settings)
    i18n.use(whole.ui.language)
    return whole


def _not_ready(message: str, beside: str = "") -> StationmasterError:
    hint = "start `stationmaster up` or `stationmaster control` once: it makes the database, and brings it up to date"
    hint += f"; or name another with --data{beside}"
    return StationmasterError("error.store.not_migrated", message, hint=hint, fault="operator")


def _beside(folder: Path) -> str:
    """The demo's folder, where there is one: who ran `make run` looks for that."""
    demo = folder.with_name(f"{folder.name}-demo")
    return f" (the demo's is {demo})" if (demo / SQLITE_FILE).exists() else ""


def _refuse_with_url(where: Where) -> None:
    for option, given in (("--config", where.config), ("--data", where.data)):
        if given is not None:
            raise StationmasterError("error.usage.url", f"{option} is about this machine, and the URL names another",
                                     hint="unset STATIONMASTER_URL, or leave the option out")


def _checked(url: str) -> str:
    """The URL, if a token may be sent there. Its text is not repeated: it may hold a password."""
    from stationmaster.cli.remote import is_loopback

    try:
        parts = urlsplit(url)
        odd = not parts.hostname or parts.username is not None or bool(parts.query or parts.fragment) or parts.port == 0
    except ValueError:
        odd = True
    if odd or parts.scheme not in ("http", "https"):
        raise StationmasterError("error.usage.url", "this is no address of a control plane",
                                 hint="write it like https://stationmaster.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise StationmasterError("error.usage.url", "over http:// the token could be read on the way", hint="use https://")
    return url.rstrip("/").removesuffix("/api/v1").removesuffix("/api")


def _token(file: Path | None) -> str:
    """The API token: of the file, else of STATIONMASTER_TOKEN, else of the file that STATIONMASTER_TOKEN_FILE names."""
    named = file or (None if os.environ.get("STATIONMASTER_TOKEN") else os.environ.get("STATIONMASTER_TOKEN_FILE"))
    try:
        token = Path(named).read_bytes()[:MAX_TOKEN].decode() if named else os.environ.get("STATIONMASTER_TOKEN", "")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise StationmasterError("error.usage.token", f"the token's file cannot be read: {why}") from None
    token = token.strip()
    if not re.fullmatch(r"[\x21-\x7e]{1,200}", token):
        raise StationmasterError("error.usage.token", "there is no API token, or it is not one",
                                 hint="set STATIONMASTER_TOKEN, or name its file with --token-file")
    return token
