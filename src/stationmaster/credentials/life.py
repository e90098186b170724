"""What people decide of a credential's life, and what is shown of it. Owns how those fields are stored, and the plain values of
generations. May not know jobs or vendors.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from stationmaster.credentials import expiry, generations
from stationmaster.credentials.models import KEPT, OVER, Credential, CredentialSecret
from stationmaster.credentials.tables import LIFE, LifeTable
from stationmaster.errors import Conflict, Invalid
from stationmaster.store.given import Given, Rows, read
from stationmaster.store.lookup import find
from stationmaster.workspaces.models import Workspace


def fill(row: Credential, given: Given) -> None:
    """Take the fields that are given. Raises `Invalid`, `NotFound` for a workspace that there is not."""
    asked = {name: value for name, value in given.items() if name in LIFE}
    if not asked:
        return
    report = Rows("credential")
    table = read("credential", LifeTable, {name: _spelt(value) for name, value in asked.items() if value != []}, report).table
    report.refuse()
    for name in asked:
        setattr(row, name, _stored(name, getattr(table, name)))


def _spelt(value: Any) -> Any:
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if isinstance(value, datetime) else value


def _stored(name: str, value: Any) -> Any:
    if name == "workspace":
        return find(Workspace, value).id if value else ""
    return _moment(value) if name == "expires_at" else value


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text else None
        return moment if moment is None else moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        why = "there is no such date or time"
        raise Invalid("error.config.bad_value", f"expires_at: {why}", fields={"expires_at": why}) from None


def show(row: Credential) -> Mapping[str, Any]:
    """The fields as plain values, and what follows from them."""
    return {
        "generation": row.generation, "incoming": row.incoming, "share": row.share, "workspace": row.workspace,
        "project": row.project, "scopes": list(row.scopes), "lifetime_days": row.lifetime_days, "rotate_days": row.rotate_days,
        "keep_hours": row.keep_hours, "warn_days": row.warn_days, "secret_since": row.secret_since,
        "expires_at": row.expires_at, "expiry": expiry.state(row, timezone.now()), "override": row.override,
        "override_until": row.override_until, "override_reason": row.override_reason, "probed_at": row.probed_at,
        "probe_ok": row.probe_ok, "probe_words": row.probe_words, "organisation_seen": row.organisation_seen,
    }  # fmt: skip


def show_generation(row: CredentialSecret) -> Mapping[str, Any]:
    """One generation as plain values; of its secret only whether it is held here."""
    kept = row.state == KEPT and generations.reveal_there(row)
    return {
        "id": row.id, "number": row.number, "origin": row.origin, "state": row.state, "since": row.since, "cause": row.cause,
        "words": row.words, "secret_set": generations.reveal_there(row), "vendor_key": row.vendor_key,
        "service_account": row.service_account, "project": row.project, "workspace": row.workspace, "scopes": list(row.scopes),
        "minted_at": row.minted_at, "expires_at": row.expires_at, "keep_until": row.keep_until if kept else None,
        "revoked_at": row.revoked_at,
        "job": row.job,
    }  # fmt: skip


def shown(row: Credential) -> list[Mapping[str, Any]]:
    """The last twenty of them, the newest first."""
    return [show_generation(each) for each in generations.of(row)[:20]]


def nothing_left(row: Credential) -> None:
    """Raise `Conflict` when the vendor still knows keys that were minted for it: deleted here, nobody would know of them."""
    left = [each for each in generations.of(row) if each.origin == "minted" and each.state not in OVER]
    if left:
        numbers = ", ".join(str(each.number) for each in left[:10])
        raise Conflict("error.credential.keys_left", f"the vendor still knows keys that were minted for {row.name}: {numbers}",
                       hint="revoke them first")  # fmt: skip
