"""New virtual keys. Owns: what one looks like, how it is hashed, and the `[[key]]` that lets it in."""

import hashlib
import re
import secrets

import msgspec

from stationmaster.errors import StationmasterError
from stationmaster.gateway.config.tables import ID_PATTERN


class NewKey(msgspec.Struct, frozen=True):
    """A key to hand out once, and what the config file may know of it."""

    id: str
    key: str
    secret_sha256: str

    def __repr__(self) -> str:
        return f"NewKey({self.id!r}, key=…)"

    def block(self) -> str:
        """Write the `[[key]]` table to paste into the config file."""
        return f'[[key]]\nid = "{self.id}"\nsecret_sha256 = "{self.secret_sha256}"\nmodels = ["*"]\n'


def new_key(id: str = "") -> NewKey:  # noqa: A002  # the word of the file format
    """Make a key of 256 random bits; without an id it is named after its hash."""
    key = f"sm-{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    if id and not re.match(ID_PATTERN, id):
        hint = "letters, digits and . _ : @ / -, beginning with a letter or digit"
        raise StationmasterError("error.usage.bad_id", "this cannot be a key's id", hint=hint)
    return NewKey(id or f"key-{digest[:8]}", key, digest)
