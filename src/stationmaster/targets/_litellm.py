"""LiteLLM's rows and words: from values to what is sent, and from what is listed to values. Pure; the calls are `litellm`'s."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stationmaster.line.errors import AlreadyExists, NotFound, RemoteError, StopRun
from stationmaster.line.meaning import Meaning, Said, read_usual
from stationmaster.targets._base import Entry, Wanted
from stationmaster.targets.addresses import USUAL, bare, full
from stationmaster.targets.matching import marker

PROVIDERS = {"openai": "openai", "openai_compatible": "openai", "anthropic": "anthropic", "gemini": "gemini"}

_GONE = re.compile(r"not found in db|not found on proxy|credential not found", re.IGNORECASE)
_NO_DATABASE = re.compile(r"\bno (connected )?db\b|\bdb not connected|database not initialized|store_model_in_db", re.IGNORECASE)
_CODES: Mapping[str, type[RemoteError]] = {"no_database": StopRun, "no_db_connection": StopRun}


def _read(body: Any) -> Said:
    """Its three shapes: `error`, `detail` with an error or a text, and FastAPI's list of faults."""
    said = read_usual(body)
    detail = body.get("detail") if isinstance(body, Mapping) else None
    words = "; ".join(filter(None, (said.words, *_details(detail))))
    return Said(("no_database", *said.codes) if _NO_DATABASE.search(words) else said.codes, words)


def _details(detail: Any) -> Iterable[str]:
    if isinstance(detail, Mapping):
        return (str(detail.get("error") or detail.get("message") or ""),)
    if isinstance(detail, list):
        return (str(each.get("msg") or "") for each in detail if isinstance(each, Mapping))
    return (detail,) if isinstance(detail, str) else ()


MEANING = Meaning(codes=_CODES, phrases=((_GONE, NotFound),), statuses={409: AlreadyExists}, read=_read)


@dataclass
class Held:
    """What the proxy has of one credential of ours."""

    credential: Mapping[str, Any] | None = None
    deployments: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def deployments_of(wanted: Wanted) -> dict[str, dict[str, Any]]:
    """The deployments of a credential, by their ids."""
    provider, limit = PROVIDERS[wanted.vendor], {"max_parallel_requests": wanted.concurrency} if wanted.concurrency else {}
    found = {}
    for model in wanted.models or ("*",):
        name = f"stationmaster-{wanted.id}-{hashlib.sha256(model.encode()).hexdigest()[:12]}"
        public = model if wanted.models else f"{provider}/*"
        params = {"model": f"{provider}/{model}", "litellm_credential_name": marker(wanted.id), "order": wanted.priority, **limit}
        info = {"id": name, "stationmaster": marker(wanted.id), "access_groups": sorted(set(wanted.groups))}
        found[name] = {"model_name": public, "litellm_params": params, "model_info": info, "blocked": not wanted.enabled}
    return found


def entry_of(credential: str, held: Held) -> Entry:
    """What is uneven among the deployments shows as models that are missing, or as a priority or limit that nobody wants."""
    rows = held.deployments.values()
    right = [row for row in rows if _is_right(row, credential)]
    states = {is_blocked(row) for row in right}
    shown = [row for row in right if len(states) == 1 or not is_blocked(row)] if held.credential else []
    return Entry(
        marker(credential), credential, base_url=base_of(held), models=_models(shown),
        priority=_same((params_of(row).get("order") for row in right), -1),
        concurrency=_same((params_of(row).get("max_parallel_requests") or 0 for row in right), -1),
        groups=tuple(sorted({group for row in right for group in row["model_info"].get("access_groups") or ()})),
        enabled=not states.pop() if len(states) == 1 else None,
        mask=str(((held.credential or {}).get("credential_values") or {}).get("api_key") or ""),
    )  # fmt: skip


def _models(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Public names; none at all is told as one that nobody wants, since no models mean all."""
    names = sorted(str(row["model_name"]) for row in rows)
    if len(names) == 1 and names[0] in {f"{provider}/*" for provider in PROVIDERS.values()}:
        return ()
    return tuple(names) or ("(none)",)


def _same(values: Iterable[Any], odd: int) -> int:
    found = set(values)
    return int(found.pop()) if len(found) == 1 and None not in found else odd


def _is_right(row: Mapping[str, Any], credential: str) -> bool:
    """Whether a deployment leads where it should: somebody may have edited it."""
    provider, _, model = str(params_of(row).get("model") or "").partition("/")
    public = f"{provider}/*" if model == "*" else model
    return params_of(row).get("litellm_credential_name") == marker(credential) and row["model_name"] == public


def unlike(row: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    params, info = body["litellm_params"], body["model_info"]
    return (
        row["model_name"] != body["model_name"]
        or any(params_of(row).get(name) != value for name, value in params.items())
        or sorted(row["model_info"].get("access_groups") or ()) != info["access_groups"]
    )


def params_of(row: Mapping[str, Any]) -> Mapping[str, Any]:
    params: Mapping[str, Any] = row["litellm_params"]
    return params


def is_blocked(row: Mapping[str, Any]) -> bool:
    return bool(row.get("blocked") or row["model_info"].get("blocked"))


def base_of(held: Held) -> str | None:
    """The address in a credential, "" for the vendor's own; None: there is no credential. It is listed unmasked."""
    if held.credential is None:
        return None
    return str((held.credential.get("credential_values") or {}).get("api_base") or "").rstrip("/")


def address_of(wanted: Wanted) -> str:
    """As LiteLLM takes it: as OpenAI's SDK does, for Anthropic without a version, for Gemini with its own; "" for the vendor's
    own address. Raises `Rejected` where there is none."""
    found = full(wanted)
    if bare(found) == USUAL.get(wanted.vendor):
        return ""
    if wanted.vendor == "gemini":
        return f"{bare(found)}/v1beta"
    return bare(found) if wanted.vendor == "anthropic" else found


def checked_at(check: Mapping[str, Any]) -> str:
    try:
        return f"checked {datetime.fromisoformat(str(check['checked_at'])):%Y-%m-%d %H:%M}"
    except (KeyError, ValueError):
        return ""
