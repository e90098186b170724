"""The context of a listener, whose certificate can be replaced while it serves. Owns: versions, protocols, and that a new
certificate is for new connections alone."""

import os
import ssl
import tempfile
from collections.abc import Callable
from typing import NamedTuple, Protocol

PROTOCOLS = ["http/1.1"]     # all that our listeners speak (RFC 7301)


class Material(NamedTuple):
    """A certificate chain and its private key, PEM both: the server's own certificate first."""

    chain: bytes
    key: bytes

    def __repr__(self) -> str:
        return "Material(chain=…, key=…)"


class Shown(Protocol):
    """What is shown to clients, and until when it is valid, in seconds since 1970."""

    @property
    def material(self) -> Material:
        """The chain and its key."""

    @property
    def expires(self) -> float:
        """When it ends."""


class Certificates(Protocol):
    """Files of a certificate, which may hold another later (`files.Watch`)."""

    @property
    def pair(self) -> Shown:
        """What is to be shown."""

    @property
    def refused(self) -> str:
        """What is wrong with another that should take its place; empty: there is none."""

    def look(self, *, at_once: bool = False) -> bool:
        """Whether `pair` is another one now."""


class Front:
    """`context` is what a listener is made with, once. What `use` brings is shown to whoever connects from then on; connections
    that are open keep what they have."""

    def __init__(self, material: Material) -> None:
        """Raises ssl.SSLError on what OpenSSL does not take, OSError."""
        self.context = self._now = _context(material)
        self.context.sni_callback = self._show

    def use(self, material: Material) -> None:
        """Show another certificate from now on. Raises as the constructor does, and then changes nothing.

        A context of its own: loaded into the first, a certificate of another kind of key would stand beside the old one there,
        and the client would choose.
        """
        self._now = _context(material)

    def _show(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """OpenSSL asks for each connection, also where the client names no host."""
        if self._now is not self.context:
            connection.context = self._now


def _context(material: Material) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2      # RFC 8996 retired what came before
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(PROTOCOLS)
    _with_files(material, lambda chain, key: context.load_cert_chain(chain, key, password=_never))
    return context


def _never() -> str:
    """The password of a key: nobody is at the terminal of a server."""
    raise ssl.SSLError("the key is encrypted")


def _with_files(material: Material, use: Callable[[str, str], None]) -> None:
    """OpenSSL's reader takes paths alone: give it some that lead to memory, or to files that have no name a moment later."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("chain"), "w+b", 0) as chain, open(os.memfd_create("key"), "w+b", 0) as key:  # noqa: PTH123
            chain.write(material.chain)
            key.write(material.key)
            use(f"/proc/self/fd/{chain.fileno()}", f"/proc/self/fd/{key.fileno()}")
        return
    with tempfile.NamedTemporaryFile() as chain_file, tempfile.NamedTemporaryFile() as key_file:     # 0600, both
        for file, data in ((chain_file, material.chain), (key_file, material.key)):
            file.write(data)
            file.flush()
        use(chain_file.name, key_file.name)
