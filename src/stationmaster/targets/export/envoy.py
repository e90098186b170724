"""Envoy AI Gateway's manifests (https://aigateway.envoyproxy.io/docs/api/, aigateway.envoyproxy.io/v1beta1).

A backend and a security policy per credential, a rule per model. Keys stand in Kubernetes Secrets under `apiKey`, which are
referred to and not written. The Gateway itself is the user's.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from stationmaster.i18n import marked
from stationmaster.targets.export.places import EVERY, Address, Serving, address, pattern, servings, tiers
from stationmaster.targets.export.values import LONGEST_NAME, Export, Exported, LeftOut, Reference, dump, slug

API, ENVOY, GATEWAY = "aigateway.envoyproxy.io", "gateway.envoyproxy.io", "gateway.networking.k8s.io"
KEY = "apiKey"
MOST_RULES = 15               # of one AIGatewayRoute
MOST_BACKENDS = 128           # of one rule
LABELS = {"app.kubernetes.io/managed-by": "stationmaster"}
HEAVIEST = 1_000_000          # of a backendRef's weight (Gateway API)

_POLICIES = {
    "openai": ("APIKey", "apiKey"), "openai_compatible": ("APIKey", "apiKey"), "gemini": ("APIKey", "apiKey"),
    "anthropic": ("AnthropicAPIKey", "anthropicAPIKey"), "azure_openai": ("AzureAPIKey", "azureAPIKey"),
}  # fmt: skip
_PREFIXES = {
    "openai": "/v1", "gemini": "/v1beta/openai", "azure_openai": "/openai/v1", "openai_compatible": "", "anthropic": "/v1",
}  # fmt: skip
_HEADING = (
    "Written by Stationmaster for Envoy AI Gateway. Everything is labelled app.kubernetes.io/managed-by=stationmaster.",
    "Secrets are not in it: make these before it is applied, each with the key under `apiKey`, as",
    "kubectl create secret generic NAME --namespace NAMESPACE --from-file=apiKey=/dev/stdin",
)


def envoy(those: Iterable[Exported], *, namespace: str = "default", gateway: str = "envoy-ai-gateway") -> Export:
    """The manifests for these credentials in `namespace`, attached to the Gateway of this name there."""
    usable, left_out = _sorted_out(sorted(those, key=lambda each: each.credential))
    secrets = tuple(sorted(Reference(one.credential, f"{namespace}/{_name(one)}", KEY) for one in usable))
    documents = [*_routes(servings(usable), namespace, gateway), *_backends(usable, namespace), *_hosts(usable, namespace)]
    return Export(dump(documents, [*_HEADING, *(f"  {each.place}" for each in secrets)]), secrets, tuple(left_out))


def _sorted_out(those: Sequence[Exported]) -> tuple[list[Exported], list[LeftOut]]:
    vendors = {one.vendor for one in those if one.vendor in _POLICIES}
    found = [(one, _why_not(one, alone=len(vendors) < 2)) for one in those]
    return [one for one, why in found if not why], [LeftOut(one.credential, why) for one, why in found if why]


def _why_not(one: Exported, *, alone: bool) -> str:
    if one.vendor not in _POLICIES:
        return marked("Envoy AI Gateway is given API keys only, and this vendor's credentials are none.")
    where = address(one)
    if where is None:
        return marked("It has no address.")
    if where.tls and _is_ip(where.host):
        return marked("Envoy checks certificates by host names, and this address has none.")
    if not alone and EVERY in (one.models or (EVERY,)):
        return marked("Envoy AI Gateway tells vendors apart by model names: name this credential's models.")
    return ""


def _routes(wanted: Sequence[Serving], namespace: str, gateway: str) -> list[dict[str, Any]]:
    """Rules in as many routes as their limit asks for; the narrowest rule stands first, which decides between equals."""
    rules = [_rule(serving) for serving in wanted]
    told: list[dict[str, Any]] = []
    for start in range(0, len(rules), MOST_RULES):
        name = f"stationmaster-{start // MOST_RULES:02d}"
        parent = {"name": gateway, "kind": "Gateway", "group": GATEWAY}
        told.append(_object(f"{API}/v1beta1", "AIGatewayRoute", name, namespace, {
            "parentRefs": [parent], "rules": rules[start : start + MOST_RULES]}))  # fmt: skip
        if any(len(set(tiers(each.members).values())) > 1 for each in wanted[start : start + MOST_RULES]):
            told.append(_fallback(name, namespace))
    return told


def _rule(serving: Serving) -> dict[str, Any]:
    exact = not serving.is_pattern
    value = serving.model if exact else pattern(serving.model)
    header = {"type": "Exact" if exact else "RegularExpression", "name": "x-ai-eg-model", "value": value}
    ranks = tiers(serving.members[:MOST_BACKENDS])
    refs = [{"name": _name(one), "weight": min(max(one.weight, 1), HEAVIEST), "priority": ranks[one.credential]}
            for one in serving.members[:MOST_BACKENDS]]  # fmt: skip
    return {"matches": [{"headers": [header]}], "backendRefs": refs}


def _fallback(route: str, namespace: str) -> dict[str, Any]:
    """Later priorities are reached by retries, which an HTTPRoute of the route's name is given."""
    target = {"group": GATEWAY, "kind": "HTTPRoute", "name": route}
    retry = {
        "numAttemptsPerPriority": 1, "numRetries": 5,
        "retryOn": {"httpStatusCodes": [429, 500, 502, 503], "triggers": ["connect-failure", "retriable-status-codes"]},
    }  # fmt: skip
    return _object(f"{ENVOY}/v1alpha1", "BackendTrafficPolicy", route, namespace, {"targetRefs": [target], "retry": retry})


