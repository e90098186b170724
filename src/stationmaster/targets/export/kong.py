"""Kong's declarative file, as decK reads it (https://developer.konghq.com/deck/).

A route per model, with `ai-proxy` where one credential serves it and `ai-proxy-advanced`, which Kong licenses, where several do.
Secrets are decK's environment variables (https://developer.konghq.com/deck/reference/env-variables/). Fields are those of the
plugins' published schemas for Kong 3.10.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stationmaster.i18n import marked
from stationmaster.targets.export.places import EVERY, Address, Serving, address, pattern, servings, tiers
from stationmaster.targets.export.values import Export, Exported, LeftOut, Reference, dump, slug

TAG = "stationmaster"
HEAVIEST = 65_535              # of a target's weight, as the plugin's schema has it
LARGEST_BODY = 32 * 1024 * 1024

_PROVIDERS = {
    "openai": "openai", "openai_compatible": "openai", "anthropic": "anthropic", "gemini": "gemini", "azure_openai": "azure",
}  # fmt: skip
_TEMPLATES = ("${{", "$(")       # decK's, in the whole text of a file, and Kong's, in a model's name
_FAILOVER = ("error", "timeout", "http_429", "http_502", "http_503", "non_idempotent")
_HEADING = (
    "Written by Stationmaster. Entities are tagged `stationmaster`; `deck gateway sync` with this file touches no others.",
    "Secrets are not in it: set these environment variables for decK before it is synced.",
)


def kong(those: Iterable[Exported]) -> Export:
    """The file for these credentials. Clients call /stationmaster/VENDOR/MODEL/chat/completions."""
    usable, left_out = _sorted_out(those)
    services = [_service(vendor, serving) for vendor, members in _by_vendor(usable).items() for serving in servings(members)]
    secrets = tuple(sorted(Reference(one.credential, variable(one)) for one in usable))
    heading = [*_HEADING, *(f"  {secret.place}" for secret in secrets)]
    document = {"_format_version": "3.0", "_info": {"select_tags": [TAG]}, "services": services}
    return Export(dump([document], heading), secrets, tuple(left_out))


def variable(one: Exported) -> str:
    """The environment variable that decK takes the secret from; only names with this prefix are read."""
    return "DECK_STATIONMASTER_" + slug(one.name).replace("-", "_").upper()


def _by_vendor(usable: Iterable[Exported]) -> dict[str, list[Exported]]:
    found: dict[str, list[Exported]] = {}
    for one in usable:
        found.setdefault(one.vendor, []).append(one)
    return dict(sorted(found.items()))


def _sorted_out(those: Iterable[Exported]) -> tuple[list[Exported], list[LeftOut]]:
    usable: list[Exported] = []
    left_out: list[LeftOut] = []
    for one in sorted(those, key=lambda each: each.credential):
        why = _why_not(one)
        if why:
            left_out.append(LeftOut(one.credential, why))
        else:
            usable.append(one)
    return usable, left_out


def _why_not(one: Exported) -> str:
    if one.vendor not in _PROVIDERS:
        return marked("Kong is given API keys only, and this vendor's credentials are none.")
    where = address(one)
    if where is None:
        return marked("It has no address.")
    if any(mark in text for text in (*one.models, one.base_url) for mark in _TEMPLATES):
        return marked("decK or Kong would read a part of its models or address as a template.")
    if one.vendor == "azure_openai" and not where.host.endswith(".openai.azure.com"):
        return marked("Kong reaches Azure OpenAI under its own host names only.")
    if not where.own and one.vendor in {"anthropic", "gemini"}:
        return marked("Kong reaches this vendor under its own address only.")
    return ""


def _service(vendor: str, serving: Serving) -> dict[str, Any]:
    name = f"stationmaster-{vendor}" + ("" if serving.model == EVERY else f"-{slug(serving.model)}")
    route = {
        "name": name, "tags": [TAG], "methods": ["POST"], "paths": [_path(vendor, serving)],
        "regex_priority": 0 if serving.is_pattern else 1,
    }  # fmt: skip
    url = _url(address(serving.members[0]))
    return {"name": name, "url": url, "tags": [TAG], "routes": [route], "plugins": [_plugin(serving)]}


def _url(where: Address | None) -> str:
    """Any address of the vendor: the plugin sets where calls go."""
    return f"{'https' if where.tls else 'http'}://{where.host}:{where.port}" if where else ""


def _path(vendor: str, serving: Serving) -> str:
    """A pattern of Kong's router, which is told by its `~`. `*` stays within a segment of the path."""
    segment = pattern(serving.model, "[^#?/]+" if serving.model == EVERY else "[^#?/]*")
    return f"~/stationmaster/{vendor}/{f'(?<model>{segment})' if serving.is_pattern else segment}/chat/completions$"


def _plugin(serving: Serving) -> dict[str, Any]:
    if len(serving.members) == 1:
        config = {**_target(serving, serving.members[0]), "max_request_body_size": LARGEST_BODY}
        return {"name": "ai-proxy", "tags": [TAG], "config": config}
    balancer = {
        "algorithm": "priority" if len(_ranks(serving)) > 1 else "round-robin",
        "retries": len(serving.members) - 1, "failover_criteria": list(_FAILOVER),
    }  # fmt: skip
    targets = [{**_target(serving, member), "weight": _weight(serving, member)} for member in serving.members]
    config = {"balancer": balancer, "max_request_body_size": LARGEST_BODY, "targets": targets}
    return {"name": "ai-proxy-advanced", "tags": [TAG], "config": config}


def _ranks(serving: Serving) -> Sequence[int]:
    return sorted(set(tiers(serving.members).values()))


def _weight(serving: Serving, member: Exported) -> int:
    """With one priority its share. With several, the weight is the group (the heaviest is tried first), and shares within a
    group cannot be said."""
    ranks = tiers(serving.members)
    if len(_ranks(serving)) > 1:
        return max(_ranks(serving)) - ranks[member.credential] + 1
    return min(max(member.weight, 1), HEAVIEST)


def _target(serving: Serving, member: Exported) -> dict[str, Any]:
    where = address(member)
    model: dict[str, Any] = {"provider": _PROVIDERS[member.vendor]}
    model["name"] = "$(uri_captures.model)" if serving.is_pattern else serving.model
    options = _options(member, where, model["name"]) if where else {}
    return {
        "route_type": "llm/v1/chat", "auth": _auth(member), "model": {**model, **({"options": options} if options else {})},
        "logging": {"log_statistics": True, "log_payloads": False},
    }  # fmt: skip


def _auth(member: Exported) -> Mapping[str, str]:
    secret = '${{ env "' + variable(member) + '" }}'
    if member.vendor == "gemini":
        return {"param_name": "key", "param_value": secret, "param_location": "query"}
    if member.vendor == "anthropic":
        return {"header_name": "x-api-key", "header_value": secret}
    if member.vendor == "azure_openai":
        return {"header_name": "api-key", "header_value": secret}
    return {"header_name": "Authorization", "header_value": f"Bearer {secret}"}


def _options(member: Exported, where: Address, model: str) -> dict[str, str]:
    if member.vendor == "anthropic":
        return {"anthropic_version": "2023-06-01"}
    if member.vendor == "azure_openai":
        return {"azure_instance": where.host.removesuffix(".openai.azure.com"), "azure_deployment_id": model,
                "azure_api_version": "2024-10-21"}  # fmt: skip
    if where.own or member.vendor == "gemini":
        return {}
    tail = "/v1" if member.vendor == "openai" else ""
    return {"upstream_url": f"{_url(where)}{where.path}{tail}/chat/completions"}
