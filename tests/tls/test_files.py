"""A certificate's files: which pairs are taken, what is said of the others, when they are read again."""

import datetime as dt
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

import certificates
from certificates import ECDSA, OLD, RSA, Files
from stationmaster.errors import StationmasterError
from stationmaster.tls.files import Watch, read

DAY = dt.timedelta(days=1)
NOW = time.time()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority of our own."""
    return trustme.CA()


@pytest.fixture
def pair(ca: trustme.CA, tmp_path: Path) -> Files:
    """A good pair."""
    return certificates.files(tmp_path, ca.issue_cert("gateway.example.test", "*.wild.example.test", "127.0.0.1", "::1"))


def _pkcs8(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


@pytest.mark.parametrize("kind", [RSA, ECDSA])
def test_a_good_pair(ca: trustme.CA, tmp_path: Path, kind: trustme.KeyType) -> None:
    """A chain of an authority below another and its key are taken, whichever kind of key; what it is for, and until when, is
    known."""
    leaf = ca.create_child_ca().issue_cert("gateway.example.test", key_type=kind, not_after=OLD.replace(year=2038))
    made = certificates.files(tmp_path, leaf)
    found = read(made.chain, made.key, NOW)
    assert found.names == ("gateway.example.test",)
    assert found.expires == OLD.replace(year=2038).timestamp()
    assert found.ordered
    assert "BEGIN" not in repr(found), "no key is shown by mistake"


def test_a_chain_out_of_order_is_noticed(ca: trustme.CA, tmp_path: Path) -> None:
    """Certificates behind the server's that did not issue it: most clients take it, so it is served, and known."""
    leaf, other = ca.issue_cert("a.example.test"), trustme.CA()
    made = certificates.files(tmp_path, leaf)
    made.put(leaf, chain=certificates.pem(leaf) + other.cert_pem.bytes())
    assert not read(made.chain, made.key, NOW).ordered


@pytest.mark.parametrize(("host", "suits"), [
    ("gateway.example.test", True), ("GATEWAY.example.test", True), ("a.wild.example.test", True), ("127.0.0.1", True),
    ("::1", True), ("[::1]", True), ("0:0:0:0:0:0:0:1", True),
    ("wild.example.test", False), ("a.b.wild.example.test", False), ("example.test", False), ("127.0.0.2", False), ("", False),
])  # fmt: skip
def test_names(pair: Files, host: str, suits: bool) -> None:
    """Names are compared as clients do (RFC 9525, 6.3): whole, or with one label for the star; addresses by what they are."""
    assert read(pair.chain, pair.key, NOW).suits(host) is suits


def _mismatched(pair: Files, ca: trustme.CA) -> None:
    pair.put(ca.issue_cert("a.test"), key=ca.issue_cert("a.test").private_key_pem.bytes())


def _expired(pair: Files, ca: trustme.CA) -> None:
    pair.put(ca.issue_cert("a.test", not_before=OLD, not_after=OLD + DAY))


def _not_yet(pair: Files, ca: trustme.CA) -> None:
    ahead = dt.datetime.now(dt.UTC) + DAY
    pair.put(ca.issue_cert("a.test", not_before=ahead, not_after=ahead + DAY))


def _encrypted(pair: Files, ca: trustme.CA) -> None:
    leaf = ca.issue_cert("a.test")
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    pair.put(leaf, key=_pkcs8(key, b"a passphrase"))


def _issuer_first(pair: Files, ca: trustme.CA) -> None:
    leaf = ca.issue_cert("a.test")
    pair.put(leaf, chain=ca.cert_pem.bytes() + certificates.pem(leaf))


def _a_folder(pair: Files, _: trustme.CA) -> None:
    pair.chain.unlink()
    pair.chain.mkdir()


BAD: list[tuple[str, Callable[[Files, trustme.CA], object], str, str]] = [
    ("mismatched", _mismatched, "does not belong to", "one pair"),
    ("expired", _expired, "expired on 2020-01-02 00:00 UTC", "renew"),
    ("not yet valid", _not_yet, "is not valid before", "clock"),
    ("encrypted", _encrypted, "is encrypted", "openssl pkey"),
    ("issuer first", _issuer_first, "does not come first", "before those"),
    ("no certificate", lambda pair, _: pair.chain.write_text("SECRET"), "holds no certificate", "PEM"),
    ("broken certificate", lambda pair, _: pair.chain.write_bytes(pair.chain.read_bytes().replace(b"MII", b"AAA", 1)),
     "holds no certificate", "PEM"),
    ("no key", lambda pair, _: pair.key.write_text("SECRET"), "holds no private key", "BEGIN PRIVATE KEY"),
    ("gone", lambda pair, _: pair.key.unlink(), "cannot be read: No such file", "may read"),
    ("a folder", _a_folder, "cannot be read: Is a directory", "may read"),
]


