"""The declarative export, compared with files that were read by a person, and with each product's rules."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stationmaster.targets.export import Export, Exported, envoy, kong
from stationmaster.targets.export.values import LONGEST_NAME, slug

GOLDEN = Path(__file__).parent / "golden"
THOSE = (
    Exported("cred_1", "openai-a", "openai", models=("gpt-5*", "gpt-4o"), weight=3),
    Exported("cred_2", "openai-b", "openai", models=("gpt-4o",)),
    Exported("cred_3", "openai-spare", "openai", models=("gpt-4o",), priority=7),
    Exported("cred_4", "Claude (EU)", "anthropic", models=("claude-sonnet-5",)),
    Exported("cred_5", "gemini", "gemini", models=("gemini-3.0-pro",)),
    Exported("cred_6", "azure", "azure_openai", "https://acme.openai.azure.com/openai/v1", ("gpt-4o",), priority=2),
    Exported("cred_7", "rack", "openai_compatible", "http://10.0.0.5:8000/v1", ("llama/big",)),
    Exported("cred_8", "cloud", "bedrock"),
    Exported("cred_9", "nowhere", "openai_compatible"),
)


def documents(export: Export) -> list[Any]:
    """The file, read."""
    return list(yaml.safe_load_all(export.text))


def of_kind(export: Export, kind: str) -> list[Any]:
    """Kubernetes objects of a kind."""
    return [each for each in documents(export) if each["kind"] == kind]


def plugins(export: Export) -> dict[str, Any]:
    """Kong's plugin by the name of its service."""
    return {service["name"]: service["plugins"][0] for service in documents(export)[0]["services"]}


@pytest.mark.parametrize(("name", "export"), [("kong.yaml", kong(THOSE)), ("envoy.yaml", envoy(THOSE, gateway="edge"))])
def test_the_file_is_the_one_that_was_read(name: str, export: Export) -> None:
    """To the byte: whoever changes it reads it again."""
    assert export.text == (GOLDEN / name).read_text()


@pytest.mark.parametrize("make", [kong, envoy])
def test_the_same_credentials_give_the_same_file(make: Any) -> None:
    """In whatever order they come, so that a difference in version control is a change."""
    assert make(THOSE).text == make(tuple(reversed(THOSE))).text


@pytest.mark.parametrize("make", [kong, envoy])
def test_what_cannot_be_expressed_is_told(make: Any) -> None:
    """With the reason, and nothing of it is in the file."""
    export = make(THOSE)
    told = {each.credential: each.why for each in export.left_out}
    assert set(told) == {"cred_8", "cred_9"}
    assert all(why.endswith(".") for why in told.values())
    assert "cloud" not in export.text
    assert "nowhere" not in export.text


def test_kong_takes_secrets_from_the_environment_alone() -> None:
    """Every credential in a plugin's `auth` is one of decK's variables, and every variable is told."""
    export = kong(THOSE)
    told = {each.place for each in export.secrets}
    assert all(name.startswith("DECK_") for name in told)
    assert set(re.findall(r'\$\{\{ env "(\w+)" \}\}', export.text)) == told
    for plugin in plugins(export).values():
        for target in plugin["config"].get("targets", [plugin["config"]]):
            value = target["auth"].get("header_value") or target["auth"]["param_value"]
            assert re.fullmatch(r'(Bearer )?\$\{\{ env "DECK_STATIONMASTER_\w+" \}\}', value)


def test_kong_touches_tagged_entities_only() -> None:
    """decK leaves alone what lacks the tag, so everything here has it."""
    (file,) = documents(kong(THOSE))
    assert file["_info"] == {"select_tags": ["stationmaster"]}
    for service in file["services"]:
        entities = [service, *service["routes"], *service["plugins"]]
        assert all(entity["tags"] == ["stationmaster"] for entity in entities)


def test_kong_tries_low_priorities_of_ours_first() -> None:
    """Its `priority` algorithm takes the heaviest group first; the licensed plugin is used only where it is needed."""
    found = plugins(kong(THOSE))
    shared = found["stationmaster-openai-gpt-4o"]
    assert shared["name"] == "ai-proxy-advanced"
    assert shared["config"]["balancer"]["algorithm"] == "priority"
    weights = {re.findall(r"[A-Z_]{9,}", each["auth"]["header_value"])[0]: each["weight"] for each in shared["config"]["targets"]}
    assert weights == {
        "DECK_STATIONMASTER_OPENAI_A": 2, "DECK_STATIONMASTER_OPENAI_B": 2, "DECK_STATIONMASTER_OPENAI_SPARE": 1,
    }  # fmt: skip
    alone = plugin = found["stationmaster-anthropic-claude-sonnet-5"]
    assert alone["name"] == "ai-proxy"
    assert plugin["config"]["auth"]["header_name"] == "x-api-key"


