"""Secrets as people send them. Owns: that an empty one keeps the old, a masked one is refused, and none follows its row
to another address."""

from typing import Any, Final

from stationmaster.errors import Invalid
from stationmaster.store.given import Given
from stationmaster.store.sealed import is_masked

KEPT: Final = "kept-as-it-is-stored"      # stands for the stored secret while the other fields are checked


def new(given: Given, name: str = "secret") -> str:
    """The secret to store; empty means: keep the old one. Raises `Invalid` for a masked value that was sent back."""
    secret = given.get(name) or ""
    if not isinstance(secret, str):
        raise _invalid("error.config.bad_value", name, "expected a string", "")
    if is_masked(secret):
        raise _invalid("error.secret.masked", name, "this is a masked value, not a secret", "leave it empty to keep the old one")
    return secret


def stays(row: Any, vendor: str, base_url: str, name: str = "secret") -> None:
    """Raise `Invalid` when a secret that is kept would be sent elsewhere than its owner agreed to: who may edit an
    address, but never saw the secret, could have it sent to themselves."""
    if vendor != row.vendor or base_url.rstrip("/") != row.base_url:
        hint = "a stored secret is not sent to another address: give it anew"
        raise _invalid("error.secret.needed", name, "needed together with another vendor or base_url", hint)


def _invalid(code: str, name: str, message: str, hint: str) -> Invalid:
    return Invalid(code, f"{name}: {message}", hint=hint, fields={name: message})
