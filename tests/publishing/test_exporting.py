"""The declarative export: which credentials go into a file, with what, for whom; and that no secret ever does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from controlkit import ADMIN, MEMBER, VIEWER, a_credential, a_pool
from stationmaster import targets
from stationmaster.credentials import services as credentials
from stationmaster.errors import Forbidden, Invalid, NotFound
from stationmaster.publishing import exporting
from stationmaster.publishing.exporting import export_declared
from stationmaster.routing import services as routing

KEY = "sk-Qc8AZr2vTn5mXw0y"      # of a shape that several vendors give


def make(*names: str, vendor: str = "openai", **more: Any) -> None:
    """Credentials."""
    for name in names:
        credentials.create_credential(ADMIN, a_credential(name, vendor=vendor, **{"secret": KEY, **more}))


def plugins(made: Any) -> list[dict[str, Any]]:
    """What a file for Kong sets up, in the order of its services."""
    (document,) = yaml.safe_load_all(made["text"])
    return [plugin for service in document["services"] for plugin in service["plugins"]]


def test_a_pool_is_exported_with_its_members_places(database: str) -> None:
    """Priorities and models of the pool are those of the file; a member that takes every model serves every model."""
    make("first", "second")
    routing.create_pool(ADMIN, {"name": "gpt", "members": [
        {"credential": "first", "priority": 0, "models": ["*"]}, {"credential": "second", "priority": 5, "models": ["gpt-5"]}]})
    made = export_declared(VIEWER, "kong", {"pool": "gpt"})
    assert made["exported"] == 2
    balanced, single = plugins(made)
    assert [each["model"]["name"] for each in balanced["config"]["targets"]] == ["gpt-5", "gpt-5"]
    assert [each["weight"] for each in balanced["config"]["targets"]] == [2, 1]
    assert balanced["config"]["balancer"]["algorithm"] == "priority"
    assert single["name"] == "ai-proxy"


def test_shares_of_one_priority_are_kept(database: str) -> None:
    """Members of one priority share by the pool's weights."""
    make("first", "second")
    routing.create_pool(ADMIN, {"name": "gpt", "members": [
        {"credential": "first", "weight": 3}, {"credential": "second", "weight": 1}]})
    (plugin,) = plugins(export_declared(ADMIN, "kong", {"pool": "gpt"}))
    assert sorted(each["weight"] for each in plugin["config"]["targets"]) == [1, 3]


def test_named_credentials_come_once_each(database: str) -> None:
    """By name and by id it is the same one; it is in the file once, with its reference under its name."""
    make("first")
    which = str(credentials.get_credential(ADMIN, "first")["id"])
    made = export_declared(ADMIN, "kong", {"credentials": ["first", which]})
    assert made["secrets"] == [{"credential": which, "name": "first", "place": "DECK_STATIONMASTER_FIRST", "key": ""}]
    assert (made["file"], made["exported"], made["left_out"]) == ("stationmaster-kong.yaml", 1, [])


def test_envoy_takes_a_namespace_and_a_gateway(database: str) -> None:
    """Manifests stand in the namespace that is asked for and belong to the Gateway that is; secrets are referred to there."""
    make("first", vendor="anthropic")
    made = export_declared(ADMIN, "envoy", {"credentials": ["first"], "namespace": "ai", "gateway": "front"})
    documents = [each for each in yaml.safe_load_all(made["text"]) if each]
    assert {each["metadata"]["namespace"] for each in documents} == {"ai"}
    assert any(ref["name"] == "front" for each in documents for ref in each["spec"].get("parentRefs", []))
    assert [(each["place"], each["key"]) for each in made["secrets"]] == [("ai/stationmaster-first", "apiKey")]