def test_kong_shares_by_weight_within_one_priority() -> None:
    """As our pools do; beyond what its schema takes, the heaviest that it does."""
    two = kong([Exported("a", "a", "openai", weight=3), Exported("b", "b", "openai", weight=1_000_000)])
    config = plugins(two)["stationmaster-openai"]["config"]
    assert config["balancer"]["algorithm"] == "round-robin"
    assert [each["weight"] for each in config["targets"]] == [3, 65_535]


def test_kong_routes_a_model_before_a_pattern_that_holds_it() -> None:
    """Literal names have the higher regex priority, and patterns never match across a slash."""
    paths = {service["name"]: (service["routes"][0]["paths"][0][1:], service["routes"][0]["regex_priority"])
             for service in documents(kong([Exported("a", "a", "openai", models=("*", "gpt-4o", "gpt-5*"))]))[0]["services"]}
    every, literal = paths["stationmaster-openai"], paths["stationmaster-openai-gpt-4o"]
    assert literal[1] > every[1]
    as_python = every[0].replace("(?<", "(?P<")
    assert re.match(as_python, "/stationmaster/openai/gpt-4.1/chat/completions")
    assert not re.match(as_python, "/stationmaster/openai/a/b/chat/completions")
    assert re.match(literal[0], "/stationmaster/openai/gpt-4o/chat/completions")
    assert not re.match(literal[0], "/stationmaster/openai/gpt-4omni/chat/completions")


def test_kong_calls_other_addresses_where_they_are() -> None:
    """With the whole URL of the operation, as the plugin wants it; Azure by instance and deployment."""
    found = plugins(kong(THOSE))
    rack = found["stationmaster-openai_compatible-" + slug("llama/big")]["config"]["model"]
    assert rack["options"] == {"upstream_url": "http://10.0.0.5:8000/v1/chat/completions"}
    azure = found["stationmaster-azure_openai-gpt-4o"]["config"]["model"]["options"]
    assert (azure["azure_instance"], azure["azure_deployment_id"]) == ("acme", "gpt-4o")
    behind = kong([Exported("a", "a", "openai", "https://proxy.example.test/v1", ("m",))])
    options = plugins(behind)["stationmaster-openai-m"]["config"]["model"]["options"]
    assert options == {"upstream_url": "https://proxy.example.test:443/v1/chat/completions"}


def test_envoy_refers_to_secrets_and_writes_none() -> None:
    """No object of kind Secret; every policy names one that is told, under the key that the gateway reads."""
    export = envoy(THOSE, namespace="ai")
    assert of_kind(export, "Secret") == []
    named = set()
    for policy in of_kind(export, "BackendSecurityPolicy"):
        member = {"APIKey": "apiKey", "AnthropicAPIKey": "anthropicAPIKey", "AzureAPIKey": "azureAPIKey"}[policy["spec"]["type"]]
        assert set(policy["spec"]) == {"targetRefs", "type", member}
        reference = policy["spec"][member]["secretRef"]
        named.add(f"{reference['namespace']}/{reference['name']}")
    assert named == {each.place for each in export.secrets}
    assert {each.key for each in export.secrets} == {"apiKey"}


def test_envoy_names_only_what_is_there() -> None:
    """Rules lead to backends, backends to addresses, policies to backends, all in one namespace."""
    export = envoy(THOSE, namespace="ai")
    assert {each["metadata"]["namespace"] for each in documents(export)} == {"ai"}
    services = {each["metadata"]["name"]: each for each in of_kind(export, "AIServiceBackend")}
    hosts = {each["metadata"]["name"] for each in of_kind(export, "Backend")}
    rules = [rule for route in of_kind(export, "AIGatewayRoute") for rule in route["spec"]["rules"]]
    refs = {ref["name"] for rule in rules for ref in rule["backendRefs"]}
    assert refs == set(services)
    assert {each["spec"]["backendRef"]["name"] for each in services.values()} == hosts
    assert {each["spec"]["targetRefs"][0]["name"] for each in of_kind(export, "BackendSecurityPolicy")} == set(services)
    assert {each["spec"]["targetRefs"][0]["name"] for each in of_kind(export, "BackendTLSPolicy")} < hosts


