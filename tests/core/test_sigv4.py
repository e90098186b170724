"""AWS Signature Version 4: AWS' published examples, and botocore, which signs the same."""

import calendar
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from stationmaster.gateway.core.sigv4 import Identity, Signer, canonical_path, canonical_query, signing_key

# The keys and the moment of AWS' Signature Version 4 test suite.
ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT = calendar.timegm((2015, 8, 30, 12, 36, 0))
STAMP = "20150830T123600Z"

SUITE = [
    ("get-vanilla", "GET", "/", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    ("post-vanilla", "POST", "/", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ("get-vanilla-query-order-key-case", "GET", "/?Param2=value2&Param1=value1", [], b"",
     "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    ("get-vanilla-utf8-query", "GET", "/?%E1%88%B4=bar", [], b"",
     "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    ("post-x-www-form-urlencoded", "POST", "/", [("content-type", "application/x-www-form-urlencoded")], b"Param1=value1",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ("get-header-value-trim", "GET", "/", [("my-header1", " value1"), ("my-header2", ' "a   b   c"')], b"",
     "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "expected"), [row[1:] for row in SUITE], ids=[row[0] for row in SUITE]
)
def test_the_published_suite(method: str, target: str, headers: list[tuple[str, str]], body: bytes, expected: str) -> None:
    """AWS' own requests get AWS' own signatures."""
    signer = Signer(Identity(ID, SECRET), "us-east-1", "service")
    signed = [("host", "example.amazonaws.com"), ("x-amz-date", STAMP), *headers]
    made = signer.authorization(method, target, signed, body, STAMP)
    assert made.startswith(f"AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, SignedHeaders=")
    assert made.rpartition("=")[2] == expected


def test_the_published_key() -> None:
    """The example of a derived key in AWS' reference."""
    made = signing_key(SECRET, "20150830", "us-east-1", "iam")
    assert made.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def botocores(method: str, target: str, host: str, body: bytes, token: str) -> str:
    """What botocore puts into the Authorization field of the same request."""
    request = AWSRequest(method=method, url=f"https://{host}{target}", data=body, headers={"host": host, "x-amz-date": STAMP})
    if token:
        request.headers["x-amz-security-token"] = token
    request.context["timestamp"] = STAMP
    signer = SigV4Auth(Credentials(ID, SECRET, token or None), "bedrock", "eu-central-1")
    told = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(told, request))
    return str(request.headers["Authorization"])


_PLAIN = st.text("abcXYZ019-_.~:@+ ,;=$!*'()/ü€", min_size=1, max_size=30)


_MODELS = _PLAIN.filter(lambda text: text not in (".", ".."))      # segments that no door takes: botocore resolves them


def _encoded(text: str) -> str:
    return quote(text, safe="")


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["/model/{}/invoke", "/model/{}/converse-stream", "/async-invoke"]), _MODELS, st.booleans(),
    st.lists(st.tuples(_PLAIN, _PLAIN), max_size=3), st.binary(max_size=200), st.sampled_from(["", "a-token/with+signs=="]),
)  # fmt: skip
def test_as_botocore_does(path: str, model: str, raw: bool, query: list[tuple[str, str]], body: bytes, token: str) -> None:
    """Whatever model a path names, encoded or with the letters that a path may hold as they are, and whatever the query and
    the body: the lines are those that botocore makes."""
    named = "a:b@c=d" if raw else _encoded(model)
    items = "&".join(sorted({f"{_encoded(name)}={_encoded(value)}" for name, value in query}))
    target = path.format(named) + (f"?{items}" if items else "")
    host = "bedrock-runtime.eu-central-1.amazonaws.com"
    signer = Signer(Identity(ID, SECRET, token), "eu-central-1", "bedrock")
    lines = signer.lines(f"POST {target} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: identity\r\n".encode(), body, MOMENT)
    fields = dict(line.split(": ", 1) for line in lines.decode().splitlines())
    assert fields.pop("x-amz-date") == STAMP
    assert fields.pop("x-amz-security-token", "") == token
    assert fields == {"authorization": botocores("POST", target, host, body, token)}


def test_a_new_day_has_a_new_key() -> None:
    """The kept key is that of the day of the request, forwards and backwards."""
    kept = Signer(Identity(ID, SECRET), "eu-central-1", "bedrock")
    start = b"POST / HTTP/1.1\r\nhost: a.example\r\n"
    moments = [MOMENT, MOMENT + 86_400, MOMENT, MOMENT + 1]
    fresh = [Signer(Identity(ID, SECRET), "eu-central-1", "bedrock").lines(start, b"", moment) for moment in moments]
    assert [kept.lines(start, b"", moment) for moment in moments] == fresh


@pytest.mark.parametrize(("query", "expected"), [
    ("", ""), ("flag", "flag="), ("b=2&a=1", "a=1&b=2"), ("a=b&a=B", "a=B&a=b"), ("a=%7e", "a=~"), ("a=x+y", "a=x%2By"),
    ("a=1=2", "a=1%3D2"), ("&&a=1&", "a=1"), ("a-b=1&a=2", "a=2&a-b=1"),
])  # fmt: skip
def test_queries(query: str, expected: str) -> None:
    """A query has one spelling, however it was written."""
    assert canonical_query(query) == expected


def test_paths() -> None:
    """A path is encoded once more than it was sent, and nothing in it is resolved."""
    assert canonical_path("/model/a%3Ab/invoke") == "/model/a%253Ab/invoke"
    assert canonical_path("/model/a:b/invoke") == "/model/a%3Ab/invoke"
    assert canonical_path("") == "/"


def test_no_secret_is_shown() -> None:
    """Neither an identity's nor a signer's representation holds a secret."""
    signer: Any = Signer(Identity(ID, SECRET, "a-token"), "eu-central-1", "bedrock")
    for text in (repr(signer), repr(signer.identity), f"{signer.identity}"):
        assert SECRET not in text
        assert "a-token" not in text
