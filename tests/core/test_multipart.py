"""The model of a form: found at any cut, refused wherever two servers could find two."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.feeding import FEW, feed_three_ways, seeds, single
from stationmaster.gateway.core.multipart import BadMultipart, ModelField, boundary_of


def part(name: bytes, value: bytes, more: bytes = b"", boundary: bytes = b"b") -> bytes:
    """One part."""
    return b'--%b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (boundary, name, more, value)


END = b"--b--\r\n"
MODEL = part(b"model", b"whisper-1")
FILE = part(b"file", b"RIFF\x00\xff\r\n-\r\n--\r\n--a\r\n", b'; filename="a.wav"\r\nContent-Type: audio/wav')

GOOD: dict[bytes, tuple[str | None, bool]] = {
    MODEL + END: ("whisper-1", True),
    FILE + MODEL + END: ("whisper-1", True),
    MODEL + FILE + END: ("whisper-1", True),
    FILE + END: (None, True),
    part(b"prompt", b"a model") + part(b"models", b"x") + END: (None, True),
    part(b"model", b"") + END: ("", True),
    part(b"model", "caf\u00e9".encode()) + END: ("caf\u00e9", True),
    MODEL + b"--b--": ("whisper-1", True),
    part(b"file", b"", b'; filename="model"') + END: (None, True),
    b'--b\r\ncontent-disposition: FORM-DATA; name="model"\r\nContent-Type: text/plain\r\n\r\nx\r\n' + END: ("x", True),
    FILE * 3 + MODEL: (None, False),
    FILE * 3 + MODEL + b"--b": ("whisper-1", False),
}
BAD = (
    MODEL + MODEL + END,
    MODEL + FILE + MODEL + END,
    part(b"model", b"x" * 600) + END,
    part(b"model", b"\xff") + END,
    part(b"Model", b"x") + END,
    part(b" model", b"x") + END,
    part(b"model ", b"x") + END,
    part(b"model", b"x", b'; filename="a"') + END,
    part(b"model", b"x", b"; filename*=utf-8''a") + END,
    part(b"model", b"x", b"\r\nContent-Transfer-Encoding: base64") + END,
    b"preamble\r\n" + MODEL + END,
    b"\r\n" + MODEL + END,
    b" " + MODEL + END,
    b"--b\r\nContent-Disposition: form-data; name=model\r\n\r\nx\r\n" + END,
    b'--b\r\nContent-Disposition: form-data; name="a"; name="model"\r\n\r\nx\r\n' + END,
    b'--b\r\nContent-Disposition: form-data; name="mo\\del"\r\n\r\nx\r\n' + END,
    b'--b\r\nContent-Disposition: attachment; name="model"\r\n\r\nx\r\n' + END,
    b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END,
    b"--b\r\n\r\nx\r\n" + MODEL + END,
    b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"\r\n\r\nx\r\n'
    + END,
    b'--b\nContent-Disposition: form-data; name="model"\n\nx\n--b--\n',
    MODEL[:-2] + b"\n" + END,
    b"--bx\r\n" + MODEL + END,
    b"--b \r\n" + MODEL[5:] + END,
    MODEL + b"--b-\r\n" + MODEL + END,
    MODEL + b"--b--x\r\n" + MODEL + END,
    MODEL + END + MODEL + END,
    FILE[:-2] + b"\n" + MODEL + END,
    part(b"file", b'a\n--b\nContent-Disposition: form-data; name="model"\n\nevil') + MODEL + END,
    b"--b\r\n" + b"X: " + b"a" * 9000 + b"\r\n" + MODEL[5:] + END,
    b'--b\r\nContent-Disposition: form-data; name="x"\r\n Y: z; name="model"\r\n\r\nx\r\n' + END,
)


def run(pieces: Sequence[bytes]) -> tuple[str, str | None, bool]:
    """What came of a form."""
    field = ModelField(b"b")
    try:
        for piece in pieces:
            field.feed(piece)
    except BadMultipart:
        return "refused", None, False
    return "read", field.model, field.done


@pytest.mark.parametrize("form", GOOD, ids=lambda form: repr(form[:60]))
def test_the_model_is_found(form: bytes) -> None:
    """A plain form's model is found wherever it stands, at any cut, with its place in the form."""
    model, done = GOOD[form]
    assert feed_three_ways(form, run, b"\r\n" if done else b"") == ("read", model, done)
    for cut in range(len(form)):
        assert run([form[:cut], form[cut:]]) == ("read", model, done), cut
    field = ModelField(b"b")
    for piece in single(form):
        field.feed(piece)
    if model is not None:
        start, end = field.span
        assert form[start:end].decode() == model


@pytest.mark.parametrize("form", BAD, ids=lambda form: repr(form[:70]))
def test_what_could_be_read_two_ways_is_refused(form: bytes) -> None:
    """Two models, a dressed-up name, a bare line feed, bytes before or behind: refused, at any cut (RFC 7578)."""
    assert feed_three_ways(form, run, b"more") == ("refused", None, False)


@pytest.mark.parametrize("form", seeds("forms"), ids=lambda form: repr(form[:60]))
def test_seeds(form: bytes) -> None:
    """Kept forms: the same at every cut."""
    whole = run([form])
    assert run(single(form)) == whole
    assert all(run([form[:cut], form[cut:]]) == whole for cut in range(len(form)))


@FEW
@given(
    st.lists(
        st.sampled_from(
            [
                b"--b",
                b"--b--",
                b"\r\n",
                b"\n",
                b"\r",
                b"--",
                b"b",
                MODEL,
                FILE,
                b'Content-Disposition: form-data; name="model"',
                b"\r\n\r\n",
                b"x",
            ]
        ),
        max_size=12,
    ),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_any_form_any_cuts(parts: list[bytes], cuts: list[int]) -> None:
    """However a form is cut, it is read the same."""
    form = b"".join(parts)
    places = sorted({0, *(cut % (len(form) + 1) for cut in cuts), len(form)})
    assert run([form[start:end] for start, end in pairwise(places)]) == run([form] if form else [])


def test_a_file_is_not_held() -> None:
    """A large file passes through the scanner without being kept."""
    field = ModelField(b"b")
    field.feed(b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n')
    for _ in range(200):
        field.feed(b"\r\n-" * 10_000)
    assert len(field._buffer) < 40_000
    field.feed(b"\r\n" + MODEL + END)
    assert (field.model, field.done) == ("whisper-1", True)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'multipart/form-data; boundary="a b"', b"a b"),
        (b"Multipart/Form-Data; charset=utf-8; Boundary=abc", b"abc"),
        (b"multipart/form-data;boundary=abc ; x=y", b"abc"),
        (
            b"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
            b"----WebKitFormBoundary7MA4YWxkTrZu0gW",
        ),
    ],
)
def test_boundaries(content_type: bytes, boundary: bytes) -> None:
    """The boundary parameter, quoted or not."""
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/mixed; boundary=a",
        b"multipart/form-data; boundary=a; boundary=b",
        b'multipart/form-data; boundary="a',
        b"multipart/form-data; boundary=" + b"a" * 71,
        b"multipart/form-data; boundary=a b",
        b'multipart/form-data; x="; boundary=a; y"',
        b"multipart/form-data boundary=a",
        b"multipart/form-data; boundary*=a",
        b"multipart/form-data; boundary=a, multipart/form-data; boundary=b",
    ],
)
def test_bad_boundaries(content_type: bytes) -> None:
    """None, two, too long, or only seemingly there."""
    with pytest.raises(BadMultipart):
        boundary_of(content_type)
