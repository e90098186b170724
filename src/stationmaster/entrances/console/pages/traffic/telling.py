"""What requests are said in. Owns: the words of how a request ended, by what its session was known, why a credential was passed
over, where its usage comes from; and amounts as people read them."""

from collections.abc import Mapping
from typing import Any, Final

from stationmaster.entrances.console.pages.parts import DASH, NOTHING, Cell, Row, Tone
from stationmaster.entrances.console.pages.words import CAUSES, Words, told_as
from stationmaster.i18n import marked, tr

_NANO: Final = 1_000_000_000
TIED: Final = "\N{NO-BREAK SPACE}"  # so that a short word stays on its line
LEFT: Final = 499  # the client left before the first byte

SESSIONS: Final[Mapping[str, str]] = {
    "header": marked("Known by a header that the client sent"),
    "cache_key": marked("Known by the request's prompt_cache_key"),
    "user_id": marked("Known by the session in the request's metadata.user_id"),
    "prompt": marked("Known by how the conversation begins"),
    "": marked("Not known: any member could serve it"),
}
SKIPPED: Final[Mapping[str, str]] = {
    "concurrency": marked("it had as many calls under way as it may"),
    "rpm": marked("its requests a minute were used up"),
    "tpm": marked("its tokens a minute were used up"),
    "suspect": marked("it was suspect, so that others came first"),
    "low_quota": marked("little was left of its vendor's limit, so that others came first"),
    "probing": marked("it was being probed"),
    "operator": marked("an operator took it out of service"),
    "rate_limited": marked("its vendor had asked for a pause"),
    "upstream": marked("its vendor had failed several times in a row"),
    "invalid_key": marked("its vendor had refused the key"),
    "denied": marked("its vendor had denied what the key was used for"),
    "billing": marked("its vendor wants to be paid first"),
    "terminated": marked("its vendor closed the account"),
    "suspended": marked("its vendor put the account on hold"),
}
FAILED: Final[Mapping[str, str]] = {
    **CAUSES,
    "overloaded": marked("the vendor was overloaded"),
    "timeout": marked("the vendor did not answer in time"),
    "connect": marked("no connection came about"),
}
SOURCES: Final[Words] = {
    "upstream_final": (marked("counted by the vendor"), "good"),
    "upstream_partial": (marked("counted by the vendor so far: the answer broke off"), "busy"),
    "estimated": (marked("estimated: the answer was cut, or its usage cannot be read"), "busy"),
    "none": (marked("none stated"), "off"),
}


def ended(row: Row) -> Cell:
    """How a request ended, as word, colour and picture."""
    words, tone, icon = _ending(int(row["status"]), str(row["error"]))
    return Cell(f"{row['status']} {words}".replace(" ", TIED), tone=tone, icon=icon)


def _ending(status: int, error: str) -> tuple[str, Tone, str]:
    if status == LEFT:
        return tr("the client left"), "off", "logout"
    if status >= 500 or (status < 400 and error):
        return (tr("failed") if status >= 500 else tr("broke off")), "bad", "alert-triangle"
    if status == 429:
        return tr("limited"), "busy", "hand-stop"
    if status >= 400:
        return tr("refused"), "bad", "circle-x"
    return tr("answered"), "good", "circle-check"


def why(words: Mapping[str, str], code: object) -> str:
    """A cause in words; one that is not known here, as it is."""
    found = words.get(str(code))
    return told_as(found) if found is not None else str(code)


def usd(nano: int | None, places: int = 2) -> str:
    """An amount; a dash where it is not known. What would round to nothing is said as exactly as that of one request."""
    if nano is not None and 0 < nano < _NANO / 10**places:
        return small(nano)
    return DASH if nano is None else f"{nano / _NANO:,.{places}f}{TIED}USD"


def small(nano: int | None) -> str:
    """What one request cost, as exactly as that is known."""
    return DASH if nano is None else f"{nano / _NANO:,.6f}{TIED}USD"


def dollars(nano: int | None) -> float | None:
    """For a chart."""
    return None if nano is None else nano / _NANO


def milliseconds(micro: int) -> Cell:
    """A length of time; nothing where there was none."""
    if not micro:
        return Cell(DASH, tone="off", number=True)
    return Cell(f"{micro / 1000:,.0f}{TIED}ms" if micro < 10_000_000 else f"{micro / 1_000_000:,.1f}{TIED}s", number=True)


def whose(row: Row) -> Cell:
    """The person of a key: their name with the way to their page, where the owner is somebody we know."""
    owner = str(row["owner"])
    if not owner:
        return NOTHING
    name = row.get("owner_name")
    return Cell(str(name), f"/people/{row['owner_id']}") if name else Cell(owner)


def tokens(row: Row) -> Cell:
    """Tokens in and out; not known is not 0."""
    held: Mapping[str, Any] | None = row["tokens"]
    if held is None:
        return Cell(DASH, tone="off", number=True)
    inside = held["input"] + held["cache_read"] + held["cache_write"]
    return Cell(f"{inside:,} / {held['output']:,}", number=True, title=tr("in / out"))
