"""Where a credential's secret comes from, and whether it is one for API use. Owns: `env:`, `file:`, literals.

Never puts a secret, or anything that may be one, into a message.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.config.problems import did_you_mean, shown
from stationmaster.gateway.config.shapes import shape_of
from stationmaster.gateway.core.clouds import is_json

ReadFile = Callable[[Path], bytes]

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SENDABLE = re.compile(r"[\x21-\x7e]+")
_SHORTEST = 8              # characters; an error that repeats the secret is withheld, and a shorter one is in any text

_OWN_API = {"openai", "anthropic", "gemini"}  # whose API keys are never JSON Web Tokens


class SecretError(StationmasterError):
    """A secret that cannot be used."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a file may refer to outside itself. `folder` is where relative paths start, `is_folder` whether one is
    there."""

    environ: Mapping[str, str]
    read_file: ReadFile
    folder: Path
    allow_literal_secrets: bool = False
    is_folder: Callable[[Path], bool] = lambda _: True

    def __repr__(self) -> str:
        return f"Surroundings(folder={str(self.folder)!r})"


def resolve(written: str, around: Surroundings) -> str:
    """Return the secret that `written` stands for, which a header can carry. Raises `SecretError`."""
    source = {"env": "the variable", "file": "the file"}.get(written.partition(":")[0], "it")
    return _sendable(fetched(written, around), source)


def fetched(written: str, around: Surroundings) -> str:
    """Return what `written` stands for, as it is: a password may hold spaces, a certificate lines. Raises `SecretError`."""
    scheme, colon, rest = written.partition(":")
    if colon and scheme == "env":
        return _from_env(rest, around.environ)
    if colon and scheme == "file":
        return _from_file(rest, around)
    if around.allow_literal_secrets:
        return written
    hint = 'write "env:NAME" or "file:/path", or pass --allow-literal-secrets'
    raise _refused("error.config.literal_secret", "the secret itself stands in the file", hint)


def check_use(secret: str, vendor: str) -> None:
    """Raise `SecretError` for a secret that its vendor did not issue for calling models through an API."""
    use = shape_of(secret).use
    google = vendor == "vertex" and secret.startswith("ya29.")    # what a service account is given for an hour
    if (use == "consumer" and not google) or (secret.startswith("eyJ") and vendor in _OWN_API):
        raise _refused(
            "error.credential.not_for_api_use",
            "this is a browser-session or OAuth token, which is not issued for API use",
            "make an API key in the vendor's console",
        )
    if use == "admin":
        raise _refused(
            "error.credential.admin_key",
            "this is an organisation's admin key, which cannot call models",
            "make a project or service-account key for the gateway",
        )


def _from_env(name: str, environ: Mapping[str, str]) -> str:
    if not _ENV_NAME.fullmatch(name):
        message = "what follows env: is not the name of a variable"
        raise _refused("error.config.secret", message, "write it like env:OPENAI_KEY")
    value = environ.get(name)
    if value is None:
        hint = did_you_mean(name, environ) or "export it before starting"
        raise _refused("error.config.secret", f"the environment variable {shown(name)} is not set", hint)
    return value


def _from_file(path: str, around: Surroundings) -> str:
    try:
        content = around.read_file(around.folder / path).decode()
    except OSError as error:
        why = error.strerror or "no reason given"
        raise _refused("error.config.secret", f"cannot read the file {shown(path)}: {why}") from None
    except ValueError:  # not UTF-8, or a path no file can have
        raise _refused("error.config.secret", f"cannot read the file {shown(path)} as text") from None
    return content.removesuffix("\n").removesuffix("\r")


def _sendable(secret: str, source: str) -> str:
    if is_json(secret):        # an AWS identity, as files hold it: in several lines
        secret = _in_one_line(secret)
    if not secret:
        raise _refused("error.config.secret", f"{source} is empty")
    if not _SENDABLE.fullmatch(secret):
        message = f"{source} holds white space, control characters or letters outside ASCII"
        raise _refused("error.config.secret", message, "a secret is one word: look for a line break")
    if len(secret) < _SHORTEST:
        message = f"{source} holds fewer than {_SHORTEST} characters"
        raise _refused("error.config.secret", message, "vendors' keys are far longer; for the sandbox any text of 8 will do")
    return secret


def _in_one_line(document: str) -> str:
    try:
        return msgspec.json.encode(msgspec.json.decode(document)).decode()
    except (msgspec.DecodeError, RecursionError):
        return document


def _refused(code: str, message: str, hint: str = "") -> SecretError:
    return SecretError(code, message, hint=hint)