def test_envoy_serves_a_model_of_several_vendors_by_one_rule() -> None:
    """A second rule with the same match would never be reached. Priorities count from 0 without gaps, as Envoy wants them."""
    rules = [rule for route in of_kind(envoy(THOSE), "AIGatewayRoute") for rule in route["spec"]["rules"]]
    matches = [rule["matches"][0]["headers"][0]["value"] for rule in rules]
    assert len(matches) == len(set(matches))
    shared = next(rule for rule in rules if rule["matches"][0]["headers"][0]["value"] == "gpt-4o")
    assert {ref["name"]: (ref["priority"], ref["weight"]) for ref in shared["backendRefs"]} == {
        "stationmaster-openai-a": (0, 3), "stationmaster-openai-b": (0, 1), "stationmaster-azure": (1, 1),
        "stationmaster-openai-spare": (2, 1),
    }  # fmt: skip


def test_envoy_reaches_later_priorities_by_retries() -> None:
    """A policy for the HTTPRoute that bears the route's name; none where there is one priority."""
    (policy,) = of_kind(envoy(THOSE), "BackendTrafficPolicy")
    target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "stationmaster-00"}
    assert policy["spec"]["targetRefs"] == [target]
    assert of_kind(envoy(THOSE[:2]), "BackendTrafficPolicy") == []


def test_envoy_splits_what_one_route_cannot_hold() -> None:
    """Fifteen rules a route, exact ones before patterns over all of them."""
    models = tuple(f"model-{number:02d}" for number in range(31))
    routes = of_kind(envoy([Exported("a", "a", "openai", models=(*models, "*"))]), "AIGatewayRoute")
    assert [len(route["spec"]["rules"]) for route in routes] == [15, 15, 2]
    last = routes[-1]["spec"]["rules"][-1]["matches"][0]["headers"][0]
    assert (last["type"], last["value"]) == ("RegularExpression", ".*")


def test_envoy_needs_models_to_tell_vendors_apart() -> None:
    """Who takes every model is left out beside another vendor, and served alone."""
    every, other = Exported("a", "a", "openai"), Exported("b", "b", "anthropic", models=("claude",))
    assert [each.credential for each in envoy([every, other]).left_out] == ["a"]
    assert envoy([every]).left_out == ()


def test_envoy_checks_certificates_by_name() -> None:
    """TLS to a bare address is left out; plain HTTP to one is served, without a TLS policy."""
    tls = Exported("a", "a", "openai_compatible", "https://10.0.0.5/v1", ("m",))
    assert [each.credential for each in envoy([tls]).left_out] == ["a"]
    plain = envoy([Exported("a", "a", "openai_compatible", "http://10.0.0.5/v1", ("m",))])
    assert of_kind(plain, "Backend")[0]["spec"]["endpoints"] == [{"ip": {"address": "10.0.0.5", "port": 80}}]
    assert of_kind(plain, "BackendTLSPolicy") == []


@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=6, unique=True))
def test_names_are_taken_everywhere_and_never_shared(texts: list[str]) -> None:
    """RFC 1123 labels of at most 63 characters, one for each text."""
    names = [slug(text) for text in texts]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) and len(name) <= LONGEST_NAME for name in names)


def test_values_that_look_like_yaml_stay_text() -> None:
    """Names and models with quotes, colons and line ends come back as they are."""
    odd = "x: 'y\"\n- z #{{"
    export = kong([Exported("a", odd, "openai", models=(odd,))])
    assert documents(export)[0]["services"][0]["plugins"][0]["config"]["model"]["name"] == odd
    (rule,) = of_kind(envoy([Exported("a", odd, "openai", models=(odd,))]), "AIGatewayRoute")[0]["spec"]["rules"]
    assert rule["matches"][0]["headers"][0]["value"] == odd


@pytest.mark.parametrize("mark", ['${{ env "DECK_OTHER" }}', "$(headers.authorization)"])
def test_no_text_of_ours_becomes_a_template(mark: str) -> None:
    """decK fills its templates in wherever they stand, Kong in a model's name: neither is handed one."""
    named = Exported("a", "a", "openai", models=(mark,))
    placed = Exported("a", "a", "openai_compatible", f"https://h/{mark}", ("m",))
    for one in (named, placed):
        export = kong([one])
        assert [each.credential for each in export.left_out] == ["a"]
        assert mark not in export.text
    assert mark not in kong([Exported("a", mark, "openai")]).text.replace('${{ env "DECK_STATIONMASTER_', "")