def _backends(usable: Sequence[Exported], namespace: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for one in usable:
        where, (kind, member), name = _address(one), _POLICIES[one.vendor], _name(one)
        told.append(_object(f"{API}/v1beta1", "AIServiceBackend", name, namespace, {
            "schema": _schema(one, where),
            "backendRef": {"name": _host(where), "kind": "Backend", "group": ENVOY}}, one.credential))  # fmt: skip
        told.append(_object(f"{API}/v1beta1", "BackendSecurityPolicy", name, namespace, {
            "targetRefs": [{"group": API, "kind": "AIServiceBackend", "name": name}], "type": kind,
            member: {"secretRef": {"name": name, "namespace": namespace}}}, one.credential))  # fmt: skip
    return told


def _schema(one: Exported, where: Address) -> dict[str, str]:
    if one.vendor == "anthropic" and where.own:
        return {"name": "Anthropic"}
    return {"name": "Anthropic" if one.vendor == "anthropic" else "OpenAI", "prefix": where.path + _PREFIXES[one.vendor] or "/"}


def _hosts(usable: Sequence[Exported], namespace: str) -> list[dict[str, Any]]:
    """One backend an address, with the system's certificates where it is TLS."""
    told: list[dict[str, Any]] = []
    places = {(_address(one).host, _address(one).port): _address(one) for one in usable}
    for _, where in sorted(places.items()):
        name, ip = _host(where), _is_ip(where.host)
        endpoint = {"ip" if ip else "fqdn": {"address" if ip else "hostname": where.host, "port": where.port}}
        told.append(_object(f"{ENVOY}/v1alpha1", "Backend", name, namespace, {"endpoints": [endpoint]}))
        if where.tls:
            target = {"group": ENVOY, "kind": "Backend", "name": name}
            check = {"wellKnownCACertificates": "System", "hostname": where.host}
            told.append(_object(f"{GATEWAY}/v1alpha3", "BackendTLSPolicy", name, namespace, {
                "targetRefs": [target], "validation": check}))  # fmt: skip
    return told


def _object(version: str, kind: str, name: str, namespace: str, spec: dict[str, Any], credential: str = "") -> dict[str, Any]:
    notes = {"annotations": {"stationmaster/credential": credential}} if credential else {}
    meta = {"name": name, "namespace": namespace, "labels": dict(LABELS), **notes}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def _name(one: Exported) -> str:
    return f"stationmaster-{slug(one.name, LONGEST_NAME - 14)}"


def _host(where: Address) -> str:
    """A name that no credential's can be: it ends in the port."""
    return f"stationmaster.{slug(where.host, LONGEST_NAME - 20)}.{where.port}"


def _is_ip(host: str) -> bool:
    return re.fullmatch(r"[\d.]+|.*:.*", host) is not None


def _address(one: Exported) -> Address:
    found = address(one)
    if found is None:
        raise ValueError("an address was asked for before it was known")
    return found
