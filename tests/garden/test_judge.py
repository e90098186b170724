"""The judge notices what it is there for: each kind of disagreement, made by hand, and none where there is none."""

import pytest

from garden import judge
from garden.ground import Arrived, Wire

MARKED = b"POST /a HTTP/1.1\r\nhost: x\r\nx-garden: p\r\ncontent-length: 2\r\n\r\nhi"
BARE = MARKED.replace(b"x-garden: p\r\n", b"")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BAD = OK.replace(b"200 OK", b"400 Bad Request")
HI = Arrived(b"POST /a HTTP/1.1", b"hi")


def said(forwarded: bytes, answered: bytes, arrived: list[Arrived], *, marked: bool = True, ended: bool = False) -> str:
    """The complaints, as one text."""
    wire = Wire(bytearray(forwarded), bytearray(answered), ended=ended)
    return "; ".join(judge.complaints([wire], arrived, marked=marked))


def test_agreement_is_none() -> None:
    """Requests that all saw, a refusal that ends the connection, and a request that is still on its way are no disagreement."""
    assert said(MARKED * 2, OK * 2, [HI, HI]) == ""
    assert said(MARKED + MARKED[:-1], OK + BAD, [HI], ended=True) == ""
    assert said(MARKED + MARKED[:-1], OK, [HI]) == ""
    assert said(BARE * 2, OK * 2, [HI, HI], marked=False) == ""


@pytest.mark.parametrize(
    ("forwarded", "answered", "arrived", "complaint"),
    [
        (MARKED + BARE, OK * 2, [HI, HI], "2 answers [200, 200] to 1 requests"),
        (MARKED + b"junk\r\n\r\n", OK + BAD, [HI], "2 answers [200, 400] to 1 requests"),
        (MARKED * 2, OK, [HI], "1 answers [200] to 2 whole requests"),
        (MARKED, OK, [Arrived(HI.line, b"hi!")], "a body that nobody sent"),
        (MARKED, OK, [HI, HI], "a body that nobody sent"),
        (MARKED[:-1], OK, [HI], "1 served, of 1 known and 0 as h11 reads them"),
        (MARKED, OK[4:], [HI], "our answer is crooked"),
    ],
)
def test_disagreement_is_told(forwarded: bytes, answered: bytes, arrived: list[Arrived], complaint: str) -> None:
    """A request too many, one that got no answer, a body that is another's or twice there, one served before it was whole."""
    assert complaint in said(forwarded, answered, arrived)


@pytest.mark.parametrize(
    ("data", "requests", "end"),
    [
        (b"", 0, ""),
        (b"\r\n" + BARE, 1, ""),
        (BARE[:-1], 0, "waits"),
        (BARE + BARE[:20], 1, "waits"),
        (BARE + b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 1, "refused"),
        (BARE.replace(b"host", b"connection: close\r\nhost") + BARE, 1, "over"),
    ],
)
def test_the_third_reading(data: bytes, requests: int, end: str) -> None:
    """h11's reading tells whole requests, and why there are no more."""
    read = judge.reading(data)
    assert (len(read.requests), read.end) == (requests, end)
