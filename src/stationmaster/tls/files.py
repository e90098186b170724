"""A certificate and its key as files. Owns: reading them, what makes them unusable, noticing that they changed.

A pair that cannot be used is an error at the start; later it changes nothing, and is told once.
"""

import itertools
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from stationmaster.errors import StationmasterError
from stationmaster.tls.context import Front, Material

EVERY = 1.0            # seconds between two looks at the files
_MOST = 1 << 20        # bytes of one of them
_Marks = tuple[tuple[int, int, int, int], ...]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Pair:
    """What can be served. `begins` and `expires` are in seconds since 1970; `names` are the host names and addresses that it is
    for; `ordered`: each certificate of the chain was issued by the next one (RFC 8446, 4.4.2)."""

    material: Material
    begins: float
    expires: float
    names: tuple[str, ...]
    ordered: bool

    def suits(self, host: str) -> bool:
        """Whether a client that asks for `host`, a name or an address, would take it (RFC 9525, 6.3)."""
        return any(_suits(name, host.strip("[]").lower()) for name in self.names)


def read(certificate: Path, key: Path, now: float) -> Pair:
    """Read the pair and judge it as of `now`, in seconds since 1970. Raises `StationmasterError`."""
    material = Material(_bytes(certificate), _bytes(key))
    chain = _chain(certificate, material.chain)
    _match(certificate, key, chain, _public(key, material.key))
    leaf = chain[0]
    _current(certificate, leaf, now)
    try:
        Front(material)
    except ssl.SSLError as error:      # such as an RSA key of 1024 bits
        raise _unusable(f"TLS does not take {certificate}: {error.reason or type(error).__name__}",
                        "have it issued anew, with an ECDSA key or an RSA key of 2048 bits or more") from None
    begins, ends = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    return Pair(material, begins, ends, _names(leaf), _in_order(chain))


class Watch:
    """The pair of two files: `pair` is what is served. `look` as often as you like; it reads when they changed, and then not
    before they have stayed the same from one look to the next: whoever replaces them writes one after the other."""

    def __init__(self, certificate: Path, key: Path, say: Say = lambda _: None) -> None:
        """Raises `StationmasterError` when the pair cannot be used."""
        self._files, self._say = (certificate, key), say
        self._read = self._seen = self._marks()
        self.pair = read(certificate, key, time.time())
        self.refused = ""            # what is wrong with the pair in the files, when that is not the one that is served
        self._due = 0.0

    def look(self, *, at_once: bool = False) -> bool:
        """Whether there is another pair now. `at_once`: somebody says that there is."""
        if not at_once and time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + EVERY
        before, self._seen = self._seen, self._marks()
        if self._seen == self._read or (self._seen != before and not at_once):
            return False
        self._read = self._seen
        return self._take()

    def _take(self) -> bool:
        try:
            found = read(*self._files, time.time())
        except StationmasterError as error:
            if error.message != self.refused:
                self._say(f"TLS certificate kept, the new one is refused: {error.message}. Hint: {error.hint}")
            self.refused = error.message
            return False
        self.refused, before = "", self.pair
        self.pair = found
        if found.material == before.material:
            return False
        self._say(f"TLS certificate replaced; the new one is valid until {_day(found.expires)}")
        return True

    def _marks(self) -> _Marks:
        return tuple(map(_mark, self._files))


def _mark(file: Path) -> tuple[int, int, int, int]:
    try:
        found = file.stat()      # behind links: they are what Kubernetes changes
    except OSError:
        return 0, 0, 0, 0
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(_MOST)
    except OSError as error:
        raise _unusable(f"{file} cannot be read: {error.strerror or type(error).__name__}",
                        "tls_certificate and tls_key name PEM files that this account may read") from None


def _chain(file: Path, data: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise _unusable(f"{file} holds no certificate",
                        "it is a PEM file: the server's certificate, then those that issued it") from None


def _public(file: Path, data: bytes) -> bytes:
    """The public half of a key. No message repeats a byte of the file."""
    try:
        return load_pem_private_key(data, None).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:
        raise _unusable(f"the key in {file} is encrypted, and nobody is there to type its passphrase",
                        "write it without one, for its owner alone: openssl pkey -in OLD -out NEW") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unusable(f"{file} holds no private key", "it is a PEM file that begins with -----BEGIN PRIVATE KEY-----") from None


def _match(certificate: Path, key: Path, chain: list[x509.Certificate], public: bytes) -> None:
    theirs = [each.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for each in chain]
    if theirs[0] == public:
        return
    if public in theirs:
        raise _unusable(f"the server's certificate does not come first in {certificate}",
                        "put it before those that issued it")
    raise _unusable(f"the key in {key} does not belong to the certificate in {certificate}", "name the files of one pair")


def _current(file: Path, leaf: x509.Certificate, now: float) -> None:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if ends.timestamp() <= now:
        raise _unusable(f"the certificate in {file} expired on {ends:%Y-%m-%d %H:%M} UTC", "renew it")
    if begins.timestamp() > now:
        raise _unusable(f"the certificate in {file} is not valid before {begins:%Y-%m-%d %H:%M} UTC",
                        "is this machine's clock right?")


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    """What it is for. A subject's common name is no host name any more (RFC 9525, 2)."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    return tuple(name.lower() for name in (*found.get_values_for_type(x509.DNSName), *addresses))


def _suits(name: str, host: str) -> bool:
    if name.startswith("*."):
        return not _is_address(host) and host.partition(".")[2] == name[2:]
    return name == (str(ip_address(host)) if _is_address(host) else host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _in_order(chain: list[x509.Certificate]) -> bool:
    try:
        for below, above in itertools.pairwise(chain):
            below.verify_directly_issued_by(above)
    except Exception:  # noqa: BLE001  whatever is wrong, by whichever kind of key: it did not issue it
        return False
    return True


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d}"


def _unusable(message: str, hint: str) -> StationmasterError:
    return StationmasterError("error.tls.certificate", message, hint=hint, fault="operator")
