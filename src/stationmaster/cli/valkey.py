"""Where a gateway hears of the Valkey that it shares with others: its environment. Owns the two variables' meaning here; the
setting `valkey.url` of a control plane has the same names, so that one environment serves both.
"""

from collections.abc import Mapping
from pathlib import Path

from stationmaster.errors import StationmasterError

VARIABLE = "STATIONMASTER_VALKEY_URL"
_SCHEMES = ("valkey://", "valkeys://", "redis://", "rediss://", "unix://")


def valkey_url(environ: Mapping[str, str]) -> str:
    """The URL; empty when none is given. Raises StationmasterError, which does not show it: a password may stand in it."""
    url, file = environ.get(VARIABLE, ""), environ.get(f"{VARIABLE}_FILE", "")
    if not url and file:
        try:
            url = Path(file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StationmasterError(
                "error.gateway.valkey", f"cannot read the file that {VARIABLE}_FILE names: {_why(error)}",
                hint="it holds one line: the URL", fault="operator",
            ) from error
    if url and not url.startswith(_SCHEMES):
        raise StationmasterError(
            "error.gateway.valkey", "cannot use the URL of Valkey",
            hint="it is valkey://user:password@host:port/number, valkeys:// for TLS, or unix:///path", fault="operator",
        )
    return url


def _why(error: Exception) -> str:
    return (error.strerror or "it cannot be read") if isinstance(error, OSError) else "it is not text"
