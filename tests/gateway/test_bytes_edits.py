"""The two edits that a request may undergo on its way, each to the byte: an alias, and asking for usage."""

import hashlib

import pytest

import rig
from gateway import kit, plain
from gateway.doors import BOUNDARY, FORM, form
from stationmaster.sandbox.ledger import Entry
from stationmaster.sandbox.server import SandboxServer


def sent(gateway: rig.Gateway, ledger: SandboxServer, target: str, body: bytes, kind: str = "") -> Entry:
    """Ask, and see how it arrived."""
    content_type = ("content-type", kind or "application/json")
    answer = plain.ask(gateway.port, "POST", target, body, [plain.BEARER, content_type])
    assert answer.status == 200, answer.body
    return kit.last(ledger)


def digest(body: bytes) -> str:
    """What the ledger keeps of a body."""
    return hashlib.sha256(body).hexdigest()


HERE = b"<here>"
ALIASED = [
    b'{"model":<here>,"input":"say OK"}',
    b'{ "input" : "say \\"model\\": \\"fast\\"" ,\r\n\t"model" : <here> }  ',
    b'{"metadata":{"model":"fast"},"model":<here>,"input":"fast"}',
    b'{"m\\u006fdel":<here>,"input":[{"role":"user","content":"fast"}],"tools":[{"model":"fast"}]}',
]


@pytest.mark.parametrize("said", [b'"fast"', b'"f\\u0061st"'])
@pytest.mark.parametrize("body", ALIASED)
def test_an_alias_in_json(gateway: rig.Gateway, ledger: SandboxServer, body: bytes, said: bytes) -> None:
    """Only the value of the top-level `model` changes; every other byte stays."""
    heard = sent(gateway, ledger, "/v1/responses", body.replace(HERE, said))
    assert heard.body_sha256 == digest(body.replace(HERE, b'"gpt-4o-mini"'))
    assert heard.model == "gpt-4o-mini"


@pytest.mark.parametrize("file_first", [False, True])
def test_an_alias_in_a_form(gateway: rig.Gateway, ledger: SandboxServer, file_first: bool) -> None:
    """The same in a form, wherever the field stands: behind a file too."""
    body = form(("model", b"fast"), ("language", b"fast"), file_first=file_first)
    wanted = form(("model", b"gpt-4o-mini"), ("language", b"fast"), file_first=file_first)
    heard = sent(gateway, ledger, "/v1/audio/transcriptions", body, FORM)
    assert (heard.body_sha256, heard.body_length) == (digest(wanted), len(wanted))


def test_an_alias_in_a_chunked_form(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """And in a form whose length was not told, cut anywhere."""
    body = form(("model", b"fast"), file_first=True)
    pieces = [body[at : at + 977] for at in range(0, len(body), 977)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    fields = [plain.BEARER, ("content-type", FORM), ("transfer-encoding", "chunked")]
    with plain.connected(gateway.port) as sock:
        sock.sendall(plain.head("POST", "/v1/audio/transcriptions", fields) + chunks + b"0\r\n\r\n")
        assert plain.read(sock).status == 200
    assert kit.last(ledger).body_sha256 == digest(form(("model", b"gpt-4o-mini"), file_first=True))


def test_an_alias_in_a_path(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Gemini names its model in the path: the body stays as it is."""
    body = plain.dump(plain.gemini())
    heard = sent(gateway, ledger, "/v1beta/models/fast-gemini:generateContent?alt=json", body)
    assert (heard.path, heard.query) == ("/v1beta/models/gemini-mini:generateContent", "alt=json")
    assert heard.body_sha256 == digest(body)


def test_an_alias_for_anthropic(gateway: rig.Gateway, ledger: SandboxServer) -> None:
    """Anthropic's body, the same way."""
    heard = sent(gateway, ledger, "/v1/messages", plain.dump(plain.messages("fast-claude")))
    assert heard.body_sha256 == digest(plain.dump(plain.messages("claude-mini")))


ASKED = b'"stream_options":{"include_usage":true},'


@pytest.mark.parametrize("target", ["/v1/chat/completions", "/v1/completions"])
@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b'{"model":"gpt-4o","stream":true}', b"{" + ASKED + b'"model":"gpt-4o","stream":true}'),
        (b' {\n"stream": true, "model":"gpt-4o"}\n', b" {" + ASKED + b'\n"stream": true, "model":"gpt-4o"}\n'),
        (b'{"model":"fast","stream":true}', b"{" + ASKED + b'"model":"gpt-4o-mini","stream":true}'),
        (
            b'{"model":"gpt-4o","stream":true,"stream_options":null}',
            b'{"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true}}',
        ),
    ],
)
def test_usage_is_asked_for(
    gateway: rig.Gateway, ledger: SandboxServer, target: str, body: bytes, wanted: bytes
) -> None:
    """A stream whose caller did not ask for usage gets the option added, and no other byte changed."""
    assert sent(gateway, ledger, target, body).body_sha256 == digest(wanted)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (b'{"include_usage":false}', b'{"include_usage":true}'),
        (b'{"include_usage":false, "x":[1, 2]}', b'{"include_usage":true, "x":[1, 2]}'),
        (b"{}", b'{"include_usage":true}'),
    ],
)
def test_options_are_kept(gateway: rig.Gateway, ledger: SandboxServer, options: bytes, wanted: bytes) -> None:
    """Other stream options stay, whatever they are."""
    around = b'{"model":"gpt-4o", "stream_options" : %b , "stream":true}'
    heard = sent(gateway, ledger, "/v1/chat/completions", around % options)
    assert heard.body_sha256 == digest(around % wanted)


UNTOUCHED = [
    ("/v1/chat/completions", {"stream": False}),
    ("/v1/chat/completions", {"stream": None}),
    ("/v1/chat/completions", {"stream": "true"}),
    ("/v1/chat/completions", {}),
    ("/v1/chat/completions", {"stream": True, "stream_options": {"include_usage": True}}),
    ("/v1/responses", {"stream": True}),
    ("/v1/embeddings", {"stream": True}),
]


@pytest.mark.parametrize(("target", "more"), UNTOUCHED)
def test_otherwise_nothing_is_added(
    gateway: rig.Gateway, ledger: SandboxServer, target: str, more: dict[str, object]
) -> None:
    """Not streamed, asked for already, or another endpoint: the body is left alone."""
    body = plain.dump(plain.chat() | more)
    assert sent(gateway, ledger, target, body).body_sha256 == digest(body)


def test_an_empty_list_of_parts(gateway: rig.Gateway) -> None:
    """A form without a model goes nowhere: only keys for every model may let the vendor choose."""
    body = f"--{BOUNDARY}--\r\n".encode()
    narrow = ("authorization", f"Bearer {kit.NARROW}")
    fields = [narrow, ("content-type", FORM)]
    assert plain.ask(gateway.port, "POST", "/v1/audio/transcriptions", body, fields).status == 403
