"""Fuzz targets for what arrives over HTTP: heads, chunks, forms. Each raises AssertionError when a promise breaks.

The judge beside us is h11, which shares no code with llhttp.
"""

from collections.abc import Iterable

import h11

from core import test_chunked, test_multipart
from fuzz.chance import halves, pieces
from stationmaster.gateway.core.multipart import BadMultipart, ModelField, boundary_of
from stationmaster.gateway.core.wire import PartialHead, ProtocolError, RequestLine, parse_request, parse_response


def head(data: bytes) -> None:
    """A head that we take h11 takes too, with the same meaning; one that we refuse in pieces we refuse whole."""
    step, raw = halves(data)
    raw = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[0].rstrip(b"\r\n") + b"\r\n\r\n"
    ours = _ours(raw)
    partial = PartialHead()
    try:
        for piece in pieces(raw, step):
            partial.feed(piece)
    except ProtocolError:
        assert ours is None, "refused in pieces, taken whole"
    if ours is not None:
        _agree(ours, raw)


def _ours(raw: bytes) -> RequestLine | None:
    try:
        return parse_request(raw)
    except ProtocolError:
        return None


def _agree(ours: RequestLine, raw: bytes) -> None:
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
    server.receive_data(raw)
    theirs = server.next_event()
    assert isinstance(theirs, h11.Request), theirs
    assert (theirs.method.decode(), theirs.target.decode()) == (ours.method, ours.target)
    assert [name for name, _ in theirs.headers] == [name for name, _ in ours.headers]
    assert _values(theirs.headers) == _values(ours.headers)
    assert not (ours.chunked and ours.length is not None)
    if ours.method == "CONNECT":
        return
    needs = h11.EndOfMessage if not ours.chunked and not ours.length else h11.NEED_DATA
    told = server.next_event()
    assert told is needs or isinstance(told, needs if isinstance(needs, type) else ()), (told, ours)


def answer(data: bytes) -> None:
    """An answer's head that we take h11 takes too, with the same status, fields and framing."""
    which, raw = halves(data)
    method = ("GET", "POST", "HEAD")[which % 3]
    raw = raw.lstrip(b"\r\n").partition(b"\r\n\r\n")[0].rstrip(b"\r\n") + b"\r\n\r\n"    # what is in front others refuse
    try:
        ours = parse_response(raw, method)
    except ProtocolError as error:
        if error.status != 502:
            raise AssertionError from error
        return
    if ours.status < 200 or (ours.framing == "none" and any(name == b"transfer-encoding" for name, _ in ours.headers)):
        return      # a coding of no body decides nothing (RFC 9112 6.3); the connection is not used again
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=2**20)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    theirs = client.next_event()
    assert isinstance(theirs, h11.Response), theirs
    assert (theirs.status_code, _values(theirs.headers)) == (ours.status, _values(ours.headers))
    told = client.next_event()
    over = ours.framing == "none" or (ours.framing == "length" and ours.length == 0)
    assert isinstance(told, h11.EndOfMessage) if over else told is h11.NEED_DATA, (told, ours)


def _values(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """h11 writes codings in small letters."""
    return [value.lower() if name == b"transfer-encoding" else value for name, value in headers]


def chunks(data: bytes) -> None:
    """A chunked body means the same at any cut, and to llhttp and h11 what it means to us."""
    step, raw = halves(data)
    whole = test_chunked.run([raw])
    cut = test_chunked.run(pieces(raw, step))
    assert whole == cut or "refused" in (whole[0], cut[0]), (whole, cut)
    if whole[2]:
        assert whole == cut, (whole, cut)
    test_chunked.compare(raw)
    if whole[0] == "taken" and whole[2] and not test_chunked.SPACED.search(raw):
        _like_h11(raw, whole[1])


def _like_h11(raw: bytes, payload: bytes) -> None:
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)
    server.receive_data(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + raw)
    body = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        assert event is not h11.NEED_DATA, "whole to us, not to h11"
        if isinstance(event, h11.Data):
            body += bytes(event.data)
    assert body == payload


def forms(data: bytes) -> None:
    """A form's model is the same at any cut, stands where its span says, and no boundary is read from what is no form."""
    step, raw = halves(data)
    first, _, form = raw.partition(b"\n")
    try:
        boundary = boundary_of(first)
    except BadMultipart:
        boundary = b"b"
    whole = _form(boundary, [form])
    assert _form(boundary, pieces(form, step)) == whole
    if boundary == b"b":
        assert test_multipart.run([form]) == whole[:3]
    state, model, _, span = whole
    if state == "read" and model is not None:
        assert form[span[0] : span[1]].decode() == model


def _form(boundary: bytes, parts: list[bytes]) -> tuple[str, str | None, bool, tuple[int, int]]:
    field = ModelField(boundary)
    try:
        for part in parts:
            field.feed(part)
    except BadMultipart:
        return "refused", None, False, (0, 0)
    return "read", field.model, field.done, field.span if field.model is not None else (0, 0)
