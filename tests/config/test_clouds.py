"""Clouds' credentials in `gateway.toml`: what is taken, and what is refused with which words."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from stationmaster.gateway.config import ConfigError, Problem, Surroundings, parse
from stationmaster.gateway.core.records import BadUpdate, Records
from stationmaster.gateway.core.snapshot import Credential, Incoming, Settings, Snapshot, Vendor
from stationmaster.gateway.core.upstreams import Upstream
from stationmaster.gateway.link.verify import verify

AMAZON = "https://bedrock-runtime.eu-central-1.amazonaws.com"
GOOGLE = "https://europe-west1-aiplatform.googleapis.com/v1/projects/acme/locations/europe-west1"
KEYS = {"access_key_id": "AKIAONE", "secret_access_key": "a-secret-key"}


def read(vendor: str, base_url: str, secret: str) -> Snapshot:
    """Read a file with this one credential, whose secret is in a file of its own."""

    def contents(path: Path) -> bytes:
        assert path == Path("/conf/secret")
        return secret.encode()

    written = f'[[credential]]\nid = "a"\nvendor = "{vendor}"\nbase_url = "{base_url}"\nsecret = "file:secret"\n'
    return parse(written, file="gateway.toml", around=Surroundings({}, contents, Path("/conf")))


GOOD = [
    ("bedrock", AMAZON, "ABSKsomething-long"), ("bedrock", AMAZON, json.dumps(KEYS)),
    ("bedrock", AMAZON, json.dumps({**KEYS, "session_token": "a-token"}, indent=2) + "\n"),
    ("bedrock", "https://proxy.example", json.dumps({**KEYS, "region": "us-east-1"})),
    ("bedrock", "https://proxy.example", "ABSKlong"),
    ("vertex", GOOGLE, "ya29.c.a-token"), ("vertex", GOOGLE.replace("/v1/", "/"), "ya29.c.a-token"),
    ("azure_openai", "https://x.openai.azure.com", "eyJhbGciOi.eyJhdWQiOi.c2ln"),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "base_url", "secret"), GOOD)
def test_what_is_taken(vendor: str, base_url: str, secret: str) -> None:
    """Keys, identities in one line or several, and tokens: what was read can be served from, and a link would take it."""
    (credential,) = read(vendor, base_url, secret).credentials
    assert "\n" not in credential.secret
    assert Upstream(credential).vendor == vendor
    verify(Records(settings={"": Settings()}, credential={"a": credential}))


BAD = [
    ("bedrock", "", "ABSKlong-enough", "base_url", "bedrock has no address of its own"),
    ("vertex", "", "ya29.c.a-token", "base_url", "vertex has no address of its own"),
    ("vertex", "https://aiplatform.googleapis.com", "ya29.c.a-token", "base_url", "names no project and location"),
    ("vertex", GOOGLE, '{"type": "service_account", "private_key": "-----"}', "secret", "never sent to a gateway"),
    ("bedrock", "https://proxy.example", json.dumps(KEYS), "secret", "no region"),
    ("bedrock", AMAZON, '{"access_key_id": "AKIAONE"}', "secret", "nor a Bedrock API key"),
    ("openai_compatible", "https://x.example", json.dumps(KEYS), "secret", "a JSON document"),
    ("gemini", "https://x.example", "ya29.c.a-token", "secret", "not issued for API use"),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "base_url", "secret", "key", "words"), BAD)
def test_what_is_refused(vendor: str, base_url: str, secret: str, key: str, words: str) -> None:
    """Each fault is told at its place, and no secret in it."""
    with pytest.raises(ConfigError) as caught:
        read(vendor, base_url or "MISSING", secret) if base_url else _without_address(vendor, secret)
    problems: tuple[Problem, ...] = caught.value.problems
    assert any(problem.key == f"credential[0].{key}" and words in problem.message for problem in problems)
    assert not any(part in str(caught.value) for part in ("a-secret-key", "ya29.c.a-token", "-----"))


def _without_address(vendor: str, secret: str) -> Snapshot:
    written = f'[[credential]]\nid = "a"\nvendor = "{vendor}"\nsecret = "env:S"\n'
    return parse(written, file="gateway.toml", around=Surroundings({"S": secret}, Path.read_bytes, Path("/conf")))


UNFIT: list[tuple[Vendor, str, str]] = [
    ("bedrock", AMAZON, '{"access_key_id": "AKIAONE"}'), ("bedrock", "https://proxy.example", json.dumps(KEYS)),
    ("bedrock", "", "ABSKlong"), ("vertex", "", "ya29.token"), ("vertex", "https://aiplatform.googleapis.com", "ya29.token"),
    ("vertex", GOOGLE, '{"type":"service_account"}'), ("openai", "", '{"a":1}'), ("bedrock", AMAZON, "two words"),
]  # fmt: skip


@pytest.mark.parametrize(("vendor", "base_url", "secret"), UNFIT)
@pytest.mark.parametrize("place", [
    lambda credential: credential,
    lambda one: Credential("a", one.vendor, "ABSKlong", one.base_url, incoming=Incoming(one.secret, 2, 5)),
], ids=["its own", "the next"])  # fmt: skip
def test_what_a_link_refuses(vendor: Vendor, base_url: str, secret: str, place: Callable[[Credential], Credential]) -> None:
    """A configuration that came from elsewhere is held to the same, whichever of two secrets is unfit; no secret is told."""
    credential = place(Credential("a", vendor, secret, base_url))
    with pytest.raises(BadUpdate) as caught:
        verify(Records(settings={"": Settings()}, credential={"a": credential}))
    assert secret not in str(caught.value)


def test_an_identity_in_several_lines() -> None:
    """A row's secret is as it was pasted: a link takes an identity in several lines, for only its parts are sent."""
    pasted = json.dumps(KEYS, indent=4)
    credential = Credential("a", "bedrock", pasted, AMAZON)
    verify(Records(settings={"": Settings()}, credential={"a": credential}))
    assert Upstream(credential).signer is not None


def test_one_that_waits_for_its_token() -> None:
    """A credential that is out of service may have no secret yet."""
    waiting = Credential("a", "vertex", "", GOOGLE, disabled=True)
    verify(Records(settings={"": Settings()}, credential={"a": waiting}))
    assert Upstream(waiting).place == "/projects/acme/locations/europe-west1"
