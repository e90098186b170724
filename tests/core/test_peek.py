"""A JSON body's members: what is read is what every server reads, and edits touch nothing else."""

import json
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, costing, feed_three_ways, seeds
from stationmaster.gateway.core.peek import Peek, Refused, batch_models

REFUSED: dict[str, bytes] = {
    "empty": b"",
    "space": b"  ",
    "text": b"hello",
    "array": b"[]",
    "string": b'"a"',
    "number": b"1",
    "null": b"null",
    "unclosed": b'{"model":"a"',
    "trailing": b'{"model":"a"} x',
    "two": b'{"model":"a"}{"model":"b"}',
    "comma": b'{"model":"a",}',
    "single-quotes": b"{'model':'a'}",
    "bare-name": b'{model:"a"}',
    "comment": b'{"model":"a"/* */}',
    "bom": b'\xef\xbb\xbf{"model":"a"}',
    "utf16": '{"model":"a"}'.encode("utf-16"),
    "nul": b'{"model":"a"}\x00',
    "twice": b'{"model":"a","model":"b"}',
    "twice-equal": b'{"model":"a","model":"a"}',
    "twice-apart": b'{"model":"a","x":1,"model":"b"}',
    "twice-escaped": b'{"model":"a","m\\u006fdel":"b"}',
    "twice-escaped-first": b'{"\\u006dodel":"a","model":"b"}',
    "twice-escaped-both": b'{"m\\u006Fdel":"a","m\\u006fdel":"b"}',
    "twice-other": b'{"model":"a","x":1,"x":1}',
    "twice-prefix": b'{"x":12,"x":1}',
    "twice-prefix-string": b'{"x":"a","x":""}',
    "twice-spaces": b'{ "model" : "a" , "model" : "a" }',
    "twice-empty-name": b'{"":1,"":1}',
    "twice-solidus": b'{"a/b":1,"a\\/b":1}',
    "twice-high": '{"\u00e9":1,"\\u00e9":1}'.encode(),
    "twice-astral": '{"\U0001f682":1,"\\ud83d\\ude82":1}'.encode(),
    "twice-nested-bait": b'{"x":{"x":1},"x":{"x":1}}',
    "model-number": b'{"model":1}',
    "model-list": b'{"model":["a"]}',
    "model-object": b'{"model":{"a":1}}',
    "model-true": b'{"model":true}',
    "nan": b'{"model":"a","x":NaN}',
    "infinity": b'{"model":"a","x":Infinity}',
    "minus-infinity": b'{"x":-Infinity}',
    "leading-zero": b'{"x":01}',
    "plus": b'{"x":+1}',
    "hex": b'{"x":0x1}',
    "dot": b'{"x":.5}',
    "dot-end": b'{"x":5.}',
    "exponent": b'{"x":1e}',
    "minus": b'{"x":-}',
    "control-in-string": b'{"x":"\x01"}',
    "line-end-in-string": b'{"x":"a\nb"}',
    "bad-escape": b'{"x":"\\x41"}',
    "cut-escape": b'{"x":"\\u12"}',
    "surrogate-model": b'{"model":"\\ud800"}',
    "surrogate-name": b'{"\\ud800":1}',
    "surrogate-low": b'{"model":"\\udc00"}',
    "utf8-high": b'{"model":"a","x":"\xff"}',
    "utf8-overlong": b'{"model":"a","x":"\xc0\xaf"}',
    "utf8-cut": b'{"model":"a","x":"\xc3"}',
    "utf8-surrogate": b'{"model":"a","x":"\xed\xa0\x80"}',
    "utf8-in-model": b'{"model":"\xff"}',
    "utf8-in-name": b'{"\xff":1}',
    "nested-100000": b'{"model":"a","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested-objects-100000": b'{"model":"a","x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "nested-open-1000000": b"[" * 1_000_000,
}
READ: dict[str, tuple[bytes, str, bool]] = {
    "plain": (b'{"model":"a"}', "a", False),
    "spaces": (b' \t\r\n{ "model" : "a" } \r\n', "a", False),
    "stream": (b'{"model":"a","stream":true}', "a", True),
    "stream-false": (b'{"stream":false}', "", False),
    "stream-text": (b'{"stream":"true"}', "", False),
    "stream-one": (b'{"stream":1}', "", False),
    "stream-spaces": (b'{"stream" : true }', "", True),
    "none": (b"{}", "", False),
    "null": (b'{"model":null}', "", False),
    "escaped": (b'{"model":"gpt\\u002d4"}', "gpt-4", False),
    "escaped-name": (b'{"m\\u006fdel":"a"}', "a", False),
    "solidus": (b'{"model":"a\\/b"}', "a/b", False),
    "high": ('{"model":"caf\u00e9"}'.encode(), "caf\u00e9", False),
    "astral": (b'{"model":"\\ud83d\\ude82"}', "\U0001f682", False),
    "last": (b'{"x":[1,{"model":"z"}],"model":"a"}', "a", False),
    "case": (b'{"Model":"b","model":"a","MODEL":"c"}', "a", False),
    "nested-twice": (b'{"model":"a","x":{"y":1,"y":2}}', "a", False),
    "high-names": ('{"\u00e9":1,"\U0001f682":2,"model":"a"}'.encode(), "a", False),
    "delete": (b'{"model":"a","x":"\x7f"}', "a", False),
    "numbers": (b'{"model":"a","x":[-0,0.5,1e10,1E-5,-1.5e+3]}', "a", False),
    "braces": (b'{"x":"}{\\"","model":"a"}', "a", False),
}


def run(pieces: Sequence[bytes]) -> object:
    """What a body says, or which fault it is."""
    try:
        peek = Peek(b"".join(pieces))
    except Refused as refused:
        return refused.fault.code if refused.fault.status == 400 else f"{refused.fault.status}"
    return peek.model, peek.stream


@pytest.mark.parametrize("name", REFUSED)
def test_what_servers_read_differently_is_refused(name: str) -> None:
    """No JSON, a name twice, a model that is no text, text that is no Unicode: 400, within 100 ms."""
    with costing(0.1):
        result = run([REFUSED[name]])
    assert result in ("bad_json", "duplicate_member")
    assert (result == "duplicate_member") is name.startswith("twice")


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    """The model and the wish for a stream; with bytes behind it a body is none."""
    body, model, stream = READ[name]
    assert feed_three_ways(body, run) == (model, stream)
    assert run([body + b"x"]) == "bad_json"
    assert run([body + body]) == "bad_json"


@pytest.mark.parametrize("name", READ)
def test_a_new_model_changes_nothing_else(name: str) -> None:
    """Renaming replaces the value where it stands, byte for byte."""
    body, model, _ = READ[name]
    if not model:
        return
    renamed = Peek(body).with_model('o"n \u00e9')
    assert Peek(renamed).model == 'o"n \u00e9'
    start = next(at for at in range(len(body)) if at >= len(renamed) or body[at] != renamed[at])
    keep = next(at for at in range(1, len(body)) if body[-at] != renamed[-at])
    written = json.loads(body)
    assert {key: value for key, value in json.loads(renamed).items() if key != "model"} == {
        k: v for k, v in written.items() if k != "model"
    }
    assert len(body) - keep + 1 > start
    assert Peek(Peek(body).with_model(model)).model == model


USAGE: list[tuple[bytes, bytes, bool]] = [
    (b'{"stream":true}', b'{"stream_options":{"include_usage":true},"stream":true}', True),
    (b' {"stream":true}', b' {"stream_options":{"include_usage":true},"stream":true}', True),
    (b'{"stream":true,"stream_options":null}', b'{"stream":true,"stream_options":{"include_usage":true}}', True),
    (b'{"stream":true,"stream_options":{}}', b'{"stream":true,"stream_options":{"include_usage":true}}', True),
    (
        b'{"stream":true,"stream_options":{"include_usage":false}}',
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        True,
    ),
    (
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        b'{"stream":true,"stream_options":{"include_usage":true}}',
        False,
    ),
    (
        b'{"stream":true,"stream_options":{"a":[1, 2]}}',
        b'{"stream":true,"stream_options":{"include_usage":true,"a":[1, 2]}}',
        True,
    ),
    (b'{"stream":true,"stream_options":5}', b'{"stream":true,"stream_options":5}', False),
    (
        b'{"stream_options" : { "include_usage" : true } ,"stream":true}',
        b'{"stream_options" : { "include_usage" : true } ,"stream":true}',
        False,
    ),
    (b"{}", b"{}", False),
]


@pytest.mark.parametrize(("body", "sent", "added"), USAGE, ids=[repr(body) for body, _, _ in USAGE])
def test_usage_is_asked_for(body: bytes, sent: bytes, added: bool) -> None:
    """`include_usage` is put in where it is missing, and said to have been."""
    assert Peek(body).with_usage_asked() == (sent, added)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_DUMPS: list[Callable[[object], bytes]] = [
    msgspec.json.encode,
    lambda value: json.dumps(value).encode(),
    lambda value: json.dumps(value, indent=2).encode(),
    lambda value: json.dumps(value, ensure_ascii=False, separators=(" ,", " :")).encode("utf-8", "surrogatepass"),
]


@FEW
@given(
    st.dictionaries(st.text(max_size=5), _JSON, max_size=6),
    st.text(max_size=5),
    st.sampled_from(_DUMPS),
    st.text(min_size=1, max_size=9),
)
def test_any_object_written_any_way(
    members: dict[str, object], model: str, dump: Callable[[object], bytes], name: str
) -> None:
    """Whoever wrote it, an object without doubles is read and edited rightly, and with a double refused."""
    try:
        members, text = {**members, "model": model}, name.encode().decode()
        body = dump(members)
        body.decode()
    except UnicodeError:
        return
    peek = Peek(body)
    assert peek.model == model
    assert json.loads(peek.with_model(text)) == {**json.loads(body), "model": text}
    asked, added = peek.with_usage_asked()
    assert json.loads(asked).keys() >= members.keys()
    for extra in members:
        double = body.rstrip()[:-1] + b"," + dump({extra: members[extra]}).strip()[1:]
        assert run([double]) == "duplicate_member"
    assert added is (
        "stream_options" not in members
        or members["stream_options"] is None
        or isinstance(members["stream_options"], dict)
    )


@pytest.mark.parametrize("seed", seeds("json"), ids=repr)
def test_seeds(seed: bytes) -> None:
    """Kept bodies: what we read, Python's reader reads too."""
    result = run([seed])
    if not isinstance(result, str):
        assert json.loads(seed).get("model", "") == result[0]  # type: ignore[index]


def test_large_bodies_are_quick() -> None:
    """A million names or a number of 10 MB hold nobody up for long."""
    for body in (
        b'{"model":"a","x":' + b"9" * 10_000_000 + b"}",
        b'{"model":"a","x":{' + b",".join(b'"%d":1' % n for n in range(1_000_000)) + b"}}",
        b'{"model":"a","x":"' + b"a" * 10_000_000 + b'"}',
    ):
        with costing(0.5):
            run([body])


BATCHES: list[tuple[bytes, set[str] | str]] = [
    (b'{"requests":[]}', set()),
    (
        b'{"requests":[{"params":{"model":"a"}},{"custom_id":"x","params":{"model":"b"}},{"params":{"model":"a"}}]}',
        {"a", "b"},
    ),
    (b'{"requests":[{"params":{"m\\u006fdel":"a"}}]}', {"a"}),
    (b"{}", "bad_json"),
    (b'{"requests":null}', "bad_json"),
    (b'{"requests":[{}]}', "bad_json"),
    (b'{"requests":[{"params":{}}]}', "bad_json"),
    (b'{"requests":[{"params":{"model":1}}]}', "bad_json"),
    (b'{"requests":[],"requests":[]}', "duplicate_member"),
    (b'{"requests":[{"params":{"model":"a"},"params":{"model":"b"}}]}', "refused"),
    (b'{"requests":[{"params":{"model":"a","model":"b"}}]}', "refused"),
]


@pytest.mark.parametrize(("body", "wanted"), BATCHES, ids=[repr(body) for body, _ in BATCHES])
def test_models_of_a_batch(body: bytes, wanted: set[str] | str) -> None:
    """Every model of a message batch is known, or the batch refused: also where an entry says it twice."""
    try:
        models: set[str] | str = batch_models(body)
    except Refused as refused:
        models = "refused" if wanted == "refused" else refused.fault.code
    assert models == wanted
