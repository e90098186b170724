"""What every client's two turns have to show. Owns: the comparison of what the client was told, what the vendor
was asked, and what the gateway wrote down."""

import secrets
from typing import Any

from clients.station import SECRETS, Entry, Station, fingerprint

PAST = "a-key-of-no-gateway"  # presented by clients that are pointed past the gateway
PRIVATE = (
    "x-codex-turn-metadata",
    "x-codex-installation-id",
    "x-gemini-api-privileged-user-id",
    "x-session-affinity",
    "x-session-id",
    "x-parent-session-id",
    "cookie",
    "sec-fetch-mode",
)


def nonce() -> str:
    """A word that the sandbox repeats."""
    return f"nonce:{secrets.token_hex(8)}"


def calls(station: Station, client: str, count: int) -> list[tuple[Entry, dict[str, Any]]]:
    """The client's calls, exactly `count`: what the vendor saw, and the event of it. All went well."""
    entries, events = station.ledger(), station.events(client, count)
    assert len(entries) == len(events) == count, (entries, events)
    for entry, event in zip(entries, events, strict=True):
        check(entry, event)
    return list(zip(entries, events, strict=True))


def check(entry: Entry, event: dict[str, Any]) -> None:
    """One call: our credential, nothing private, the body unchanged, everything metered."""
    vendor = event["credential"]
    assert (event["status"], event["upstream_status"], event["attempts"], event["error"]) == (200, 200, 1, "")
    assert entry.credential == fingerprint(SECRETS[vendor])
    assert not private(entry)
    assert entry.body_length == event["bytes_in"]
    assert event["usage_source"] == "upstream_final"
    assert not event["client_left"]


def broken(station: Station, client: str, count: int) -> None:
    """All `count` calls of the client are recorded as streams that the vendor broke off."""
    events = station.events(client, count)
    assert [(event["status"], event["error"]) for event in events] == [(200, "upstream_disconnected")] * count


def private(entry: Entry) -> set[str]:
    """Headers of the caller's that no vendor is meant to see."""
    return {name for name in entry.headers if name in PRIVATE or name.startswith("x-stainless-")}


def counted(event: dict[str, Any]) -> dict[str, int]:
    """An event's tokens, with what vendors call the prompt and its answer whole."""
    tokens: dict[str, int] = event["tokens"]
    return tokens | {"prompt": tokens["input"] + tokens["cache_read"] + tokens["cache_write"]}
