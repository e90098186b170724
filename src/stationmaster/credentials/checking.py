"""The rules of a credential's own fields: those of gateway.toml's `[[credential]]`. Owns: that they hold here too, and that no
vendor is sent what is known to be another one's."""

from typing import Final
from urllib.parse import urlsplit

from stationmaster.credentials.tables import LIFE
from stationmaster.errors import Invalid
from stationmaster.gateway.config import build
from stationmaster.gateway.config.secret import SecretError, check_use, resolve
from stationmaster.gateway.config.shapes import Shape, shape_of
from stationmaster.gateway.config.tables import CredentialTable
from stationmaster.store import writeonly
from stationmaster.store.given import AROUND, Given, Rows, read, text
from stationmaster.vendors.registry import VENDORS
from stationmaster.workspaces import addresses

_OPEN: Final = "openai_compatible"       # anybody's server: whose keys it takes is its own affair
# Beginnings that one vendor alone gives its keys. "sk-" by itself is many vendors', and a JSON Web Token anybody's.
_SURE: Final = frozenset({
    "openai_project_key", "openai_service_account_key", "anthropic_api_key", "google_api_key", "bedrock_api_key",
    "bedrock_short_key", "openrouter_key", "groq_key", "xai_key",
})  # fmt: skip
_KIN: Final = {"vertex": "gemini"}       # one company's interfaces, which take each other's keys


def checked(given: Given) -> CredentialTable:
    """The fields, by the rules of the file. Raises `Invalid`."""
    report = Rows("credential")
    table = {name: value for name, value in given.items() if name not in {"disabled_reason", *LIFE} and value != {}}
    row = read("credential", CredentialTable, table, report)
    build.credential(row, AROUND, report)
    addresses.check_url(row.table.base_url, report, allow_insecure_http=row.table.allow_insecure_http)
    text(given, "disabled_reason", report)
    report.refuse()
    check_owner(row.table.secret, row.table.vendor, row.table.base_url)
    return row.table


def checked_slot(given: Given) -> CredentialTable:
    """The same of one whose secret is yet to come. Raises `Invalid`."""
    return checked({**given, "secret": writeonly.KEPT})


def checked_secret(secret: str, vendor: str) -> str:
    """A secret that may be stored. Raises `Invalid`, as for one that is not for API use."""
    try:
        check_use(resolve(secret, AROUND), vendor)
    except SecretError as error:
        why = f"{error.message} — {error.hint}" if error.hint else error.message
        raise Invalid(error.code, f"secret: {why}", fields={"secret": why}) from None
    return secret


def check_owner(secret: str, vendor: str, base_url: str) -> None:
    """Raise `Invalid` for a secret whose shape is known to be another vendor's than the one that it would be sent to."""
    shape = shape_of(secret)
    if not _foreign(shape, vendor, base_url):
        return
    why, hint = "this is another vendor's secret", f"recognised as {shape.kind} ({VENDORS[shape.vendor].title})"
    raise Invalid("error.credential.foreign_secret", f"secret: {why}", hint=hint, fields={"secret": f"{why} — {hint}"})


def _foreign(shape: Shape, vendor: str, base_url: str) -> bool:
    """Whether a secret of this shape is none for a vendor at an address. OpenAI's interface is spoken by many servers, each of
    which gives keys of its own; other vendors' at an address of its own by those that resell."""
    if shape.kind not in _SURE or vendor == _OPEN or shape.vendor in (vendor, _KIN.get(vendor)):
        return False
    if vendor == "openai" and not _at_openai(base_url):
        return False
    return shape.vendor != _OPEN or not base_url or vendor == "openai"


def _at_openai(base_url: str) -> bool:
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    return not base_url or f".{host}".endswith(".api.openai.com")
