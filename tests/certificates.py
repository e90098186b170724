"""Certificates for tests: an authority of our own, pairs that it issued, as files."""

import datetime as dt
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

OLD = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
RSA, ECDSA = trustme.KeyType.RSA, trustme.KeyType.ECDSA


@dataclass(frozen=True)
class Files:
    """A certificate chain and its key, where a server reads them."""

    chain: Path
    key: Path

    def put(self, leaf: trustme.LeafCert, *, chain: bytes = b"", key: bytes = b"") -> None:
        """Replace both, each whole, one after the other; `chain` and `key` in place of the pair's own."""
        _replace(self.chain, chain or pem(leaf))
        _replace(self.key, key or leaf.private_key_pem.bytes())

    @property
    def settings(self) -> str:
        """The keys of `[gateway]` that name them."""
        return f'tls_certificate = "{self.chain}"\ntls_key = "{self.key}"'


def files(folder: Path, leaf: trustme.LeafCert) -> Files:
    """A pair in `folder`."""
    made = Files(folder / "chain.pem", folder / "key.pem")
    made.put(leaf)
    return made


def pem(leaf: trustme.LeafCert) -> bytes:
    """A chain: the server's certificate, then those that issued it, but for the root."""
    return b"".join(each.bytes() for each in leaf.cert_chain_pems)


def trusting(ca: trustme.CA, **more: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that trusts the authority, and nobody else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    for name, value in more.items():
        setattr(context, name, value)
    return context


def _replace(file: Path, data: bytes) -> None:
    draft = file.with_suffix(".new")
    draft.write_bytes(data)
    os.replace(draft, file)      # noqa: PTH105  what whoever renews certificates does
