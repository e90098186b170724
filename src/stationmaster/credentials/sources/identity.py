"""Identity tokens, which are exchanged for an issuer's own. Owns: the two places that they come from.

A file is named, never its path: it stands in the one folder that this process's settings name (as Kubernetes projects tokens).
Or another source's secret is one, such as a token of the company's identity provider.
"""

import re
from collections.abc import Callable
from typing import Final

from stationmaster.credentials.models import Credential
from stationmaster.credentials.sources.policy import policy
from stationmaster.errors import Invalid, NotFound, StationmasterError
from stationmaster.line.errors import Transient

LARGEST: Final = 16 * 1024           # bytes: what Anthropic takes at most
KINDS: Final = frozenset({"oauth2_client_credentials", "oauth2_refresh_token", "entra"})     # that give tokens of identity
_JWT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


def check(named: str) -> None:
    """Raise `Invalid` for one that cannot be had here: no folder is set, no such source."""
    place, _, name = named.partition(":")
    if place == "file" and policy().folder is None:
        why = "no folder for identity tokens is set"
        raise Invalid("error.source.no_folder", f"identity: {why}", hint="whoever runs the processes sets identity.folder",
                      fields={"identity": why})  # fmt: skip
    if place == "credential":
        _source_of(name)


def giver(named: str, fresh: Callable[[str], str]) -> Callable[[], str]:
    """What gives the token. `fresh`: the secret of a source (by id), refreshed if need be."""
    place, _, name = named.partition(":")
    return (lambda: _read(name)) if place == "file" else (lambda: _token(fresh(_source_of(name))))


def _read(name: str) -> str:
    """Read anew each time: who projects it replaces it."""
    folder = policy().folder
    if folder is None:
        raise StationmasterError("error.source.no_folder", "no folder for identity tokens is set", fault="operator")
    path = folder / name
    try:
        # A link may lead on within the folder, as Kubernetes' do, and not out of it.
        if not path.resolve().is_relative_to(folder.resolve()):
            raise PermissionError
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError:
        raise Transient("the identity token's file cannot be read") from None
    return _token(data.decode("ascii", "replace").strip())


def _token(text: str) -> str:
    if len(text) > LARGEST or not _JWT.fullmatch(text):
        raise StationmasterError("error.source.bad_identity", "the identity token is no JSON Web Token", fault="operator")
    return text


def _source_of(name: str) -> str:
    row = Credential.objects.filter(name=name).first()
    source = getattr(row, "source", None) if row is not None else None
    if source is None or source.kind not in KINDS:
        raise NotFound("error.source.not_found", "there is no source of that name which gives identity tokens",
                       fields={"identity": "no such source"})  # fmt: skip
    return str(source.id)