@pytest.mark.parametrize(("spoil", "words", "hint"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_cannot_be_used(
    pair: Files, ca: trustme.CA, spoil: Callable[[Files, trustme.CA], object], words: str, hint: str
) -> None:
    """Each says what is wrong with which file and what to do, repeats none of its content, and never asks at a terminal."""
    spoil(pair, ca)
    with pytest.raises(StationmasterError) as raised:
        read(pair.chain, pair.key, NOW)
    assert raised.value.code == "error.tls.certificate"
    assert words in raised.value.message
    assert hint in raised.value.hint
    assert "SECRET" not in raised.value.message


def test_a_weak_key(tmp_path: Path) -> None:
    """What OpenSSL does not serve is refused when it is read, with its reason: here an RSA key of 1024 bits."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    key = rsa.generate_private_key(65537, 1024)      # noqa: S505  that is the point
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "weak.example.test")])
    now = dt.datetime.now(dt.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - DAY, now + DAY).sign(key, SHA256())
    (tmp_path / "chain.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(_pkcs8(key))
    with pytest.raises(StationmasterError, match="KEY_TOO_SMALL"):
        read(tmp_path / "chain.pem", tmp_path / "key.pem", NOW)


class Watched:
    """A watch whose looks are not held back by the clock, and what it said."""

    def __init__(self, pair: Files) -> None:
        self.said: list[str] = []
        self.watch = Watch(pair.chain, pair.key, self.said.append)

    def look(self, *, at_once: bool = False) -> bool:
        """Look now."""
        self.watch._due = 0.0
        return self.watch.look(at_once=at_once)


def test_a_new_pair_is_taken_once_it_stays(pair: Files, ca: trustme.CA) -> None:
    """Files that changed are read at the second look that finds them the same: whoever writes them may be half done."""
    watched, new = Watched(pair), ca.issue_cert("new.example.test")
    pair.chain.write_bytes(certificates.pem(new))        # half done
    assert not watched.look()
    pair.key.write_bytes(new.private_key_pem.bytes())
    assert not watched.look()
    assert watched.look()
    assert watched.watch.pair.names == ("new.example.test",)
    assert not watched.look()
    assert len(watched.said) == 1
    assert "replaced" in watched.said[0]


def test_at_a_signal_it_is_taken_at_once(pair: Files, ca: trustme.CA) -> None:
    """Somebody who says that there is a new one does not wait."""
    watched = Watched(pair)
    pair.put(ca.issue_cert("new.example.test"))
    assert watched.look(at_once=True)


def test_a_bad_one_is_told_once_and_changes_nothing(pair: Files, ca: trustme.CA) -> None:
    """The pair before goes on, what is wrong is kept for whoever asks, and a good one ends that."""
    watched = Watched(pair)
    before = watched.watch.pair
    for _ in range(2):
        pair.put(ca.issue_cert("a.example.test"), key=b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n")
        assert not watched.look(at_once=True)
    assert watched.watch.pair is before
    assert "no private key" in watched.watch.refused
    assert len(watched.said) == 1
    assert "SECRET" not in watched.said[0]
    pair.put(ca.issue_cert("new.example.test"))
    assert watched.look(at_once=True)
    assert watched.watch.refused == ""


def test_links_that_are_turned(pair: Files, ca: trustme.CA, tmp_path: Path) -> None:
    """Kubernetes replaces a folder's link: what is behind the names counts."""
    for name, host in (("one", "one.example.test"), ("two", "two.example.test")):
        (tmp_path / name).mkdir()
        certificates.files(tmp_path / name, ca.issue_cert(host))
    link = tmp_path / "data"
    link.symlink_to("one")
    watched = Watched(Files(link / "chain.pem", link / "key.pem"))
    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", link)      # noqa: PTH105  as it is done there
    watched.look()
    assert watched.look()
    assert watched.watch.pair.names == ("two.example.test",)


def test_it_reads_only_when_something_changed(pair: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at files that are as they were reads nothing."""
    watched = Watched(pair)
    monkeypatch.setattr("stationmaster.tls.files.read", lambda *_: pytest.fail("read"))
    assert [watched.look() for _ in range(3)] == [False] * 3
