"""Where a virtual key may stand, alone or twice; it never goes further than the gateway."""

import json
from itertools import permutations
from urllib.parse import quote

import pytest

import rig
from gateway import kit, plain
from stationmaster.sandbox.ledger import fingerprint
from stationmaster.sandbox.server import SandboxServer

CARRIERS = ["authorization", "x-api-key", "x-goog-api-key", "api-key", "?key="]
VENDORS = {
    "openai": ("/v1/responses", plain.responses(), "authorization"),
    "anthropic": ("/v1/messages", plain.messages(), "x-api-key"),
    "gemini": ("/v1beta/models/gemini-x:generateContent", plain.gemini(), "x-goog-api-key"),
    "azure_openai": ("/openai/deployments/azure-x/chat/completions", plain.chat(), "api-key"),
}


def carried(carrier: str, key: str, target: str) -> tuple[str, list[tuple[str, str]]]:
    """A request target and fields that carry `key`."""
    if carrier == "?key=":
        return f"{target}{'&' if '?' in target else '?'}key={quote(key)}", []
    return target, [(carrier, f"Bearer {key}" if carrier == "authorization" else key)]


def seen(vendor: SandboxServer) -> str:
    """All that reached the vendor with the last request, as text."""
    entry = kit.last(vendor)
    return json.dumps([entry.query, entry.headers])


@pytest.mark.parametrize("whose", VENDORS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_at_every_vendor(
    gateway: rig.Gateway, ledger: SandboxServer, carrier: str, whose: str
) -> None:
    """Each carrier opens each door; the vendor gets our credential in its own header and nothing of the key."""
    path, value, native = VENDORS[whose]
    target, fields = carried(carrier, rig.KEY, path)
    answer = plain.ask(gateway.port, "POST", target, plain.dump(value), [*fields, plain.JSON])
    assert answer.status == 200, answer.body
    entry = kit.last(ledger)
    assert entry.credential == fingerprint(kit.SECRETS[whose])
    names = [name.lower() for name, _ in entry.headers]
    assert [name for name in names if name in CARRIERS] == [native]
    assert (rig.KEY not in seen(ledger), fingerprint(rig.KEY) not in seen(ledger)) == (True, True)
    assert "key=" not in entry.query


@pytest.mark.parametrize(("first", "second"), list(permutations(CARRIERS, 2)))
def test_two_at_once(gateway: rig.Gateway, ledger: SandboxServer, first: str, second: str) -> None:
    """One known key among two is enough, whichever carries it; neither of the two goes on."""
    target, fields = carried(first, rig.KEY, "/v1/responses")
    target, others = carried(second, "sk-of-another-vendor", target)
    answer = plain.ask(gateway.port, "POST", target, plain.dump(plain.responses()), [*others, *fields, plain.JSON])
    assert answer.status == 200
    for key in (rig.KEY, "sk-of-another-vendor"):
        assert key not in seen(ledger)
        assert fingerprint(key) not in seen(ledger)


@pytest.mark.parametrize(
    "query",
    ["key={}", "a=1&key={}", "key={}&a=1", "%6bey={}", "k%65y={}", "key={}&key={}", "key={}&KEY=x", "&&key={}&"],
)
def test_a_key_in_the_query(gateway: rig.Gateway, ledger: SandboxServer, query: str) -> None:
    """`?key=` in any spelling is read and taken out; the rest of the query stays as it was."""
    target = "/v1beta/models/gemini-x:generateContent?" + query.replace("{}", rig.KEY)
    answer = plain.ask(gateway.port, "POST", target, plain.dump(plain.gemini()), [plain.JSON])
    assert answer.status == 200
    assert rig.KEY not in seen(ledger)
    entry = kit.last(ledger)
    assert fingerprint(rig.KEY) not in entry.query
    assert ("a=1" in entry.query) == ("a=1" in query)
    event = gateway.event(answer.request_id)
    assert rig.KEY not in json.dumps(event)
    assert event["key"] == "rig"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_unknown_keys_look_alike(gateway: rig.Gateway, carrier: str) -> None:
    """Every unknown key is answered with the same words, whatever it looks like; the key is not repeated."""
    shapes = set()
    for key in ("x", rig.KEY[:-1], rig.KEY + "x", rig.KEY.upper(), kit.SECRETS["openai"], "sm-" + "a" * 2000):
        target, fields = carried(carrier, key, "/v1/responses")
        answer = plain.ask(gateway.port, "POST", target, plain.dump(plain.responses()), [*fields, plain.JSON])
        assert answer.status == 401
        assert key == "x" or key.encode() not in answer.body
        shapes.add(answer.body.replace(answer.request_id.encode(), b""))
    assert len(shapes) == 1


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [("authorization", "Basic " + rig.KEY)],
        [("authorization", rig.KEY)],
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("x-api-key", "")],
        [("cookie", f"key={rig.KEY}")],
        [("proxy-authorization", f"Bearer {rig.KEY}")],
        [("x-key", rig.KEY)],
    ],
)
def test_what_is_no_carrier(gateway: rig.Gateway, fields: list[tuple[str, str]]) -> None:
    """Other schemes, empty values and other headers carry no key: 401 `missing_key`."""
    answer = plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), [*fields, plain.JSON])
    assert (answer.status, answer.json()["error"]["code"]) == (401, "missing_key")


def test_the_scheme_has_no_case(gateway: rig.Gateway) -> None:
    """`bearer` may be written in any case, with more than one space (RFC 9110 11.1)."""
    for scheme in ("bearer", "BEARER", "Bearer "):
        fields = [("authorization", f"{scheme} {rig.KEY}"), plain.JSON]
        assert plain.ask(gateway.port, "POST", "/v1/responses", plain.dump(plain.responses()), fields).status == 200