def test_who_is_out_is_left_out_and_said(database: str) -> None:
    """One that is switched off, one without a secret and one that the product cannot take are named with the reason, and
    are not in the text."""
    make("on")
    make("off", disabled=True)
    make("cloud", vendor="bedrock", base_url="https://bedrock-runtime.eu-west-1.amazonaws.com")
    made = export_declared(ADMIN, "kong", {"credentials": ["on", "off", "cloud"]})
    assert {each["name"]: each["why"] for each in made["left_out"]} == {
        "off": exporting.OFF, "cloud": "Kong is given API keys only, and this vendor's credentials are none."}
    assert made["exported"] == 1
    assert "DECK_STATIONMASTER_OFF" not in made["text"]


@pytest.mark.parametrize("product", exporting.PRODUCTS)
def test_no_secret_is_in_it(database: str, product: str) -> None:
    """Whatever is asked for, the stored secret is in no part of the answer, nor is any piece of it of eight characters."""
    make("first")
    routing.create_pool(ADMIN, a_pool("gpt", "first"))
    for given in ({"pool": "gpt"}, {"credentials": ["first"]}):
        said = repr(export_declared(ADMIN, product, given))
        assert not [KEY[at : at + 8] for at in range(3, len(KEY) - 7) if KEY[at : at + 8] in said]


def test_nothing_is_written_down(database: str) -> None:
    """A file is only read out of what there is: no credential, pool or revision changes."""
    make("first")
    before = credentials.get_credential(ADMIN, "first")
    export_declared(ADMIN, "envoy", {"credentials": ["first"]})
    assert credentials.get_credential(ADMIN, "first") == before


@pytest.mark.parametrize("given", [
    {}, {"pool": "gpt", "credentials": ["first"]}, {"credentials": "first"}, {"credentials": [7]}, {"credentials": [""]},
    {"pool": 7}, {"credentials": ["x"] * (exporting.MAX_CHOSEN + 1)},
])  # fmt: skip
def test_what_cannot_be_chosen_is_refused(database: str, given: dict[str, Any]) -> None:
    """Neither a pool nor credentials, both of them, or what names nothing: a field is named."""
    with pytest.raises(Invalid) as caught:
        export_declared(ADMIN, "kong", given)
    assert set(caught.value.fields) <= {"pool", "credentials"} != set()


@pytest.mark.parametrize(("product", "given"), [
    ("kong", {"credentials": ["nobody"]}), ("kong", {"pool": "nobody"}), ("helm", {"pool": "gpt"}),
])  # fmt: skip
def test_what_is_not_there_is_not_found(database: str, product: str, given: dict[str, Any]) -> None:
    """A credential, a pool and a product that do not exist."""
    with pytest.raises(NotFound):
        export_declared(ADMIN, product, given)


@pytest.mark.parametrize("name", ["Upper", "-x", "a" * 64, "a b", "x\n---\nkind: Secret", 7])
def test_names_in_manifests_are_checked(database: str, name: Any) -> None:
    """What would be no name in Kubernetes, or more than a name, never reaches the file."""
    make("first")
    for field in ("namespace", "gateway"):
        with pytest.raises(Invalid) as caught:
            export_declared(ADMIN, "envoy", {"credentials": ["first"], field: name})
        assert list(caught.value.fields) == [field]


def test_only_who_may_read_credentials_gets_it(database: str) -> None:
    """A member, who sees no credential, gets no file of them; and Kong's takes no namespace."""
    make("first")
    with pytest.raises(Forbidden):
        export_declared(MEMBER, "kong", {"credentials": ["first"]})
    with pytest.raises(Invalid):
        export_declared(ADMIN, "kong", {"credentials": ["first"], "namespace": "ai"})


def test_every_reason_can_be_translated() -> None:
    """Each sentence that says why a credential is left out is marked for the catalogues."""
    folder = Path(targets.__file__).parent / "export"
    text = "".join(path.read_text() for path in (*folder.glob("*.py"), Path(exporting.__file__)))
    said = set(re.findall(r'(?:return|Final =).*?"([A-Z][^"]+\.)"', text))
    known = set(re.findall(r'marked\("([^"]+)"\)', text))
    assert len(known) > 5
    assert said <= known
